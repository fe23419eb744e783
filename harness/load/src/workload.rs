//! What a load run is: `fixtures/workloads/*.yaml`, typed.

use crate::{faults::PhaseFault, limit::Search, operation::Operation, threshold::Threshold};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// A load script.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Workload {
    /// Its name: that of its file.
    pub workload: String,
    /// What it asks, in a sentence or two.
    pub about: String,
    /// Deployment that it is made for; `default` if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment: Option<String>,
    /// Who and what is there before the first phase.
    pub population: Population,
    /// Requests in flight at most. What is due while all are busy waits, and its latency counts from when it was due.
    #[serde(default = "workers")]
    pub workers: usize,
    /// Seconds after which a request without an answer is given up, which is an error. Long polls get these beside the time
    /// that they may be held open.
    #[serde(default = "give_up_seconds")]
    pub give_up_seconds: f64,
    /// How arrivals of open phases are spaced.
    #[serde(default)]
    pub spacing: Spacing,
    /// Operations by weight; a phase may have its own.
    #[serde(default)]
    pub operations: IndexMap<Operation, u32>,
    /// One after the other.
    pub phases: Vec<Phase>,
    /// Instead of one play: look for the highest rate at which every threshold holds. The phases are played once for each
    /// rate, scaled alike so that the highest of them is that rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Search>,
    /// What must hold of the measured phases, or the run has failed.
    #[serde(default)]
    pub thresholds: Vec<Threshold>,
    /// What ends the run early when it holds of what was measured so far: nobody learns more from a server that has broken
    /// down. Looked at each second; what is due and has no answer yet counts with the time that it has waited, and as an
    /// error once that is longer than `give_up_seconds`.
    #[serde(default)]
    pub stop_if: Vec<Threshold>,
}

fn workers() -> usize {
    64
}

fn give_up_seconds() -> f64 {
    30.0
}

/// What exists before the load begins.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Users on each homeserver.
    pub users: usize,
    /// Of these, how many long-poll `/sync` all the time and tell when they see what others sent.
    #[serde(default)]
    pub watchers: usize,
    /// Homeservers that have users; all of the deployment if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homeservers: Option<usize>,
    /// Virtual servers, for operations that come from outside.
    #[serde(default)]
    pub virtual_servers: usize,
    /// Rooms, as a distribution of sizes.
    pub rooms: Vec<RoomGroup>,
}

/// Rooms that are alike.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RoomGroup {
    /// How many.
    pub count: usize,
    /// Real members of each, taken in turn from all homeservers.
    pub members: usize,
    /// Virtual servers with a member each. If there is any, the room is hosted by the virtual side and joined by the real
    /// members, so that setting up costs one join and not one for each virtual server.
    #[serde(default)]
    pub virtual_members: usize,
    /// Messages in each before the load begins.
    #[serde(default)]
    pub history: usize,
}

/// A stretch of time with one kind of arrivals.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its name in reports.
    pub phase: String,
    /// How long, in seconds.
    pub seconds: f64,
    /// Open arrivals: operations a second that come whether or not the server keeps up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Closed arrivals: users who begin again some time after they were answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
    /// Operations by weight, instead of the workload's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operations: Option<IndexMap<Operation, u32>>,
    /// What virtual servers suffer while it lasts. `first_delivery` and `last_delivery` are about those that suffer nothing;
    /// `caught_up` goes from the phase's end until one that received nothing has all that it missed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<PhaseFault>,
    /// Whether it counts: not so for warming up.
    #[serde(default = "measured")]
    pub measured: bool,
}

fn measured() -> bool {
    true
}

/// Operations a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Rate {
    /// The same all the time.
    Steady(f64),
    /// A ramp.
    Ramp {
        /// At the phase's beginning.
        from: f64,
        /// At its end.
        to: f64,
    },
}

impl Rate {
    /// At the beginning and at the end.
    pub fn ends(self) -> (f64, f64) {
        match self {
            Self::Steady(rate) => (rate, rate),
            Self::Ramp { from, to } => (from, to),
        }
    }

    /// Both ends times `factor`.
    pub fn scaled(self, factor: f64) -> Self {
        match self {
            Self::Steady(rate) => Self::Steady(rate * factor),
            Self::Ramp { from, to } => Self::Ramp { from: from * factor, to: to * factor },
        }
    }
}

/// Users who wait for their answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Closed {
    /// How many at once.
    pub users: usize,
    /// Seconds between an answer and the next operation.
    #[serde(default)]
    pub think_seconds: f64,
}

/// How open arrivals are spaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spacing {
    /// As independent people come: a Poisson process, drawn from the seed.
    #[default]
    Poisson,
    /// Like clockwork.
    Even,
}

/// The JSON Schema (draft 2020-12) of workloads.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Workload).to_value();
    schema["title"] = "Fedproof workload".into();
    schema
}

/// Why a workload cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorkloadError {
    /// The file cannot be read.
    #[error("read {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// It is not what a workload is.
    #[error("{}: {message}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong, with its place.
        message: String,
    },
}

impl Workload {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`WorkloadError`], with all that is wrong.
    pub fn read(file: &Path) -> Result<Self, WorkloadError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| WorkloadError::Unreadable { file: file.to_owned(), source })?;
        let malformed = |message| WorkloadError::Malformed { file: file.to_owned(), message };
        let workload: Self = serde_saphyr::from_str(&text).map_err(|error| malformed(error.to_string()))?;
        let problems = crate::lint::problems(&workload, file, &text);
        if problems.is_empty() { Ok(workload) } else { Err(malformed(problems.join("\n  "))) }
    }

    /// The operations of a phase, by weight.
    pub fn operations<'a>(&'a self, phase: &'a Phase) -> &'a IndexMap<Operation, u32> {
        phase.operations.as_ref().unwrap_or(&self.operations)
    }

    /// SHA-256 of what is to be played, in hexadecimal digits.
    pub fn digest(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Mean time between two open arrivals, where they come fastest; nothing where there are none.
    pub(crate) fn gap(&self) -> Duration {
        let peak = self.peak();
        if peak > 0.0 { Duration::from_secs_f64(peak.recip()) } else { Duration::ZERO }
    }

    /// How long a request may take.
    pub(crate) fn give_up(&self) -> Duration {
        Duration::from_secs_f64(self.give_up_seconds)
    }

    /// Time from the beginning to the end of the last phase.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.phases.iter().map(|phase| phase.seconds).sum())
    }

    /// Stretches or shortens all phases so that they last `duration` together.
    pub fn lasting(mut self, duration: Duration) -> Self {
        let factor = duration.as_secs_f64() / self.duration().as_secs_f64();
        self.phases.iter_mut().for_each(|phase| phase.seconds *= factor);
        self
    }

    /// When the first measured phase begins, and how long it lasts.
    pub(crate) fn measured_span(&self) -> (Duration, Duration) {
        let before = self.phases.iter().take_while(|phase| !phase.measured).map(|phase| phase.seconds).sum();
        let seconds = self.phases.iter().find(|phase| phase.measured).map_or(0.0, |phase| phase.seconds);
        (Duration::from_secs_f64(before), Duration::from_secs_f64(seconds))
    }

    /// Scales all open phases so that the highest rate is `rate`.
    pub fn at_rate(mut self, rate: f64) -> Self {
        let peak = self.peak();
        for phase in &mut self.phases {
            phase.rate = phase.rate.map(|own| own.scaled(rate / peak));
        }
        self
    }

    /// The highest rate of open arrivals.
    pub fn peak(&self) -> f64 {
        let rates = self.phases.iter().filter_map(|phase| phase.rate.map(Rate::ends));
        rates.map(|(from, to)| from.max(to)).fold(0.0, f64::max)
    }
}
