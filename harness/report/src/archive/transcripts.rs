//! `transcripts/all.jsonl`: every exchange of the run, in order, one a line.
//!
//! One file for all servers: an exchange has two ends, and what matters of a transcript is its order.

use super::atomic::stream_atomically;
use crate::ReportError;
use fedproof_core::transcript::Exchange;
use fedproof_results::bounded;
use std::{fs, path::Path, sync::Arc};

/// Path of the transcript in a results folder.
pub(crate) const TRANSCRIPT: &str = "transcripts/all.jsonl";

pub(super) fn write(folder: &Path, exchanges: &[Arc<Exchange>]) -> Result<(), ReportError> {
    let path = folder.join(TRANSCRIPT);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|source| ReportError::CreateFolder { path: parent.to_owned(), source })?;
    }
    stream_atomically(&path, |mut out| {
        for exchange in exchanges {
            serde_json::to_writer(&mut out, &bounded(exchange))?;
            out.write_all(b"\n")?;
        }
        Ok(())
    })
}
