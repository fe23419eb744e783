//! The scenario language: typed YAML, its errors, its linter, its JSON Schema.
//!
//! A scenario is data: actors, phases, steps. [`model`] is the vocabulary, [`load`] reads and lints files,
//! [`Catalogue::select`] says which cases are meant, [`template`] completes the arguments of a step, and the
//! runner interprets what comes out. Nothing here starts anything.
//!
//! # From a file to a case
//!
//! 1. `yaml` reads a file into [`model::Scenario`]. The first mistake of form (an unknown key, a wrong type) ends the
//!    reading of that file and becomes a [`Diagnostic`].
//! 2. `lint` goes through everything that could be read and collects what is wrong with it: one file per subject
//!    (`ids`, `structure`, `actors`, `steps`, `arguments`, `rules`, `bindings`). It names places by JSON pointers,
//!    which [`fedproof_yaml::Places`] turns into lines and columns; so the model carries no places but those the
//!    runner reports.
//! 3. [`Catalogue::entries`] expands rows to cases, one per room version.
//!
//! # Adding a verb
//!
//! 1. In `model/` a struct for its arguments (`deny_unknown_fields`, every field documented: the documentation is
//!    the schema's description) and one line in `verbs!` (`model/step.rs`), which says who can do it.
//! 2. In `lint/arguments.rs` an arm of the `match`: what its arguments must be beyond their types. If there is no
//!    answer or no result, its name goes into the lists in `lint/steps.rs`.
//! 3. In the runner an arm in `verb/`, in the file of each kind of actor that can do it.
//! 4. A file in `tests/bad/` for what can be got wrong; `BLESS=1 cargo test -p fedproof-scenario` writes what is said
//!    about it next to it, to be read before it is committed.
//!
//! Step, schema, linter's list of verbs and hints follow from the line in `verbs!`. A closed list of words (endpoints,
//! methods) is in [`terms`].

mod capabilities;
mod catalogue;
mod lint;
mod load;
pub mod model;
mod near;
mod profile;
mod schema;
mod select;
mod span;
pub mod template;
pub mod terms;
mod walk;
mod yaml;

pub use catalogue::{Catalogue, Entry, Loaded};
pub use fedproof_yaml::Diagnostic;
pub use load::{load, parse};
pub use near::did_you_mean;
pub use profile::{KnownDeviation, LevelOverride, NoRange, Profile, Servers, Versions};
pub use schema::{schema, schema_kinds};
pub use select::{Instance, SelectError, Selection, Unmatched, glob_matches, is_named};
pub use span::At;
