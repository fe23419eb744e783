//! HTML.
use fedproof_results::RunRecord;
/// `report.html`.
pub fn html(_record: &RunRecord) -> String { String::new() }
