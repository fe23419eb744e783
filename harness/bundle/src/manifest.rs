//! `manifest.json`: what a bundle says.

use fedproof_results::{RunVerdict, ServerInfo};
use serde::{Deserialize, Serialize};

/// Version of the schema of `manifest.json`.
pub const BUNDLE_SCHEMA: &str = "fedproof/bundle/1";

/// What a bundle says, and of what it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`BUNDLE_SCHEMA`].
    pub schema: String,
    /// fedproof's version that made it.
    pub suite_version: String,
    /// RFC 3339, UTC.
    pub made_at: String,
    /// Whether this is a qualification.
    pub qualified: bool,
    /// Why it is none, in words; empty if it is one.
    pub because: Vec<String>,
    /// Its runs.
    pub runs: Vec<RunEntry>,
    /// Failures that somebody accepted: `CASE on SERVER: REASON (accepted by NAME until DAY)`.
    pub deviations: Vec<String>,
    /// Every other file, in the order of the archive.
    pub files: Vec<FileEntry>,
}

/// A run of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunEntry {
    /// Its folder in the archive.
    pub folder: String,
    /// Its id.
    pub run_id: String,
    /// Its word.
    pub verdict: RunVerdict,
    /// The deployment.
    pub deployment: String,
    /// The profile.
    pub profile: String,
    /// SHA-256 of the scenarios that it played.
    pub suite_digest: String,
    /// The homeservers with the digests of what was installed.
    pub servers: Vec<ServerInfo>,
}

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Path in the archive.
    pub path: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256, in hexadecimal digits.
    pub sha256: String,
}
