//! What a run says: one stream of typed [`Event`]s, from which every report is derived.
//!
//! The runner emits events; `events.jsonl` is their serialisation; [`RunRecord`] is their fold and the
//! content of `run.json`. Reports read nothing else. The names of the fields are a contract.

mod baseline;
mod bounded;
mod case;
mod compare;
mod deviation;
mod event;
mod gate;
pub mod load;
mod record;
mod schema;

pub use baseline::*;
pub use bounded::*;
pub use case::*;
pub use compare::*;
pub use deviation::*;
pub use event::*;
pub use gate::*;
pub use record::*;
pub use schema::*;

/// Version of the schema of `run.json` and `events.jsonl`.
pub const SCHEMA: &str = "fedproof/run/1";
