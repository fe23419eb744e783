//! What became of runs over time: a store of runs, their verdicts and figures, and what changed in them.
//!
//! The store is an SQLite file, or a PostgreSQL database by URL; both hold the same tables and are asked the same questions.
//! [`Entry`] is a run as it goes into the store and comes out again: made of what results folders hold, or of what
//! another store exported. Whether something got worse is said by [`change`]; what that means for a build, by [`gate`].

mod blocked;
mod catalogue;
pub mod change;
mod entry;
mod error;
mod figures;
pub mod gate;
mod import;
mod instant;
mod one_run;
mod prune;
mod query;
mod schema;
mod series;
mod since;
mod store;

pub use entry::{Entry, Kind, Label, Outcome, RunHead};
pub use error::HistoryError;
pub use import::Imported;
pub use prune::{Keep, Pruned};
pub use query::{CaseOutcome, MatrixCell, SeriesInfo, SeriesPoint, Track};
pub use series::{Figure, FigureKind};
pub use since::Since;
pub use store::Store;

/// The number of a row: 63 bits of the SHA-256 of what names it.
pub(crate) fn number(name: &str) -> i64 {
    use sha2::{Digest, Sha256};
    let hash = Sha256::digest(name.as_bytes());
    hash[..8].iter().fold(0_i64, |number, byte| (number << 8) | i64::from(*byte)) & i64::MAX
}
