//! Where latencies go: one histogram for each series, by second and over the whole measured time.
//!
//! Microseconds, three significant digits, up to an hour; bucket edges are fixed, so that adding histograms of several
//! processes bucket by bucket is exact.

use crate::{measured::MeasuredTime, series::Series};
use fedproof_results::load::{OperationFigures, Second};
use hdrhistogram::Histogram;
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Longest latency that is told from longer ones: an hour, in microseconds.
const LONGEST_US: u64 = 3_600_000_000;
/// Different reasons of failure that are kept for each series.
const REASONS: usize = 8;

/// An empty histogram like all others.
pub fn histogram() -> Histogram<u64> {
    let made = Histogram::new_with_bounds(1, LONGEST_US, 3);
    made.unwrap_or_else(|_| unreachable!("the bounds are constants that hold"))
}

/// Which latencies a histogram is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Of what succeeded in measured phases.
    Measured,
    /// Of what succeeded in others.
    Unmeasured,
    /// Of what was given up in measured phases: how long it had waited by then.
    GivenUp,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Measured, Self::Unmeasured, Self::GivenUp];
}

/// What one series did in one second; goes into the interval log.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Which.
    pub series: Series,
    /// Of what.
    pub kind: Kind,
    /// Seconds since the load began, at its beginning.
    pub second: u64,
    /// The latencies.
    pub latencies: Histogram<u64>,
}

/// Takes latencies from any task.
pub struct Recorder {
    tracks: Vec<Mutex<Option<Box<Track>>>>,
}

struct Track {
    whole: Histogram<u64>,
    given_up: Histogram<u64>,
    /// How many succeeded, measured or not.
    done: u64,
    errors: u64,
    reasons: BTreeMap<String, u64>,
    /// Of the current second, by kind.
    now: [Histogram<u64>; 3],
    errors_now: u64,
}

impl Default for Track {
    fn default() -> Self {
        let now = Kind::ALL.map(|_| histogram());
        Self {
            whole: histogram(),
            given_up: histogram(),
            done: 0,
            errors: 0,
            reasons: BTreeMap::new(),
            now,
            errors_now: 0,
        }
    }
}

impl Track {
    fn waits(&self) -> Histogram<u64> {
        let mut waits = self.whole.clone();
        waits.add(&self.given_up).unwrap_or_else(|_| unreachable!("all have the same bounds"));
        waits
    }
}

impl Default for Recorder {
    fn default() -> Self {
        Self { tracks: Series::all().map(|_| Mutex::default()).collect() }
    }
}

impl Recorder {
    /// Something took that long. `measured` is false while warming up.
    pub fn record(&self, series: Series, latency: Duration, measured: bool) {
        let micros = micros(latency);
        let mut track = self.track(series);
        let track = track.get_or_insert_default();
        track.done += 1;
        track.now[if measured { Kind::Measured } else { Kind::Unmeasured } as usize].saturating_record(micros);
        if measured {
            track.whole.saturating_record(micros);
        }
    }

    /// Nobody waits for something any more: it failed, and takes as long as it has waited at least.
    pub fn give_up(&self, series: Series, waited: Duration, reason: &str, measured: bool) {
        self.fail(series, reason, measured);
        if measured {
            let mut track = self.track(series);
            let track = track.get_or_insert_default();
            track.now[Kind::GivenUp as usize].saturating_record(micros(waited));
            track.given_up.saturating_record(micros(waited));
        }
    }

    /// Something failed.
    pub fn fail(&self, series: Series, reason: &str, measured: bool) {
        let mut track = self.track(series);
        let track = track.get_or_insert_default();
        track.errors_now += 1;
        if measured {
            track.errors += 1;
            if track.reasons.len() < REASONS || track.reasons.contains_key(reason) {
                *track.reasons.entry(reason.to_owned()).or_default() += 1;
            }
        }
    }

    /// Adds what another process measured.
    pub(crate) fn add(&self, series: Series, kind: Kind, latencies: &Histogram<u64>) {
        let mut track = self.track(series);
        let track = track.get_or_insert_default();
        let added = match kind {
            Kind::Measured => track.whole.add(latencies),
            Kind::GivenUp => track.given_up.add(latencies),
            Kind::Unmeasured => Ok(()),
        };
        added.unwrap_or_else(|_| unreachable!("all have the same bounds"));
    }

    /// Adds failures that another process had in measured phases.
    pub(crate) fn add_errors(&self, series: Series, errors: u64, reasons: &BTreeMap<String, u64>) {
        let mut track = self.track(series);
        let track = track.get_or_insert_default();
        track.errors += errors;
        for (reason, count) in reasons {
            *track.reasons.entry(reason.clone()).or_default() += count;
        }
    }

    /// Adds what another recorder has of measured phases.
    pub(crate) fn absorb(&self, other: &Self) {
        for series in Series::all() {
            let theirs = other.track(series);
            if let Some(track) = theirs.as_deref() {
                self.add(series, Kind::Measured, &track.whole);
                self.add(series, Kind::GivenUp, &track.given_up);
                self.add_errors(series, track.errors, &track.reasons);
            }
        }
    }

    /// Ends a second: what happened in it, as points of a line and as histograms.
    pub fn tick(&self, second: u64) -> (Vec<Second>, Vec<Interval>) {
        let (mut points, mut intervals) = (Vec::new(), Vec::new());
        for series in Series::all() {
            let mut track = self.track(series);
            let Some(track) = track.as_mut() else { continue };
            let errors = std::mem::take(&mut track.errors_now);
            let mut together = track.now[0].clone();
            together.add(&track.now[1]).unwrap_or_else(|_| unreachable!("all have the same bounds"));
            if together.is_empty() && errors == 0 {
                continue;
            }
            points.push(Second {
                second,
                name: series.name().to_owned(),
                count: together.len(),
                errors,
                p50_us: together.value_at_quantile(0.5),
                p95_us: together.value_at_quantile(0.95),
                p99_us: together.value_at_quantile(0.99),
                max_us: together.max(),
            });
            for (now, kind) in track.now.iter_mut().zip(Kind::ALL) {
                if !now.is_empty() {
                    intervals.push(Interval { series, kind, second, latencies: now.clone() });
                    now.reset();
                }
            }
        }
        (points, intervals)
    }

    /// Each series over the measured time.
    pub fn figures(&self, time: &MeasuredTime) -> Vec<OperationFigures> {
        let figures = Series::all().filter_map(|series| {
            let track = self.track(series);
            let track = track.as_ref()?;
            let waits = track.waits();
            let seconds = time.seconds_of(series);
            let (count, errors, reasons) = (track.whole.len(), track.errors, track.reasons.clone());
            let rate = if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
            Some(OperationFigures { rate, count, errors, reasons, ..figures(series.name(), &waits) })
        });
        figures.filter(|figures| figures.count + figures.errors > 0).collect()
    }

    /// The latencies of a series over the measured time.
    pub fn whole(&self, series: Series) -> Histogram<u64> {
        self.track(series).as_ref().map_or_else(histogram, |track| track.whole.clone())
    }

    /// The same with what was given up, and how long that had waited: it would have taken longer still, so that no
    /// percentile of what it would have taken is less.
    pub fn waits(&self, series: Series) -> Histogram<u64> {
        self.track(series).as_ref().map_or_else(histogram, |track| track.waits())
    }

    /// How often a series succeeded in this process, measured or not.
    pub(crate) fn done(&self, series: Series) -> u64 {
        self.track(series).as_ref().map_or(0, |track| track.done)
    }

    /// How often a series failed in the measured time.
    pub fn errors(&self, series: Series) -> u64 {
        self.track(series).as_ref().map_or(0, |track| track.errors)
    }

    fn track(&self, series: Series) -> MutexGuard<'_, Option<Box<Track>>> {
        self.tracks[series.index()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn micros(latency: Duration) -> u64 {
    u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US).max(1)
}

/// A histogram in the figures that reports have.
fn figures(name: &str, latencies: &Histogram<u64>) -> OperationFigures {
    OperationFigures {
        name: name.to_owned(),
        count: latencies.len(),
        errors: 0,
        rate: 0.0,
        mean_us: latencies.mean(),
        p50_us: latencies.value_at_quantile(0.5),
        p90_us: latencies.value_at_quantile(0.9),
        p95_us: latencies.value_at_quantile(0.95),
        p99_us: latencies.value_at_quantile(0.99),
        p999_us: latencies.value_at_quantile(0.999),
        max_us: latencies.max(),
        reasons: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use fedproof_results::load::PhaseSpan;

    #[test]
    fn only_measured_phases_count_and_every_second_is_there() {
        let recorder = Recorder::default();
        let send = Series::Of(Operation::Send);
        recorder.record(send, Duration::from_millis(900), false);
        recorder.record(send, Duration::from_millis(10), true);
        recorder.fail(send, "500", true);
        let (points, intervals) = recorder.tick(0);
        assert_eq!((points.len(), points[0].count, points[0].errors), (1, 2, 1));
        assert_eq!(intervals.iter().map(|one| one.kind).collect::<Vec<_>>(), [Kind::Measured, Kind::Unmeasured]);
        assert_eq!(recorder.tick(1).0, vec![]);
        let phase = PhaseSpan {
            name: "p".into(),
            measured: true,
            from: 1.0,
            to: 3.0,
            due: 2,
            operations: vec!["send".into()],
            faults: vec![],
        };
        let figures = recorder.figures(&MeasuredTime::of(&[phase]));
        assert_eq!((figures[0].count, figures[0].errors, figures[0].rate), (1, 1, 0.5));
        assert!((9_990..10_010).contains(&figures[0].p99_us));
    }

    #[test]
    fn what_was_given_up_is_an_error_and_raises_percentiles() {
        let recorder = Recorder::default();
        let send = Series::Of(Operation::Send);
        (0..6).for_each(|_| recorder.record(send, Duration::from_millis(10), true));
        (0..4).for_each(|_| recorder.give_up(send, Duration::from_secs(30), "no answer", true));
        recorder.give_up(send, Duration::from_secs(60), "no answer", false);
        let [one] = &recorder.figures(&MeasuredTime::default())[..] else { panic!("one series") };
        assert_eq!((one.count, one.errors), (6, 4));
        assert!(one.p50_us < 11_000 && one.p95_us >= 29_900_000 && one.max_us < 31_000_000, "{one:?}");
        let (points, intervals) = recorder.tick(0);
        assert_eq!((points[0].count, points[0].errors, points[0].max_us < 11_000), (6, 5, true));
        // Another process that adds both has the same.
        let other = Recorder::default();
        intervals.iter().for_each(|one| other.add(one.series, one.kind, &one.latencies));
        assert_eq!(other.waits(send), recorder.waits(send));
        assert_eq!(other.whole(send), recorder.whole(send));
    }
}
