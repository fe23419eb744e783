//! What a reader gets to see of a run: the live terminal, the results folder, and the reports in it.
//!
//! # One source
//!
//! Everything here is made of the event stream ([`fedproof_results::Event`]) or of its fold
//! ([`fedproof_results::RunRecord`]), and of nothing else. So a report can be rendered again from a stored run,
//! after a crash too, and two reports cannot disagree:
//!
//! ```no_run
//! # use fedproof_results::{Event, RunRecord};
//! # fn run(events: &[Event]) -> Result<(), fedproof_report::ReportError> {
//! use fedproof_report::{Archive, Terminal, render};
//!
//! let mut archive = Archive::create("fedproof-results/1")?;
//! let mut terminal = Terminal::stderr();
//! for event in events {
//!     archive.event(event)?;
//!     terminal.handle(event);
//! }
//! if let Some(record) = RunRecord::from_events(events) {
//!     archive.finish(&record, &[])?;
//!     terminal.finish(&record, Some(&archive.page()));
//! }
//! // Later, `fedproof report fedproof-results/1`:
//! let record = Archive::read(archive.folder())?;
//! render(archive.folder(), &record)
//! # }
//! ```
//!
//! # How to add a report
//!
//! 1. If it needs a fact that the stream lacks, add that to [`fedproof_results::Event`] and its fold, not here.
//! 2. A file with one function from [`fedproof_results::RunRecord`] to text, like [`junit`] or [`summary`]; a folder
//!    if it has parts, like [`html`](html()). Say things in the words of `words`, count with `tally`, explain with
//!    `trouble`, describe exchanges with `wire`, so that it speaks as the other reports do.
//! 3. A line in [`render`], which writes every report of a results folder.
//! 4. A golden file in `tests/golden/`, from the hand-made runs of `tests/sample/`. They hold names and bodies as an
//!    adversary would choose them: whatever a format takes for markup has to be escaped.
//!
//! The page can be looked at with `cargo run -p fedproof-report --example sample`.
//!
//! # What is not here
//!
//! No verdict is made here (that is `fedproof_results::decide`), and nothing but [`Terminal`] prints.

mod archive;
mod changes;
mod error;
mod gate_line;
mod html;
mod junit;
mod kinds;
pub mod load;
mod metrics;
mod summary;
mod tally;
mod terminal;
mod trouble;
pub mod wire;
pub mod words;

pub use archive::{Archive, EVENTS, PAGE, RECORD, render, write_atomically};
pub use changes::{changes_markdown, changes_text};
pub use error::ReportError;
pub use gate_line::gate_lines;
pub use html::html;
pub use junit::junit;
pub use metrics::{metrics, open_metrics_family};
pub use summary::summary;
pub use terminal::Terminal;
