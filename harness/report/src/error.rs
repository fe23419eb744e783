//! What can go wrong when a run is stored or read back.

use std::{io, path::PathBuf};
use thiserror::Error;

/// Why a report could not be written or read. Messages read after "failed to …".
#[derive(Debug, Error)]
pub enum ReportError {
    /// The results folder, or a folder in it, could not be made.
    #[error("create the folder {}: {source}", path.display())]
    CreateFolder {
        /// Which folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder holds another run already; a second stream in one file could not be told apart.
    #[error("store the run in {}: it holds another run already, choose another folder with --out", path.display())]
    Occupied {
        /// Which folder.
        path: PathBuf,
    },
    /// A file could not be written: disk full, no permission, ….
    #[error("write {}: {source}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A value has no JSON form.
    #[error("encode {}: {source}", path.display())]
    Encode {
        /// The file it was meant for.
        path: PathBuf,
        /// What serde said.
        source: serde_json::Error,
    },
    /// A stored run could not be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A line of the event stream, other than a torn last one, is no event.
    #[error("read {}: line {line} is no event: {source}", path.display())]
    NoEvent {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What serde said.
        source: serde_json::Error,
    },
    /// The stream does not begin with `run_started`.
    #[error("read {}: it does not begin with the start of a run", path.display())]
    NoRun {
        /// Which file.
        path: PathBuf,
    },
}
