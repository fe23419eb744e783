//! The event stream.

use crate::{Baseline, CaseInfo, SubjectResult};
use fedproof_core::transcript::Exchange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A homeserver of the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerInfo {
    /// Name in the deployment (`alpha`).
    pub name: String,
    /// What was asked for (`synapse@1.163.2`).
    pub spec: String,
    /// Implementation (`synapse`).
    pub implementation: String,
    /// Version as the server reports it.
    pub version: String,
    /// Matrix server name.
    pub server_name: String,
    /// Digest of what was installed (constraints file or source tree).
    pub digest: String,
    /// The build that it is upgraded to in the course of the run, where the deployment has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade_to: Option<BuildInfo>,
}

/// What was installed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct BuildInfo {
    /// What was asked for (`synapse@1.163.2`).
    pub spec: String,
    /// Digest of what was installed.
    pub digest: String,
}

impl ServerInfo {
    /// The build that the run says something about: what it is upgraded to, where there is an upgrade, or else what it began as.
    pub fn build_under_test(&self) -> BuildInfo {
        self.upgrade_to.clone().unwrap_or_else(|| BuildInfo { spec: self.spec.clone(), digest: self.digest.clone() })
    }
}

/// What identifies a run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// Unique id, also the default name of the results folder.
    pub run_id: String,
    /// RFC 3339, UTC.
    pub started_at: String,
    /// fedproof's version.
    pub suite_version: String,
    /// SHA-256 over the scenarios that were selected.
    pub suite_digest: String,
    /// Name of the deployment.
    pub deployment: String,
    /// Where it ran (`process`).
    pub backend: String,
    /// Profile in force.
    pub profile: String,
    /// The client under test, as it was asked for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub client: String,
    /// Seed of everything random.
    pub seed: u64,
    /// What was selected; empty for everything.
    #[serde(default)]
    pub selectors: Vec<String>,
    /// Scenario instances at once.
    pub jobs: usize,
    /// Whether SHOULD gates.
    pub strict: bool,
    /// Operating system, architecture, cores.
    pub machine: String,
    /// The command line.
    pub command: Vec<String>,
}

/// Resources a homeserver used over the run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ServerUsage {
    /// Name in the deployment.
    pub name: String,
    /// CPU time (user + system) in milliseconds, boot included.
    pub cpu_ms: u64,
    /// Resident memory at the end, in bytes.
    pub rss_bytes: u64,
}

/// Wall time in milliseconds.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct WallMs {
    /// From start to the last verdict.
    pub total: u64,
    /// Installing (if needed) and booting the homeservers.
    pub boot: u64,
    /// Running the cases.
    pub cases: u64,
    /// Building the client under test (if anything of it had changed) and starting it once; 0 where no case needs one.
    #[serde(default)]
    pub client: u64,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// First event.
    RunStarted {
        /// Who and what.
        identity: Identity,
        /// Every case that was selected.
        cases: Vec<CaseInfo>,
    },
    /// The verdicts that were accepted before, as far as this run was asked about them.
    BaselineTaken {
        /// The file they are from.
        file: String,
        /// They.
        baseline: Baseline,
    },
    /// Something slow moved on (installing, booting).
    Progress {
        /// The homeserver it concerns.
        server: Option<String>,
        /// In words.
        message: String,
    },
    /// Something the reader should know, that is no verdict.
    Warning {
        /// In words.
        message: String,
    },
    /// The deployment is up.
    DeploymentReady {
        /// Its homeservers.
        servers: Vec<ServerInfo>,
        /// Wall time of the boot.
        boot_ms: u64,
    },
    /// An exchange that a later verdict refers to.
    Evidence {
        /// The exchange, bounded and redacted. Boxed: it is by far the largest variant.
        #[schemars(with = "serde_json::Value")]
        exchange: Box<Exchange>,
    },
    /// A case was decided on one homeserver.
    CaseDecided {
        /// The case.
        id: String,
        /// The verdict and what is behind it.
        result: SubjectResult,
    },
    /// Last event; missing if fedproof died.
    RunFinished {
        /// False if it stopped early.
        complete: bool,
        /// Why it stopped early, or empty.
        stopped_because: String,
        /// Wall time.
        wall_ms: WallMs,
        /// Per homeserver.
        usage: Vec<ServerUsage>,
    },
}
