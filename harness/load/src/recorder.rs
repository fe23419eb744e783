//! Where latencies go: one histogram for each series, by second and over the whole measured time.
//!
//! Microseconds, three significant digits, up to an hour; bucket edges are fixed, so that adding histograms of several
//! processes bucket by bucket is exact.

use crate::series::Series;
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

/// What one series did in one second; goes into the interval log.
#[derive(Clone, Debug)]
pub struct Interval {
    /// Which.
    pub series: Series,
    /// Whether it is from measured phases.
    pub measured: bool,
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
    /// How many succeeded, measured or not.
    done: u64,
    errors: u64,
    reasons: BTreeMap<String, u64>,
    /// Of the current second: measured, and not.
    now: [Histogram<u64>; 2],
    errors_now: u64,
}

impl Default for Track {
    fn default() -> Self {
        let (whole, now) = (histogram(), [histogram(), histogram()]);
        Self { whole, done: 0, errors: 0, reasons: BTreeMap::new(), now, errors_now: 0 }
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
        let micros = u64::try_from(latency.as_micros()).unwrap_or(LONGEST_US).max(1);
        let mut track = self.track(series);
        let track = track.get_or_insert_default();
        track.done += 1;
        track.now[usize::from(!measured)].saturating_record(micros);
        if measured {
            track.whole.saturating_record(micros);
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
    pub(crate) fn add(&self, series: Series, latencies: &Histogram<u64>) {
        let mut track = self.track(series);
        let added = track.get_or_insert_default().whole.add(latencies);
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
                self.add(series, &track.whole);
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
            for (now, measured) in track.now.iter_mut().zip([true, false]) {
                if !now.is_empty() {
                    intervals.push(Interval { series, measured, second, latencies: now.clone() });
                    now.reset();
                }
            }
        }
        (points, intervals)
    }

    /// Each series over the measured time of `seconds`.
    pub fn figures(&self, seconds: f64) -> Vec<OperationFigures> {
        let figures = Series::all().filter_map(|series| {
            let track = self.track(series);
            let track = track.as_ref()?;
            Some(figures(series.name(), &track.whole, track.errors, &track.reasons, seconds))
        });
        figures.filter(|figures| figures.count + figures.errors > 0).collect()
    }

    /// The latencies of a series over the measured time.
    pub fn whole(&self, series: Series) -> Histogram<u64> {
        self.track(series).as_ref().map_or_else(histogram, |track| track.whole.clone())
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

/// A histogram in the figures that reports have.
pub fn figures(
    name: &str,
    latencies: &Histogram<u64>,
    errors: u64,
    reasons: &BTreeMap<String, u64>,
    seconds: f64,
) -> OperationFigures {
    OperationFigures {
        name: name.to_owned(),
        count: latencies.len(),
        errors,
        rate: if seconds > 0.0 { latencies.len() as f64 / seconds } else { 0.0 },
        mean_us: latencies.mean(),
        p50_us: latencies.value_at_quantile(0.5),
        p90_us: latencies.value_at_quantile(0.9),
        p95_us: latencies.value_at_quantile(0.95),
        p99_us: latencies.value_at_quantile(0.99),
        p999_us: latencies.value_at_quantile(0.999),
        max_us: latencies.max(),
        reasons: reasons.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;

    #[test]
    fn only_measured_phases_count_and_every_second_is_there() {
        let recorder = Recorder::default();
        let send = Series::Of(Operation::Send);
        recorder.record(send, Duration::from_millis(900), false);
        recorder.record(send, Duration::from_millis(10), true);
        recorder.fail(send, "500", true);
        let (points, intervals) = recorder.tick(0);
        assert_eq!((points.len(), points[0].count, points[0].errors), (1, 2, 1));
        assert_eq!(intervals.iter().map(|one| one.measured).collect::<Vec<_>>(), [true, false]);
        assert_eq!(recorder.tick(1).0, vec![]);
        let figures = recorder.figures(2.0);
        assert_eq!((figures[0].count, figures[0].errors, figures[0].rate), (1, 1, 0.5));
        assert!((9_990..10_010).contains(&figures[0].p99_us));
    }
}
