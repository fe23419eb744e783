//! Live on stderr.
use fedproof_results::{Event, RunRecord};
use std::path::Path;
/// The reporter for people.
pub struct Terminal {}
impl Terminal {
    /// On stderr: colour and progress bars only if it is a terminal.
    pub fn stderr() -> Self { Self {} }
    /// Takes one event of the stream.
    pub fn handle(&mut self, _event: &Event) {}
    /// The closing summary; `page` is where report.html stands.
    pub fn finish(&mut self, _record: &RunRecord, _page: Option<&Path>) {}
}
