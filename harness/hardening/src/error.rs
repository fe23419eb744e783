//! What keeps files from being judged.

use fedproof_yaml::Diagnostic;
use std::{io, path::PathBuf};

/// Why something could not be judged.
#[derive(Debug, thiserror::Error)]
pub enum HardeningError {
    /// A file, or a file it refers to.
    #[error("failed to read {file}: {source}")]
    Unreadable {
        /// Its path.
        file: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// A file that is no YAML, or says what cannot be followed. The diagnostic shows it at its place.
    #[error("failed to understand {0}")]
    Wrong(Box<Diagnostic>),
    /// What the engine says of a container is not what it should be.
    #[error("failed to read what the engine says of {container}: {message}")]
    Inspected {
        /// Its name.
        container: String,
        /// What is wrong.
        message: String,
    },
}
