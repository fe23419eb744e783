//! Hardening of deployments: rules on containers, and on what leads to them, judged over files and over what runs.
//!
//! [`read`] turns compose files, Kubernetes manifests and configurations of Synapse into [`Input`]s; [`inspected`] does so
//! with what a container engine says of containers that run. [`judge`] applies the [`rules`] to them: the same rules,
//! whatever was read, so that what a file promises and what runs are held to one list. Where a rule says nothing about a
//! kind of input, its verdict is *not applicable*, with the reason.
//!
//! Nothing here starts anything or asks anybody; only files are read. Whether a cluster or an engine keeps what a file
//! says is not known from the file.

mod amount;
mod bills;
mod error;
mod interpolate;
mod judge;
mod model;
mod read;
mod rules;
mod secrets;

pub use bills::bills;
pub use error::HardeningError;
pub use judge::{Finding, Judgement, Known, judge};
pub use model::{Input, Kind, Source, Unjudged};
pub use read::{Inside, inspected, read};
pub use rules::{Rule, rules};
