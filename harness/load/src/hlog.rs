//! `load.hlog`: HdrHistogram's interval log, one line for each series and second.
//!
//! The tag is the series' name; latencies from phases that do not count have `unmeasured.` before it, and how long what was
//! given up had waited `given_up.`.

use crate::{
    recorder::{Interval, Kind},
    series::Series,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use hdrhistogram::{
    Histogram,
    serialization::{
        Deserializer, V2DeflateSerializer,
        interval_log::{IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag},
    },
};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
    sync::mpsc,
    thread::JoinHandle,
    time::{Duration, SystemTime},
};

/// Before the series' name.
const fn prefix(kind: Kind) -> &'static str {
    match kind {
        Kind::Measured => "",
        Kind::Unmeasured => "unmeasured.",
        Kind::GivenUp => "given_up.",
    }
}

/// Writes intervals as they come, in a thread of its own: no latency waits for a disk.
pub struct Writer {
    intervals: Option<mpsc::Sender<Vec<Interval>>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Writer {
    /// Begins a log. Times in it are seconds since `start`.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(path: &Path, start: SystemTime) -> io::Result<Self> {
        let file = File::create(path)?;
        let (intervals, received) = mpsc::channel();
        let thread = std::thread::spawn(move || write(file, start, &received));
        Ok(Self { intervals: Some(intervals), thread: Some(thread) })
    }

    /// Hands over what a second brought.
    pub fn write(&self, intervals: Vec<Interval>) {
        if let Some(sender) = &self.intervals {
            // An end before time is told by `finish`.
            let _ = sender.send(intervals);
        }
    }

    /// Waits until all is on disk.
    ///
    /// # Errors
    /// The first that writing had.
    pub fn finish(mut self) -> io::Result<()> {
        self.intervals = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(_)) => Err(io::Error::other("the writer of the interval log ended")),
            None => Ok(()),
        }
    }
}

fn write(file: File, start: SystemTime, intervals: &mpsc::Receiver<Vec<Interval>>) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder
        .add_comment("fedproof: microseconds")
        .with_start_time(start)
        .with_base_time(start)
        .with_max_value_divisor(1.0);
    let mut log = builder.begin_log_with(&mut file, &mut serializer)?;
    while let Ok(intervals) = intervals.recv() {
        for interval in intervals {
            let tag = format!("{}{}", prefix(interval.kind), interval.series);
            let (at, second) = (Duration::from_secs(interval.second), Duration::from_secs(1));
            log.write_histogram(&interval.latencies, at, second, Tag::new(&tag)).map_err(io::Error::other)?;
        }
    }
    drop(log);
    file.flush()
}

/// Reads a log.
///
/// # Errors
/// In words, if it is none.
pub fn read(bytes: &[u8]) -> Result<Vec<Interval>, String> {
    let mut deserializer = Deserializer::new();
    let mut intervals = Vec::new();
    for entry in IntervalLogIterator::new(bytes) {
        let LogEntry::Interval(line) = entry.map_err(|error| format!("not an interval log: {error:?}"))? else {
            continue;
        };
        let tag = line.tag().map_or("", |tag| tag.as_str());
        let prefixed = [Kind::Unmeasured, Kind::GivenUp].into_iter();
        let (kind, name) = prefixed
            .filter_map(|kind| Some((kind, tag.strip_prefix(prefix(kind))?)))
            .next()
            .unwrap_or((Kind::Measured, tag));
        let series: Series = name.parse()?;
        let bytes = BASE64_STANDARD.decode(line.encoded_histogram()).map_err(|error| format!("{tag}: {error}"))?;
        let latencies: Histogram<u64> =
            deserializer.deserialize(&mut &bytes[..]).map_err(|error| format!("{tag}: {error}"))?;
        intervals.push(Interval { series, kind, second: line.start_timestamp().as_secs(), latencies });
    }
    Ok(intervals)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        operation::Operation,
        recorder::{Recorder, histogram},
    };
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Buckets by series, second and kind.
    type Buckets = BTreeMap<(Series, u64, Kind), Vec<(u64, u64)>>;

    fn buckets(intervals: impl IntoIterator<Item = Interval>) -> Buckets {
        let mut summed: BTreeMap<(Series, u64, Kind), Histogram<u64>> = BTreeMap::new();
        for one in intervals {
            let key = (one.series, one.second, one.kind);
            summed.entry(key).or_insert_with(histogram).add(&one.latencies).unwrap();
        }
        let list = |latencies: Histogram<u64>| {
            latencies.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
        };
        summed.into_iter().map(|(key, latencies)| (key, list(latencies))).collect()
    }

    fn logged(samples: &[(u64, u64, bool)], folder: &Path) -> Vec<Interval> {
        let (path, recorder) = (folder.join("load.hlog"), Recorder::default());
        let writer = Writer::create(&path, SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000)).unwrap();
        for second in 0..3 {
            for (_, micros, measured) in samples.iter().filter(|(at, ..)| *at == second) {
                let (send, took) = (Series::Of(Operation::Send), Duration::from_micros(*micros));
                recorder.record(send, took, *measured);
                if micros % 3 == 0 {
                    recorder.give_up(send, took, "no answer", *measured);
                }
            }
            writer.write(recorder.tick(second).1);
        }
        writer.finish().unwrap();
        read(&std::fs::read(path).unwrap()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Four shards' logs, added, are the log of one process that took all samples, bucket for bucket.
        #[test]
        fn shards_add_up_exactly(samples in prop::collection::vec((0u64..3, 1u64..5_000_000_000, any::<bool>()), 0..200)) {
            let folder = tempfile::tempdir().unwrap();
            let whole = buckets(logged(&samples, folder.path()));
            let mut shards = Vec::new();
            for shard in 0..4 {
                let own: Vec<_> = samples.iter().copied().skip(shard).step_by(4).collect();
                shards.extend(logged(&own, folder.path()));
            }
            prop_assert_eq!(buckets(shards), whole);
        }
    }
}
