//! Which rate is tried next.

use fedproof_results::load::LimitStep;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a workload looks for the highest rate that holds: up by a factor until a threshold breaks, then between.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Search {
    /// The first rate, in operations a second.
    pub from: f64,
    /// The highest that is tried.
    pub to: f64,
    /// From one step to the next, while all holds.
    pub factor: f64,
    /// How far the lowest rate that broke may lie above the highest that held: `10%`.
    pub resolution: Share,
}

/// A share: `10%` or `0.1`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "f64")]
#[schemars(with = "Written")]
pub struct Share(pub f64);

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Written {
    Number(f64),
    Text(String),
}

impl TryFrom<Written> for Share {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Number(share) => Ok(Self(share)),
            Written::Text(text) => {
                let percent = text.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
                percent.map(|percent| Self(percent / 100.0)).ok_or_else(|| format!("{text:?} is no share: 10% or 0.1"))
            }
        }
    }
}

impl From<Share> for f64 {
    fn from(share: Share) -> Self {
        share.0
    }
}

impl Search {
    /// What is wrong with it.
    pub(crate) fn problems(&self) -> Vec<String> {
        let Self { from, to, factor, resolution: Share(resolution) } = *self;
        let mut problems = Vec::new();
        if from.is_nan() || to.is_nan() || from <= 0.0 || from >= to {
            problems.push(format!("search: from ({from}) must be more than 0 and less than to ({to})"));
        }
        // Steps of less than a percent are below what any threshold can tell.
        if factor.is_nan() || factor < 1.01 {
            problems.push(format!("search: factor ({factor}) must be at least 1.01"));
        }
        if resolution.is_nan() || !(0.01..1.0).contains(&resolution) {
            problems.push(format!("search: resolution ({resolution}) must be from 1% to less than 100%"));
        }
        problems
    }
}

/// The rate to try next, by what is known: up or between, and when that is fine enough the ends once more; `None` when the
/// limit is known as well as was asked for. What broke by chance and holds when it is played again is gone beyond.
pub(crate) fn next(search: Search, steps: &[LimitStep]) -> Option<f64> {
    let Search { from, to, factor, resolution: Share(resolution) } = search;
    let untried = match ends(steps) {
        (None, None) => Some(from),
        (None, Some(_)) => None,
        (Some(held), None) => (held < to).then(|| (held * factor).min(to)),
        // Half way on the scale on which steps are equal.
        (Some(held), Some(broke)) => (broke > held * (1.0 + resolution)).then(|| (held * broke).sqrt()),
    };
    untried.or_else(|| unsure(steps))
}

/// What is known of each rate, lowest first: how often it held, and how often it was played. A play in which the generator
/// was in doubt counts only where there is no other.
fn rates(steps: &[LimitStep]) -> Vec<(f64, usize, usize)> {
    let mut rates: Vec<f64> = steps.iter().map(|step| step.rate).collect();
    rates.sort_by(f64::total_cmp);
    rates.dedup();
    let of = |rate: f64| {
        let own: Vec<&LimitStep> = steps.iter().filter(|step| step.rate == rate).collect();
        let sure: Vec<&&LimitStep> = own.iter().filter(|step| step.doubts.is_empty()).collect();
        match sure.is_empty() {
            true => (rate, own.last().map_or(0, |step| usize::from(step.held)), 1),
            false => (rate, sure.iter().filter(|step| step.held).count(), sure.len()),
        }
    };
    rates.into_iter().map(of).collect()
}

/// The highest rate that held below the lowest that did not, and that one: by the greater part of the plays of each.
pub(crate) fn ends(steps: &[LimitStep]) -> (Option<f64>, Option<f64>) {
    let rates = rates(steps);
    let broke = rates.iter().find(|(_, held, plays)| 2 * held < *plays).map(|(rate, ..)| *rate);
    let holds =
        |(rate, held, plays): &&(f64, usize, usize)| 2 * held >= *plays && broke.is_none_or(|broke| *rate < broke);
    (rates.iter().rfind(holds).map(|(rate, ..)| *rate), broke)
}

/// The end that has to be played again before it is believed: each twice, and a third time where the two do not agree. One
/// play of some seconds is a matter of chance where the rate is near the limit.
fn unsure(steps: &[LimitStep]) -> Option<f64> {
    // Doubtful plays are played again already; a rate of which all are doubtful is not settled by more of them.
    const AT_MOST: usize = 6;
    let (held, broke) = ends(steps);
    let played = |rate: f64| steps.iter().filter(|step| step.rate == rate).count();
    let is_unsure = |rate: &f64| {
        let of = rates(steps).into_iter().find(|(one, ..)| one == rate);
        of.is_some_and(|(_, held, plays)| plays < 2 || (plays == 2 && held == 1)) && played(*rate) < AT_MOST
    };
    [held, broke].into_iter().flatten().find(is_unsure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn search(from: f64, to: f64, factor: f64, resolution: f64) -> Search {
        Search { from, to, factor, resolution: Share(resolution) }
    }

    fn step(rate: f64, held: bool, doubts: &[&str]) -> LimitStep {
        LimitStep {
            rate,
            held,
            achieved: rate,
            thresholds: Vec::new(),
            stopped_because: String::new(),
            doubts: doubts.iter().map(|doubt| (*doubt).to_owned()).collect(),
        }
    }

    /// Searches on a server that says by rate and number of the step whether it holds; the rates that were tried, each once in
    /// their order, and the ends.
    fn found(search: Search, holds: impl Fn(f64, usize) -> bool) -> (Vec<f64>, (Option<f64>, Option<f64>)) {
        let mut steps: Vec<LimitStep> = Vec::new();
        while let Some(rate) = next(search, &steps) {
            steps.push(step(rate, holds(rate, steps.len()), &[]));
            assert!(steps.len() < 200, "{steps:?}");
        }
        let mut tried: Vec<f64> = Vec::new();
        for step in &steps {
            if !tried.contains(&step.rate) {
                tried.push(step.rate);
            }
        }
        (tried, ends(&steps))
    }

    #[test]
    fn it_goes_up_and_then_between() {
        let (tried, (held, broke)) = found(search(5.0, 500.0, 2.0, 0.25), |rate, _| rate <= 30.0);
        let rounded: Vec<f64> = tried.iter().map(|rate| (rate * 10.0).round() / 10.0).collect();
        assert_eq!(rounded, [5.0, 10.0, 20.0, 40.0, 28.3, 33.6]);
        assert!(held.unwrap() < 30.0 && broke.unwrap() > 30.0);
    }

    #[test]
    fn the_ends_are_told_as_such() {
        let up_to = |limit: f64| move |rate: f64, _| rate <= limit;
        assert_eq!(found(search(5.0, 12.0, 2.0, 0.1), up_to(1e9)), (vec![5.0, 10.0, 12.0], (Some(12.0), None)));
        assert_eq!(found(search(5.0, 12.0, 2.0, 0.1), up_to(1.0)), (vec![5.0], (None, Some(5.0))));
    }

    #[test]
    fn a_first_step_that_breaks_by_chance_does_not_end_the_search() {
        let (tried, (held, broke)) = found(search(5.0, 500.0, 2.0, 0.25), |rate, step| step > 0 && rate <= 30.0);
        assert_eq!(tried[..4], [5.0, 10.0, 20.0, 40.0]);
        assert!(held.unwrap() < 30.0 && broke.unwrap() > 30.0);
    }

    #[test]
    fn both_ends_are_played_again_and_two_of_three_count() {
        let sure = |rate, held| step(rate, held, &[]);
        let mut steps = vec![sure(5.0, true), sure(8.0, true), sure(9.0, false), sure(12.0, false)];
        assert_eq!((ends(&steps), unsure(&steps)), ((Some(8.0), Some(9.0)), Some(8.0)));
        steps.push(sure(8.0, true));
        assert_eq!(unsure(&steps), Some(9.0));
        steps.push(sure(9.0, true));
        assert_eq!((ends(&steps), unsure(&steps)), ((Some(9.0), Some(12.0)), Some(9.0)), "once and once: again");
        steps.push(sure(9.0, true));
        assert_eq!((ends(&steps), unsure(&steps)), ((Some(9.0), Some(12.0)), Some(12.0)), "it broke by chance");
        steps.push(sure(12.0, false));
        assert_eq!((ends(&steps), unsure(&steps)), ((Some(9.0), Some(12.0)), None));
        // What a doubtful play says counts for nothing beside one that is not.
        let steps = [step(8.0, false, &["late"]), sure(8.0, true), sure(8.0, true)];
        assert_eq!((ends(&steps), unsure(&steps)), ((Some(8.0), None), None));
    }

    #[test]
    fn shares_are_written_in_two_ways() {
        for text in
            ["{from: 5, to: 500, factor: 1.5, resolution: 10%}", "{from: 5, to: 500, factor: 1.5, resolution: 0.1}"]
        {
            let read: Search = serde_saphyr::from_str(text).unwrap();
            assert_eq!(read, search(5.0, 500.0, 1.5, 0.1), "{text}");
            assert_eq!(read.problems(), Vec::<String>::new());
        }
        assert_eq!(search(5.0, 5.0, 1.0, 2.0).problems().len(), 3);
    }

    proptest! {
        #[test]
        fn the_limit_is_within_the_resolution(limit in 2.0f64..400.0, factor in 1.1f64..3.0, resolution in 0.01f64..0.5) {
            let (_, ends) = found(search(1.0, 500.0, factor, resolution), |rate, _| rate <= limit);
            let (held, broke) = (ends.0.unwrap(), ends.1.unwrap());
            prop_assert!(held <= limit && limit < broke && broke <= held * (1.0 + resolution) * 1.000_001);
        }
    }
}
