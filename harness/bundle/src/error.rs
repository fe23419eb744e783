//! What can be wrong with a bundle. Messages read after "failed to …".

use std::{io, path::PathBuf};

/// Why a bundle cannot be made, or must not be believed.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file cannot be read.
    #[error("read {}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A stored run cannot be read, or the bundle not be written.
    #[error(transparent)]
    Report(#[from] fedproof_report::ReportError),
    /// No key in it, or of another kind.
    #[error("read {} as an Ed25519 key: {why}", path.display())]
    NoKey {
        /// Which file.
        path: PathBuf,
        /// What it is.
        why: String,
    },
    /// Two files would have one place in it.
    #[error(
        "make the bundle: two files are to be {file}; a run goes in once, and files with --with need different names"
    )]
    Twice {
        /// Their place.
        file: String,
    },
    /// The archive is no archive, or none of ours.
    #[error("make or read the bundle: {0}")]
    Malformed(String),
    /// The signature is not of these bytes by this key.
    #[error("verify the bundle: its signature is not one of this archive by this key")]
    Signature,
    /// What is in the archive is not what the manifest says.
    #[error("verify the bundle: {file} {what}")]
    Content {
        /// Which file of the archive.
        file: String,
        /// What is wrong with it.
        what: String,
    },
    /// Less had to be decided than a catalogue that is known asks for.
    #[error("verify the bundle: its catalogue.json is not that of fedproof {version}: {withheld}")]
    Catalogue {
        /// Of which fedproof both are.
        version: String,
        /// What is not asked for, in words.
        withheld: String,
    },
    /// The manifest concludes what its runs do not.
    #[error("verify the bundle: its manifest says {said}, its runs say {found}")]
    Conclusion {
        /// What the manifest says.
        said: String,
        /// What follows from the runs.
        found: String,
    },
}
