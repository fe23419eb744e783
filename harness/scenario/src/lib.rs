//! The scenario language: typed YAML, its errors, its linter, its JSON Schema.
//!
//! A scenario is data: actors, phases, steps. [`model`] is the vocabulary, [`load`] reads and lints files,
//! [`Catalogue::select`] says which cases are meant, [`template`] completes the arguments of a step, and the
//! runner interprets what comes out. Nothing here starts anything.

mod catalogue;
mod diagnostic;
mod lint;
mod load;
pub mod model;
mod near;
mod select;
mod span;
pub mod template;
mod yaml;

pub use catalogue::{Catalogue, Entry, Loaded};
pub use diagnostic::Diagnostic;
pub use load::{load, parse};
pub use select::{Instance, SelectError, Selection, Unmatched, glob_matches, is_named};
pub use span::At;
