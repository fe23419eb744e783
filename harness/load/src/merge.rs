//! Shards of one load, put together: exact, since bucket edges are fixed; and incomplete where a shard is missing.

use crate::{
    hlog,
    judge::{Figures, GENERATOR},
    measured::MeasuredTime,
    outcome::is_stop,
    recorder::{Interval, Kind, Recorder, histogram},
    series::Series,
    threshold::Threshold,
    work::{add_work, join_work},
};
use fedproof_results::load::{Generator, LoadRecord, Second, ShardOf, Unsent, Work};
use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Why results cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A folder holds no load run.
    #[error("read {}: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Two results are no parts of one load.
    #[error("{one} and {other} are no parts of one load: their {what} differs")]
    Foreign {
        /// The first.
        one: String,
        /// The other.
        other: String,
        /// In what.
        what: &'static str,
    },
    /// A result is a whole load already.
    #[error("{0} is no shard")]
    Whole(String),
    /// A shard comes twice.
    #[error("shard {0} comes twice")]
    Twice(u32),
    /// There is nothing to put together.
    #[error("there is nothing to merge")]
    Nothing,
}

/// One shard's results.
pub struct Part {
    record: LoadRecord,
    intervals: Vec<Interval>,
}

impl Part {
    /// Reads `load.json` and `load.hlog` of a folder.
    ///
    /// # Errors
    /// [`MergeError::Unreadable`].
    pub fn read(folder: &Path) -> Result<Self, MergeError> {
        let read = |name: &str| {
            let path = folder.join(name);
            let unreadable =
                |error: io::Error| MergeError::Unreadable { path: path.clone(), problem: error.to_string() };
            std::fs::read(&path).map_err(unreadable)
        };
        let bad = |name: &str, problem: String| MergeError::Unreadable { path: folder.join(name), problem };
        let record =
            serde_json::from_slice(&read("load.json")?).map_err(|error| bad("load.json", error.to_string()))?;
        let intervals = hlog::read(&read("load.hlog")?).map_err(|error| bad("load.hlog", error))?;
        Ok(Self { record, intervals })
    }
}

/// A whole load, with its interval log.
pub struct Merged {
    /// The figures of all shards.
    pub record: LoadRecord,
    intervals: Vec<Interval>,
}

impl Merged {
    /// Writes the interval log of all shards.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_log(self, path: &Path, start: SystemTime) -> io::Result<()> {
        let log = hlog::Writer::create(path, start)?;
        log.write(self.intervals);
        log.finish()
    }
}

/// Puts shards together.
///
/// # Errors
/// [`MergeError`], if they are no shards of one load.
pub fn merge(parts: Vec<Part>) -> Result<Merged, MergeError> {
    let first = parts.first().ok_or(MergeError::Nothing)?.record.clone();
    let count = first.shard.ok_or_else(|| MergeError::Whole(first.run_id.clone()))?.count;
    let mut there: BTreeMap<u32, String> = BTreeMap::new();
    for Part { record, .. } in &parts {
        let ShardOf { index, .. } = same_load(&first, record)?;
        if there.insert(index, record.run_id.clone()).is_some() {
            return Err(MergeError::Twice(index));
        }
    }
    let lost_shards: Vec<String> = (0..count)
        .filter(|index| !there.contains_key(index))
        .map(|index| format!("shard {index}/{count} is missing"))
        .collect();
    let recorder = Recorder::default();
    let mut summed: BTreeMap<(u64, Series, Kind), Interval> = BTreeMap::new();
    let mut seconds: BTreeMap<(u64, String), Second> = BTreeMap::new();
    let mut work: BTreeMap<(String, String), Work> = BTreeMap::new();
    let (shared, mut sampled) = (first.attached.is_some(), BTreeSet::new());
    let mut record = LoadRecord { shard: None, invalid_because: Vec::new(), resources: Vec::new(), ..first };
    (record.lost, record.generator) = (0, Generator::default());
    record.thresholds.clear();
    record.troubles.clear();
    record.unsent.clear();
    record.invariants.clear();
    let (is_lost, mut stops) = (!lost_shards.is_empty(), Vec::new());
    let mut stopped: Vec<String> = lost_shards;
    let thresholds: Vec<String> = parts[0].record.thresholds.iter().map(|one| one.expression.clone()).collect();
    for span in &mut record.phases {
        span.due = parts
            .iter()
            .flat_map(|part| &part.record.phases)
            .filter(|own| own.name == span.name)
            .map(|own| own.due)
            .sum();
    }
    if let Some((phase, apart)) = apart(&parts) {
        record
            .invalid_because
            .push(format!("the shards' phases {phase} began {apart:.1} s apart: their loads did not overlap"));
    }
    for Part { record: own, intervals } in parts {
        let index = own.shard.map_or(0, |shard| shard.index);
        for interval in intervals {
            recorder.add(interval.series, interval.kind, &interval.latencies);
            let key = (interval.second, interval.series, interval.kind);
            match summed.get_mut(&key) {
                Some(sum) => sum.latencies.add(&interval.latencies).unwrap_or_default(),
                None => drop(summed.insert(key, interval)),
            }
        }
        for figures in &own.operations {
            if let Ok(series) = figures.name.parse() {
                recorder.add_errors(series, figures.errors, &figures.reasons);
            }
        }
        for second in own.timeline.iter().filter(|second| second.errors > 0) {
            let key = (second.second, second.name.clone());
            seconds.entry(key).or_insert_with(|| Second { errors: 0, ..second.clone() }).errors += second.errors;
        }
        own.work.into_iter().for_each(|one| if shared { join_work(&mut work, one) } else { add_work(&mut work, one) });
        record.lost += own.lost;
        record.standing.join(own.standing);
        record.troubles.extend(own.troubles);
        for one in own.unsent {
            let is_same = |known: &&mut Unsent| shared && known.phase == one.phase && known.server == one.server;
            match record.unsent.iter_mut().find(is_same) {
                Some(known) => known.events = known.events.max(one.events),
                None => record.unsent.push(one),
            }
        }
        stops.extend(own.thresholds.into_iter().filter(is_stop));
        record.invariants.extend(own.invariants);
        for mut sample in own.resources {
            if sample.process == GENERATOR {
                sample.process = format!("{GENERATOR} {index}");
            } else if shared && !sampled.insert((sample.second, sample.process.clone())) {
                // Another shard has looked at the same process already.
                continue;
            }
            record.resources.push(sample);
        }
        let (all, one) = (&mut record.generator, own.generator);
        all.cpu_ms += one.cpu_ms;
        all.abandoned += one.abandoned;
        all.workers += one.workers;
        all.rss_bytes = all.rss_bytes.max(one.rss_bytes);
        all.late_p99_us = all.late_p99_us.max(one.late_p99_us);
        record.invalid_because.extend(own.invalid_because.into_iter().map(|reason| format!("shard {index}: {reason}")));
        if !own.complete {
            stopped.push(format!("shard {index}: {}", own.stopped_because));
        }
    }
    if shared && record.start_at.is_none() && there.len() > 1 {
        let why = "the shards were not told to begin at one time (--start-at): their loads need not have overlapped";
        record.invalid_because.push(why.to_owned());
    }
    let time = MeasuredTime::of(&record.phases);
    // Counters of homeservers that shards share tell of the lost ones, too; how much they did is not known.
    record.work = if shared && is_lost { Vec::new() } else { work.into_values().collect() };
    record.operations = recorder.figures(&time);
    record.timeline = timeline(&summed, seconds);
    (record.valid, record.complete) = (record.invalid_because.is_empty(), stopped.is_empty());
    record.stopped_because = stopped.join("; ");
    let (work, resources, lost) = (&record.work, &record.resources, record.lost);
    let figures = Figures {
        recorder: &recorder,
        time: &time,
        work,
        resources,
        lost,
        waiting: Vec::new(),
        give_up: Duration::MAX,
    };
    let judged: Vec<_> =
        thresholds.iter().filter_map(|text| Some(figures.judge(&text.parse::<Threshold>().ok()?))).collect();
    record.thresholds = judged;
    record.thresholds.extend(stops);
    Ok(Merged { record, intervals: summed.into_values().collect() })
}

/// The phase that shards were in at different times, and how far these lie apart, if that is more than the second to which
/// they wait for each other.
fn apart(parts: &[Part]) -> Option<(String, f64)> {
    let spans = |n: usize| parts.iter().filter_map(move |part| part.record.phases.get(n)).map(|span| span.from);
    let phases = parts.first()?.record.phases.iter().enumerate();
    let widest = phases.map(|(n, phase)| {
        let (first, last) =
            spans(n).fold((f64::MAX, f64::MIN), |(least, most), from| (least.min(from), most.max(from)));
        (phase.name.clone(), last - first)
    });
    widest.filter(|(_, apart)| *apart > 1.5).max_by(|(_, one), (_, other)| one.total_cmp(other))
}

/// Its place, if it is a part of the same load.
fn same_load(first: &LoadRecord, record: &LoadRecord) -> Result<ShardOf, MergeError> {
    let shard = record.shard.ok_or_else(|| MergeError::Whole(record.run_id.clone()))?;
    let differing = [
        ("workload", first.workload != record.workload || first.workload_digest != record.workload_digest),
        ("time of their start (--start-at)", first.start_at != record.start_at),
        ("homeservers", builds(first) != builds(record)),
        ("seed", first.seed != record.seed),
        ("deployment", first.deployment != record.deployment || first.attached != record.attached),
        ("number of shards", first.shard.map(|own| own.count) != Some(shard.count)),
    ];
    match differing.into_iter().find(|(_, differs)| *differs) {
        Some((what, _)) => Err(MergeError::Foreign { one: first.run_id.clone(), other: record.run_id.clone(), what }),
        None => Ok(shard),
    }
}

/// What ran, whatever it was called.
fn builds(record: &LoadRecord) -> Vec<(&str, &str, &str)> {
    record.servers.iter().map(|one| (one.name.as_str(), one.version.as_str(), one.digest.as_str())).collect()
}

/// Every second of every series, from the histograms of all shards.
fn timeline(summed: &BTreeMap<(u64, Series, Kind), Interval>, errors: BTreeMap<(u64, String), Second>) -> Vec<Second> {
    let mut latencies = BTreeMap::new();
    for ((second, series, _), interval) in summed.iter().filter(|((.., kind), _)| *kind != Kind::GivenUp) {
        let sum = latencies.entry((*second, series.name().to_owned())).or_insert_with(histogram);
        let _ = sum.add(&interval.latencies);
    }
    for key in errors.keys() {
        latencies.entry(key.clone()).or_insert_with(histogram);
    }
    let point = |((second, name), latencies): ((u64, String), hdrhistogram::Histogram<u64>)| Second {
        errors: errors.get(&(second, name.clone())).map_or(0, |one| one.errors),
        second,
        name,
        count: latencies.len(),
        p50_us: latencies.value_at_quantile(0.5),
        p95_us: latencies.value_at_quantile(0.95),
        p99_us: latencies.value_at_quantile(0.99),
        max_us: latencies.max(),
    };
    latencies.into_iter().map(point).collect()
}

/// When a load began, as its record says; the epoch if it cannot be read.
pub fn start_of(record: &LoadRecord) -> SystemTime {
    let format = &time::format_description::well_known::Rfc3339;
    let at = time::OffsetDateTime::parse(&record.started_at, format).map(time::OffsetDateTime::unix_timestamp);
    SystemTime::UNIX_EPOCH + Duration::from_secs(at.ok().and_then(|at| u64::try_from(at).ok()).unwrap_or_default())
}

#[cfg(test)]
#[path = "merge_tests.rs"]
mod tests;
