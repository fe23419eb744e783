//! `load.json`: what a load run says. Names of fields are a contract.

mod comparison;
mod limit;
mod standing;

pub use comparison::{ComparedFigure, ComparedPlay, Comparison, FigureKind, Verdict};
pub use limit::{Limit, LimitStep};
pub use standing::Standing;

use crate::ServerInfo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the schema of `load.json`.
pub const LOAD_SCHEMA: &str = "fedproof/load/1";

/// Everything a report needs to know of a load run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LoadRecord {
    /// [`LOAD_SCHEMA`].
    pub schema: String,
    /// Unique.
    pub run_id: String,
    /// RFC 3339, UTC, to the second.
    pub started_at: String,
    /// Version of fedproof.
    pub suite_version: String,
    /// Name of the workload.
    pub workload: String,
    /// What it asks.
    pub about: String,
    /// SHA-256 of the workload as it was played, `--rate` and the like counted in: shards of one load have the same.
    #[serde(default)]
    pub workload_digest: String,
    /// When the load was to begin (`--start-at`), in Unix seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_at: Option<f64>,
    /// The deployment.
    pub deployment: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Which part of the load this is, of how many; `None` if it is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardOf>,
    /// The deployment that it attached to, by the id in the connection file; `None` if it booted its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attached: Option<String>,
    /// What homeservers did that explains the figures, such as to answer nothing for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<Trouble>,
    /// False if the figures must not be believed: the generator was the bottleneck, or too little was measured.
    pub valid: bool,
    /// Why not, in words.
    pub invalid_because: Vec<String>,
    /// False if it stopped before its end, or a shard is missing.
    pub complete: bool,
    /// Why, or empty.
    pub stopped_because: String,
    /// What the figures were taken on, and whether that makes them fit to gate.
    #[serde(default)]
    pub standing: Standing,
    /// The homeservers.
    pub servers: Vec<ServerInfo>,
    /// What had to hold.
    pub thresholds: Vec<ThresholdResult>,
    /// Each series over the measured phases.
    pub operations: Vec<OperationFigures>,
    /// What the work cost.
    pub work: Vec<Work>,
    /// The phases as they were.
    pub phases: Vec<PhaseSpan>,
    /// Messages that watchers should have seen and did not.
    pub lost: u64,
    /// Each series by second.
    pub timeline: Vec<Second>,
    /// Processes by second.
    pub resources: Vec<ResourceSample>,
    /// What homeservers had taken and not sent on yet at the ends of measured phases, where they tell.
    #[serde(default)]
    pub unsent: Vec<Unsent>,
    /// The generator itself.
    pub generator: Generator,
    /// Always-on invariants over the traffic that was kept.
    pub invariants: Vec<InvariantResult>,
    /// Of a paired session: what it says of the other build. The rest of the record is about the plays of A.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Of a search for the limit: what it found. The rest of the record is about the highest rate that held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Limit>,
}

/// A part of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShardOf {
    /// From 0.
    pub index: u32,
    /// How many there are.
    pub count: u32,
}

/// A threshold and what was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdResult {
    /// As the workload writes it.
    pub expression: String,
    /// Whether it held; not so either if there was nothing to judge.
    pub ok: bool,
    /// The figure, in the metric's own unit (µs, ms, bytes, share); `None` if there was none.
    pub value: Option<f64>,
}

/// One series over the measured phases; times in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OperationFigures {
    /// Name of the series.
    pub name: String,
    /// How many succeeded.
    pub count: u64,
    /// How many did not.
    pub errors: u64,
    /// Successes a second, in the phases in which they could come.
    pub rate: f64,
    /// Mean; it and all percentiles count what was given up too, with the time that it had waited.
    pub mean_us: f64,
    /// Median.
    pub p50_us: u64,
    /// 90th percentile.
    pub p90_us: u64,
    /// 95th percentile.
    pub p95_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// 99.9th percentile.
    pub p999_us: u64,
    /// Longest.
    pub max_us: u64,
    /// Why what failed failed, by how often.
    pub reasons: BTreeMap<String, u64>,
}

/// What a homeserver spent in the measured phases, by operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Work {
    /// The homeserver.
    pub server: String,
    /// The operation, or `mixed` if several ran at once.
    pub operation: String,
    /// How many succeeded.
    pub count: u64,
    /// Processor time, in milliseconds; `None` where its process is out of reach, on a deployment that was attached to.
    pub cpu_ms: Option<u64>,
    /// Processor time of PostgreSQL for it, in milliseconds: of the processes that served its database, and its share of
    /// those that serve all; `None` if its data is in a file, or PostgreSQL out of reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_cpu_ms: Option<u64>,
    /// Database transactions; `None` where the server does not tell.
    pub db_transactions: Option<u64>,
    /// Events it persisted; `None` where the server does not tell.
    pub events_persisted: Option<u64>,
    /// Federation requests it sent; `None` where they pass through somebody else's gateway.
    pub requests: Option<u64>,
    /// Bytes of their bodies; `None` as for `requests`.
    pub bytes: Option<u64>,
}

/// When a phase was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PhaseSpan {
    /// Its name.
    pub name: String,
    /// Whether it counts.
    pub measured: bool,
    /// Seconds since the load began.
    pub from: f64,
    /// Seconds since the load began.
    pub to: f64,
    /// How many operations were due in it.
    pub due: u64,
    /// What came in it; empty in records of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// What virtual servers suffered in it, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<String>,
}

/// A series in one second; times in microseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Second {
    /// Since the load began.
    pub second: u64,
    /// The series.
    pub name: String,
    /// How many ended well.
    pub count: u64,
    /// How many failed.
    pub errors: u64,
    /// Median.
    pub p50_us: u64,
    /// 95th percentile.
    pub p95_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// Longest.
    pub max_us: u64,
}

/// A process in one second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceSample {
    /// Since the load began.
    pub second: u64,
    /// Name of the homeserver, `postgresql` (all its processes together), or `generator`.
    pub process: String,
    /// Share of one core that it used since the last sample.
    pub cpu: f64,
    /// Resident memory, in bytes.
    pub rss_bytes: u64,
    /// Open file descriptors.
    pub descriptors: u64,
}

/// What a homeserver did that explains figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trouble {
    /// The homeserver.
    pub server: String,
    /// What, in words that go on after its name.
    pub what: String,
    /// Seconds since the load began; `None` if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// When it was over; `None` if it was not, or if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<f64>,
}

impl Trouble {
    /// In words.
    pub fn told(&self) -> String {
        let Self { server, what, from, to } = self;
        match (from, to) {
            (Some(from), Some(to)) => format!("{server} {what} from second {from:.0} to second {to:.0}"),
            (Some(from), None) => format!("{server} {what} from second {from:.0} on"),
            _ => format!("{server} {what}"),
        }
    }
}

/// What a homeserver had not sent on yet when the arrivals of a phase were over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unsent {
    /// The phase.
    pub phase: String,
    /// The homeserver.
    pub server: String,
    /// Events that it had taken and its federation sender had not looked at.
    pub events: u64,
}

/// The generator's own figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Generator {
    /// Processor time, in milliseconds.
    pub cpu_ms: u64,
    /// Highest resident memory, in bytes.
    pub rss_bytes: u64,
    /// How late free workers woke, 99th percentile, in microseconds.
    pub late_p99_us: u64,
    /// Open arrivals that were due and that nobody got to.
    pub abandoned: u64,
    /// Requests in flight at most.
    pub workers: usize,
}

/// What an invariant says of a homeserver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InvariantResult {
    /// The rule.
    pub rule: String,
    /// The homeserver.
    pub server: String,
    /// How often it was judged.
    pub judged: u64,
    /// Breaches, in words; the first few.
    pub breaches: Vec<String>,
    /// Whether all traffic was kept to be judged.
    pub whole: bool,
}

impl Work {
    /// Processor time of the homeserver and of PostgreSQL for it, in milliseconds; `None` where it is out of reach.
    pub fn whole_cpu_ms(&self) -> Option<u64> {
        Some(self.cpu_ms? + self.database_cpu_ms.unwrap_or_default())
    }
}

impl LoadRecord {
    /// What one operation cost, as far as this record can say. One of several shards on the same homeservers cannot: their
    /// counters tell of all shards, and what the others did is not known before they are put together.
    pub fn own_work(&self) -> &[Work] {
        let is_shared = self.attached.is_some() && self.shard.is_some();
        if is_shared { &[] } else { &self.work }
    }

    /// What all of this comes to: what the exit code, the page and the summary say.
    pub fn verdict(&self) -> LoadVerdict {
        let broken_by_b = self.comparison.as_ref().is_some_and(Comparison::is_broken);
        let unclear = self.comparison.as_ref().is_some_and(Comparison::is_unclear);
        let breached = self.invariants.iter().any(|invariant| !invariant.breaches.is_empty());
        // How much there was says nothing where some of it is missing.
        let counts = |one: &ThresholdResult| {
            self.complete || !(one.expression.starts_with("rate") || one.expression.starts_with("count"))
        };
        let broken = self.thresholds.iter().any(|threshold| !threshold.ok && counts(threshold)) || broken_by_b;
        // What was broken was broken, however the load ended; figures that must not be believed break no threshold.
        match () {
            () if breached || (broken && self.valid) => LoadVerdict::Broken,
            () if !self.valid => LoadVerdict::Invalid,
            () if !self.complete => LoadVerdict::StoppedEarly,
            () if self.comparison.as_ref().is_some_and(Comparison::is_slower) => LoadVerdict::Slower,
            () if unclear => LoadVerdict::Unclear,
            () => LoadVerdict::Held,
        }
    }
}

impl LoadVerdict {
    /// In a word or two, and what that means.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Held => ("HELD", "every threshold and every invariant held"),
            Self::Broken => ("BROKEN", "a threshold or an invariant broke"),
            Self::Slower => ("B IS SLOWER", "B takes more in some figure"),
            Self::Unclear => {
                ("UNCLEAR", "some figure could not be told exactly enough: more pairs, or a quieter machine")
            }
            Self::StoppedEarly => ("STOPPED EARLY", "it did not come to its end"),
            Self::Invalid => ("INVALID", "the figures must not be believed"),
        }
    }
}

/// What a load run comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadVerdict {
    /// Thresholds and invariants held; of a paired session also: B is not slower.
    Held,
    /// A threshold broke, or an invariant did, on either side.
    Broken,
    /// B takes more than A in some figure.
    Slower,
    /// A paired session compared nothing, or some figure too coarsely to say that there is no difference.
    Unclear,
    /// It did not come to its end, or a shard is missing.
    StoppedEarly,
    /// The figures must not be believed.
    Invalid,
}
