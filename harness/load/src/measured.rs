//! How long what was measured: rates are of the time in which something came, and not of phases with other operations.

use crate::series::Series;
use fedproof_results::load::PhaseSpan;

/// The measured phases: how long each lasted, and what came in it.
#[derive(Clone, Debug, Default)]
pub struct MeasuredTime(Vec<(f64, Vec<String>)>);

impl MeasuredTime {
    /// Of whole phases.
    pub fn of(phases: &[PhaseSpan]) -> Self {
        Self::until(phases, f64::MAX)
    }

    /// Of as much of them as had passed at a second of the load.
    pub(crate) fn until(phases: &[PhaseSpan], now: f64) -> Self {
        let measured = phases.iter().filter(|phase| phase.measured);
        let spans = measured.map(|phase| ((phase.to.min(now) - phase.from).max(0.0), phase.operations.clone()));
        Self(spans.collect())
    }

    /// All of it, in seconds.
    pub fn seconds(&self) -> f64 {
        self.0.iter().map(|(seconds, _)| seconds).sum()
    }

    /// The part in which something came that a series is about, in seconds. A phase that does not tell what came in it, as
    /// in records of earlier versions, may have had anything.
    pub fn seconds_of(&self, series: Series) -> f64 {
        let causes = series.operations();
        let has = |names: &[String]| {
            names.is_empty()
                || causes.is_empty()
                || causes.iter().any(|one| names.iter().any(|name| name == one.name()))
        };
        self.0.iter().filter(|(_, names)| has(names)).map(|(seconds, _)| seconds).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;

    fn span(measured: bool, from: f64, to: f64, operations: &[&str]) -> PhaseSpan {
        let operations = operations.iter().map(|one| (*one).to_owned()).collect();
        PhaseSpan { name: "p".into(), measured, from, to, due: 0, faults: vec![], operations }
    }

    #[test]
    fn a_rate_is_of_the_phases_in_which_something_came() {
        let phases = [
            span(false, 0.0, 5.0, &["transaction"]),
            span(true, 5.5, 35.5, &["transaction"]),
            span(true, 36.0, 44.0, &["backfill", "send"]),
        ];
        let time = MeasuredTime::of(&phases);
        assert_eq!(time.seconds(), 38.0);
        assert_eq!(time.seconds_of(Series::Of(Operation::Transaction)), 30.0);
        assert_eq!((time.seconds_of(Series::SeenInbound), time.seconds_of(Series::SeenLocal)), (30.0, 8.0));
        assert_eq!(time.seconds_of(Series::Of(Operation::Login)), 0.0);
        assert_eq!(time.seconds_of(Series::CaughtUp), 38.0, "it may come whenever");
        assert_eq!(MeasuredTime::until(&phases, 15.5).seconds(), 10.0, "so far");
        let old = MeasuredTime::of(&[span(true, 0.0, 7.0, &[])]);
        assert_eq!(old.seconds_of(Series::Of(Operation::Login)), 7.0);
    }
}
