//! The folder that the homeservers of a run work in.

use crate::error::CliError;
use std::path::{Path, PathBuf};

/// Where databases and configuration go: a folder that vanishes, or one beside the results.
pub(crate) enum Work {
    Passing(tempfile::TempDir),
    Kept(PathBuf),
}

impl Work {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}

/// Makes it, or names the one beside the results that is to be kept.
pub(crate) fn work_folder(run_id: &str, out: &Path, keep: bool) -> Result<Work, CliError> {
    if keep {
        return Ok(Work::Kept(out.join("work")));
    }
    let made = tempfile::Builder::new().prefix(&format!("fedproof-{run_id}-")).tempdir();
    made.map(Work::Passing)
        .map_err(|error| CliError::environment(format!("failed to create a folder for the homeservers: {error}")))
}
