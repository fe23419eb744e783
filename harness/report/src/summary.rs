//! Markdown.
use fedproof_results::RunRecord;
/// `summary.md`.
pub fn summary(_record: &RunRecord) -> String { String::new() }
