//! The scenario language: typed YAML, its errors, its linter, its JSON Schema.
//!
//! A scenario is data: actors, phases, steps. [`model`] is the vocabulary, [`load`] reads and lints files,
//! and the runner interprets what comes out. Nothing here starts anything.

pub mod model;
mod span;

pub use span::At;
