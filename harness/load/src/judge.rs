//! From figures to a word: thresholds, and whether the figures may be believed.

use crate::{
    http::Reason,
    measured::MeasuredTime,
    recorder::Recorder,
    series::Series,
    threshold::{Metric, Threshold},
};
use fedproof_results::load::{Generator, PhaseSpan, ResourceSample, ThresholdResult, Trouble, Work};
use std::time::Duration;

/// What free workers may be late, 99th percentile, in microseconds: later than that, the generator measures itself.
const LATE_US: u64 = 50_000;
/// What samples of the generator are called; those of several shards have a number behind it.
pub(crate) const GENERATOR: &str = "generator";
/// Share of a core from which on the generator is taken to be the bottleneck.
const BUSY: f64 = 0.9;

/// Everything a threshold may be about.
pub(crate) struct Figures<'a> {
    pub(crate) recorder: &'a Recorder,
    pub(crate) time: &'a MeasuredTime,
    pub(crate) work: &'a [Work],
    pub(crate) resources: &'a [ResourceSample],
    pub(crate) lost: u64,
    /// What is due and has no answer yet, with the time that it has waited; while a load runs.
    pub(crate) waiting: Vec<(Series, Duration)>,
    /// How long a request may take.
    pub(crate) give_up: Duration,
}

impl Figures<'_> {
    pub(crate) fn judge(&self, threshold: &Threshold) -> ThresholdResult {
        let value = self.value(threshold);
        let ok = value.is_some_and(|value| threshold.comparison.holds(value, threshold.bound));
        ThresholdResult { expression: threshold.to_string(), ok, value }
    }

    fn value(&self, threshold: &Threshold) -> Option<f64> {
        let is_meant = |series: Series| match threshold.of {
            Some(own) => own == series,
            None => matches!(series, Series::Of(_)),
        };
        let series: Vec<Series> = match threshold.of {
            Some(series) => vec![series],
            None => Series::all().filter(|series| matches!(series, Series::Of(_))).collect(),
        };
        let mut latencies = crate::recorder::histogram();
        let (mut count, mut errors) = (0, 0);
        for series in series {
            latencies.add(self.recorder.waits(series)).ok()?;
            count += self.recorder.whole(series).len();
            errors += self.recorder.errors(series);
        }
        // Nobody knows how long these will take; but if it is longer than the bound already, that is known.
        for (_, waited) in self.waiting.iter().filter(|(series, _)| is_meant(*series)) {
            errors += u64::from(*waited > self.give_up);
            let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
            if matches!(threshold.metric, Metric::Percentile(_) | Metric::Max) && micros as f64 > threshold.bound {
                latencies.saturating_record(micros);
            }
        }
        let with_latencies = |value: f64| (!latencies.is_empty()).then_some(value);
        match threshold.metric {
            Metric::Percentile(percentile) => with_latencies(latencies.value_at_quantile(percentile / 100.0) as f64),
            Metric::Max => with_latencies(latencies.max() as f64),
            Metric::Mean => with_latencies(latencies.mean()),
            Metric::ErrorRate => (count + errors > 0).then(|| errors as f64 / (count + errors) as f64),
            Metric::Rate => {
                let seconds = threshold.of.map_or_else(|| self.time.seconds(), |series| self.time.seconds_of(series));
                (seconds > 0.0).then(|| count as f64 / seconds)
            }
            Metric::Count => Some(count as f64),
            Metric::Lost => Some(self.lost as f64),
            Metric::CpuPerOp => self.per_operation(threshold.of, Work::whole_cpu_ms),
            Metric::DbPerOp => self.per_operation(threshold.of, |work| work.db_transactions),
            Metric::Memory => {
                let servers = self.resources.iter().filter(|sample| !sample.process.starts_with(GENERATOR));
                servers.map(|sample| sample.rss_bytes).max().map(|most| most as f64)
            }
        }
    }

    /// What all homeservers spent for one operation.
    fn per_operation(&self, of: Option<Series>, spent: impl Fn(&Work) -> Option<u64>) -> Option<f64> {
        let meant = |work: &&Work| of.is_none_or(|series| work.operation == series.name());
        let work: Vec<&Work> = self.work.iter().filter(meant).collect();
        let spent: u64 = work.iter().map(|work| spent(work)).sum::<Option<u64>>()?;
        // Every homeserver's line has the same operations in its count.
        let server = &work.first()?.server;
        let count: u64 = work.iter().filter(|work| work.server == *server).map(|work| work.count).sum();
        (count > 0).then(|| spent as f64 / count as f64)
    }
}

/// Why the figures must not be believed; empty if they may.
pub(crate) fn doubts(
    generator: &Generator,
    resources: &[ResourceSample],
    phases: &[PhaseSpan],
    samples: u64,
) -> Vec<String> {
    let mut doubts = Vec::new();
    if samples == 0 {
        doubts.push("nothing was measured".to_owned());
    }
    if generator.late_p99_us > LATE_US {
        doubts.push(format!(
            "the generator was late: free workers woke {} ms after they were due (99th percentile; at most {} ms)",
            generator.late_p99_us / 1000,
            LATE_US / 1000
        ));
    }
    // Each for itself: a long phase in which there was little to do excuses no short one.
    for phase in phases.iter().filter(|phase| phase.measured) {
        let within = |second: u64| second as f64 >= phase.from && (second + 1) as f64 <= phase.to;
        let own = resources.iter().filter(|one| one.process == "generator" && within(one.second));
        let (busy, all) = own.fold((0, 0), |(busy, all), one| (busy + u32::from(one.cpu > BUSY), all + 1));
        if busy * 4 > all {
            let name = &phase.name;
            doubts.push(format!("{name}: the generator used more than {BUSY} of a core in {busy} of {all} seconds"));
        }
    }
    doubts
}

/// What it means that polls of watchers failed: the homeserver's trouble, or a doubt.
///
/// Where the homeserver is to blame and the figures say so (`broke`: a threshold did), nobody must doubt them; where they
/// do not, somebody must: watchers who see nothing tell nothing.
pub(crate) fn blind(
    server: &str,
    reason: &Reason,
    count: u64,
    broke: bool,
    troubles: &mut Vec<Trouble>,
) -> Option<String> {
    let words = &reason.words;
    if broke && reason.is_refusal {
        let what = format!("refused {count} polls of watchers: {words}");
        troubles.push(Trouble { server: server.to_owned(), what, from: None, to: None });
        return None;
    }
    let is_explained = broke && troubles.iter().any(|trouble| trouble.server == server);
    (!is_explained).then(|| format!("{count} polls of watchers failed on {server}: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;

    #[test]
    fn what_was_given_up_breaks_a_bound_on_a_percentile() {
        let (recorder, time) = (Recorder::default(), MeasuredTime::default());
        let send = Series::Of(Operation::Send);
        (0..60).for_each(|_| recorder.record(send, Duration::from_millis(10), true));
        let judge = |text: &str| {
            let figures = Figures {
                recorder: &recorder,
                time: &time,
                work: &[],
                resources: &[],
                lost: 0,
                waiting: Vec::new(),
                give_up: Duration::from_secs(30),
            };
            figures.judge(&text.parse().unwrap())
        };
        assert!(judge("p95(send) < 500ms").ok);
        (0..40).for_each(|_| recorder.give_up(send, Duration::from_secs(30), "no answer within 30 s", true));
        let broken = judge("p95(send) < 500ms");
        assert!(!broken.ok && broken.value.is_some_and(|value| value >= 29_900_000.0), "{broken:?}");
        assert!(judge("p50(send) < 500ms").ok && judge("max >= 29s").ok && judge("mean > 1s").ok);
        assert_eq!((judge("error_rate < 1%").value, judge("count < 61").value), (Some(0.4), Some(60.0)));
    }

    #[test]
    fn a_phase_in_which_the_generator_was_busy_is_not_excused_by_another() {
        let phase = |name: &str, from, to, measured| PhaseSpan {
            name: name.to_owned(),
            measured,
            from,
            to,
            due: 1,
            operations: Vec::new(),
            faults: Vec::new(),
        };
        let phases =
            [phase("warm-up", 0.0, 5.0, false), phase("long", 5.3, 60.3, true), phase("peak", 61.0, 67.0, true)];
        let busy_in = |seconds: std::ops::Range<u64>| {
            let sample = |second| ResourceSample {
                second,
                process: "generator".to_owned(),
                cpu: if seconds.contains(&second) { 0.99 } else { 0.1 },
                rss_bytes: 0,
                descriptors: 0,
            };
            doubts(&Generator::default(), &(0..70).map(sample).collect::<Vec<_>>(), &phases, 1)
        };
        assert_eq!(busy_in(0..5), Vec::<String>::new(), "what is not measured may be as busy as it likes");
        assert_eq!(busy_in(20..30), Vec::<String>::new(), "10 of 54 seconds");
        let told = busy_in(62..65);
        assert!(told.len() == 1 && told[0].starts_with("peak: ") && told[0].ends_with("3 of 6 seconds"), "{told:?}");
    }

    #[test]
    fn polls_that_fail_are_blamed_on_the_homeserver_only_where_it_is_and_the_figures_say_so() {
        let refused = Reason { words: "500 M_UNKNOWN".to_owned(), is_refusal: true, is_given_up: false };
        let broken = Reason::from("the connection broke");
        let mut troubles = Vec::new();
        assert!(blind("alpha", &refused, 3, false, &mut troubles).is_some() && troubles.is_empty());
        assert!(blind("alpha", &broken, 3, true, &mut troubles).is_some() && troubles.is_empty());
        assert_eq!(blind("alpha", &refused, 3, true, &mut troubles), None);
        assert_eq!(troubles[0].told(), "alpha refused 3 polls of watchers: 500 M_UNKNOWN");
        assert_eq!(blind("alpha", &broken, 3, true, &mut troubles), None, "it has been told of");
        assert!(blind("bravo", &broken, 3, true, &mut troubles).is_some());
    }
}
