//! What a reader gets to see of a run.

mod archive;
mod error;
mod gate_line;
mod html;
mod junit;
mod summary;
mod tally;
mod terminal;
mod trouble;
mod wire;
mod words;

pub use archive::{Archive, EVENTS, PAGE, render};
pub use error::ReportError;
pub use html::html;
pub use junit::junit;
pub use summary::summary;
pub use terminal::Terminal;
