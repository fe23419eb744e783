//! Load on homeservers: clients and signed federation traffic, from a workload in YAML to figures.
//!
//! A [`Workload`] says who is there and what arrives when; [`schedule`] draws all arrivals from the seed before anything
//! runs; goose's workers take what is due; latencies go from when something was *due* to the last byte into a
//! [`Recorder`]; watchers and virtual servers tell when others saw it; [`judge`](run()) says whether the thresholds held
//! and whether the figures may be believed.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test may panic"))]

mod agenda;
mod answers;
mod attach;
mod context;
mod desk;
mod drive;
mod faults;
pub mod hlog;
mod http;
mod inert;
mod invariants;
mod judge;
mod ledger;
mod limit;
mod lint;
mod measured;
mod merge;
mod observe;
mod operation;
mod outcome;
mod paired;
mod perform;
mod play;
mod population;
mod prepare;
mod probe;
mod ready;
pub mod recorder;
mod resources;
mod run;
pub mod schedule;
mod series;
mod session;
mod spent;
mod stage;
mod stretch;
mod threshold;
mod watch;
mod watchers;
mod work;
mod workload;

pub use attach::refusals;
pub use faults::{Affected, All, FaultEffect, PhaseFault};
pub use fedproof_deployment::Home;
pub use limit::{Search, Share, find_limit};
pub use measured::MeasuredTime;
pub use merge::{MergeError, Merged, Part, merge, start_of};
pub use operation::Operation;
pub use outcome::Outcome;
pub use paired::{Against, CONFIDENCE, Paired, compare};
pub use population::PopulationError;
pub use probe::{Probe, Probed, probe};
pub use recorder::Recorder;
pub use run::{LoadError, Place, Setting, run};
pub use schedule::Shard;
pub use series::Series;
pub use threshold::{Comparison, Metric, Threshold};
pub use workload::{Closed, Phase, Rate, RoomGroup, Spacing, Workload, WorkloadError, schema};
