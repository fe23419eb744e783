//! Where a series of figures changed its level: E-divisive means by divide and permute.
//!
//! Matteson and James, *A nonparametric approach for multiple change point analysis of multivariate data* (2014); used on
//! performance figures by MongoDB, Hunter and Apache Otava. A split is looked for where the energy distance between both
//! sides is largest, and believed if hardly any shuffling of the same figures has one as large. Both parts are then
//! searched in the same way. Nothing is assumed of the shape of the noise, which on shared machines has no good one.

mod energy;
mod place;

use energy::best_split;
use place::place;

/// How sure to be, and of what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Share of flat series in which a change may be seen nevertheless.
    pub significance: f64,
    /// Fewest figures between two changes, and before the first and after the last.
    pub least_runs: usize,
    /// Smallest change that matters, as a share of the level before.
    pub least_effect: f64,
    /// Shufflings; more than 1 / `significance`.
    pub shufflings: usize,
}

impl Default for Settings {
    /// One false alarm in two hundred flat series; two figures suffice if they are clear; any size.
    fn default() -> Self {
        Self { significance: 0.005, least_runs: 2, least_effect: 0.0, shufflings: 999 }
    }
}

/// A change of level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangePoint {
    /// Index of the first figure of the new level.
    pub at: usize,
    /// Median from the change before to this one.
    pub before: f64,
    /// Median from this change to the next.
    pub after: f64,
    /// Share of shufflings of the same figures that have as large a split: how easily chance does this.
    pub chance: f64,
}

impl ChangePoint {
    /// By which share of the level before it moved; infinite from zero, and 0 if it did not.
    pub fn effect(&self) -> f64 {
        effect(self.before, self.after)
    }
}

/// Every change of level in `values`, which are in the order of time. The same values give the same answer.
///
/// Work grows with the square of the length, times the shufflings: 0.1 s for 200 figures. Give it a window of a longer series.
pub fn change_points(values: &[f64], settings: &Settings) -> Vec<ChangePoint> {
    let least = settings.least_runs.max(1);
    // The figures seed it: the same series always gives the same answer.
    let mix = |seed: u64, value: &f64| seed.rotate_left(5) ^ value.to_bits();
    let mut random = fastrand::Rng::with_seed(values.iter().fold(0, mix));
    // Ends of parts; every part between two neighbours is searched.
    let mut ends = vec![0, values.len()];
    let mut chances = vec![0.0; 2];
    let mut part = 0;
    while part + 1 < ends.len() {
        let (from, to) = (ends[part], ends[part + 1]);
        match split(&values[from..to], least, settings, &mut random) {
            Some((at, chance)) => {
                ends.insert(part + 1, from + at);
                chances.insert(part + 1, chance);
            }
            None => part += 1,
        }
    }
    settle(values, &mut ends, least);
    drop_small(values, &mut ends, &mut chances, settings.least_effect);
    let inner = 1..ends.len().saturating_sub(1);
    inner
        .map(|index| ChangePoint {
            at: ends[index],
            before: median(&values[ends[index - 1]..ends[index]]),
            after: median(&values[ends[index]..ends[index + 1]]),
            chance: chances[index],
        })
        .collect()
}

/// The best split of a part, if chance would hardly make it.
fn split(values: &[f64], least: usize, settings: &Settings, random: &mut fastrand::Rng) -> Option<(usize, f64)> {
    let seen = best_split(values, least)?;
    let allowed = (settings.significance * (settings.shufflings + 1) as f64).floor() as usize;
    let mut shuffled = values.to_vec();
    let mut as_large = 1;
    for _ in 0..settings.shufflings {
        // As soon as chance has done it too often, no further shuffling can change that.
        if as_large > allowed {
            return None;
        }
        random.shuffle(&mut shuffled);
        as_large += usize::from(best_split(&shuffled, least).is_some_and(|other| other.distance >= seen.distance));
    }
    (as_large <= allowed).then(|| (seen.at, as_large as f64 / (settings.shufflings + 1) as f64))
}

/// Moves each change to its place between its neighbours: while parts were searched, other changes were still in them.
fn settle(values: &[f64], ends: &mut [usize], least: usize) {
    for index in 1..ends.len().saturating_sub(1) {
        let (from, to) = (ends[index - 1], ends[index + 1]);
        ends[index] = from + place(&values[from..to], ends[index] - from, least);
    }
}

/// Takes out changes that are too small to matter, the smallest first: its neighbours then have longer levels.
fn drop_small(values: &[f64], ends: &mut Vec<usize>, chances: &mut Vec<f64>, least_effect: f64) {
    loop {
        let size = |index: usize| {
            let before = median(&values[ends[index - 1]..ends[index]]);
            let after = median(&values[ends[index]..ends[index + 1]]);
            effect(before, after).abs()
        };
        let inner = 1..ends.len().saturating_sub(1);
        let smallest = inner.map(|index| (index, size(index))).min_by(|one, other| one.1.total_cmp(&other.1));
        match smallest {
            Some((index, size)) if size < least_effect => {
                ends.remove(index);
                chances.remove(index);
            }
            _ => return,
        }
    }
}

fn effect(before: f64, after: f64) -> f64 {
    if before == after { 0.0 } else { (after - before) / before.abs() }
}

/// The median; NaN of none.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => (sorted[count / 2 - 1] + sorted[count / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_step_is_found_where_it_is() {
        let mut values = vec![10.0, 10.2, 9.9, 10.1, 9.8, 10.0, 10.1, 9.9, 10.0, 10.2];
        values.extend([12.0, 12.1, 11.9, 12.2, 12.0]);
        let found = change_points(&values, &Settings::default());
        assert_eq!(found.iter().map(|change| change.at).collect::<Vec<_>>(), [10], "{found:?}");
        assert!((found[0].effect() - 0.2).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn up_and_down_again_are_two() {
        let values: Vec<f64> =
            (0..45).map(|run| if (15..30).contains(&run) { 20.0 } else { 10.0 } + f64::from(run % 3)).collect();
        let found = change_points(&values, &Settings::default());
        assert_eq!(found.iter().map(|change| change.at).collect::<Vec<_>>(), [15, 30], "{found:?}");
    }

    #[test]
    fn an_outlier_is_no_change() {
        let mut values: Vec<f64> = (0..30).map(|run| 10.0 + f64::from(run % 5) / 10.0).collect();
        values[20] = 100.0;
        assert_eq!(change_points(&values, &Settings::default()), []);
    }

    #[test]
    fn what_is_too_small_to_matter_is_left_out() {
        let values: Vec<f64> = (0..40).map(|run| if run < 20 { 100.0 } else { 101.0 }).collect();
        assert_eq!(change_points(&values, &Settings::default()).len(), 1);
        assert_eq!(change_points(&values, &Settings { least_effect: 0.02, ..Settings::default() }), []);
    }

    #[test]
    fn nothing_and_little_say_nothing() {
        assert_eq!(change_points(&[], &Settings::default()), []);
        assert_eq!(change_points(&[1.0, 2.0, 3.0], &Settings::default()), []);
        assert_eq!(change_points(&[5.0; 50], &Settings::default()), []);
    }
}
