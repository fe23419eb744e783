//! The runner: plays scenarios on a deployment and decides their cases.
//!
//! [`plan`] turns selected scenarios into [`Instance`](plan::Instance)s, [`run`] plays them side by side and emits
//! the events that every report is made from. One instance is set up in `instance` and played by the interpreter in
//! `phases`; what a step does stands in `verb/`, one file per kind of actor; what an answer must be in `expect`. A check that needs
//! computation is written in Rust in `native/` and called from a scenario by its name.
//!
//! What a failing step means is decided in one place, `ruling`: rules R1 to R3 and R7 of docs/verdicts.md.

mod actor;
mod expect;
mod instance;
mod kept;
pub mod matrix;
pub mod mutant;
mod names;
mod native;
mod outcome;
mod phases;
pub mod plan;
pub mod reach;
mod row;
mod ruling;
mod run;
mod scope;
mod standing;
mod step;
mod verb;
mod wording;

pub use mutant::Mutant;
pub use plan::{Instance, Plan, PlanError, Subject};
pub use reach::Reach;
pub use run::{ClientUnderTest, Decided, Field, Options, Sink, run};
pub use standing::Diary;

/// Names of the checks that scenarios may call by `native`.
pub fn native_checks() -> Vec<&'static str> {
    native::names()
}
