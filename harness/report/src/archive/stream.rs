//! Reading `events.jsonl` back.

use crate::ReportError;
use fedproof_results::Event;
use std::{fs, path::Path};

/// Every event of the file, without a last line that was torn.
///
/// Only a last line *without its newline* may be broken: [`super::Archive::event`] writes a line and its newline
/// at once, so anything else that is no event is damage, and damage is not to be read as a shorter run.
pub(super) fn read(path: &Path) -> Result<Vec<Event>, ReportError> {
    let bytes = fs::read(path).map_err(|source| ReportError::Read { path: path.to_owned(), source })?;
    let mut events = Vec::new();
    for (index, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        match serde_json::from_slice(line) {
            Ok(event) => events.push(event),
            Err(_) if !line.ends_with(b"\n") => break,
            Err(source) => return Err(ReportError::NoEvent { path: path.to_owned(), line: index + 1, source }),
        }
    }
    Ok(events)
}
