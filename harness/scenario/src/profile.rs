//! Profiles: which requirements count here, at which level, with which settings, and which failures are known
//! (`fixtures/profiles/NAME.yaml`).

mod lint;
mod range;

use crate::{select::glob_matches, yaml};
use fedproof_results::{CaseInfo, CaseResult, Day, Deviation, Level, ServerInfo, SubjectResult, Verdict};
use fedproof_yaml::Diagnostic;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

pub use range::{NoRange, Versions};

/// What a deployment's operator asks for beyond, or short of, the specification.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name: that of the file.
    pub profile: String,
    /// Whose it is, in prose.
    pub about: String,
    /// POLICY rows that it asks for, as globs.
    #[serde(default)]
    pub asks: Vec<String>,
    /// Rows that count at another level than the suite gives them. The first entry that names a row holds.
    #[serde(default)]
    pub levels: Vec<LevelOverride>,
    /// Values that scenarios know as `${profile.NAME}`.
    #[serde(default)]
    pub settings: IndexMap<String, Value>,
    /// The client under test where nobody names one: a folder of `fixtures/clients`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// Failures that are known and accepted for a while.
    #[serde(default)]
    pub deviations: Vec<KnownDeviation>,
}

/// Another level for some rows.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelOverride {
    /// Glob over rows.
    pub rows: String,
    /// The level that counts here.
    pub level: Level,
    /// Why.
    pub reason: String,
}

/// A failure that somebody accepted.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KnownDeviation {
    /// Glob over rows.
    pub rows: String,
    /// On which homeservers.
    pub servers: Servers,
    /// Why they fail.
    pub reason: String,
    /// Where that is written down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// What there is to say where no link is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who accepted it.
    pub accepted_by: String,
    /// Last day on which it is accepted (`2026-12-31`).
    pub expires: Day,
}

/// Some builds of an implementation.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Servers {
    /// The implementation, such as `synapse`.
    pub implementation: String,
    /// The versions (`>=1.100 <1.153.0`); all if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub versions: Option<Versions>,
}

impl Servers {
    fn hold(&self, server: &ServerInfo) -> bool {
        self.implementation == server.implementation
            && self.versions.as_ref().is_none_or(|versions| versions.contain(&server.version))
    }
}

impl KnownDeviation {
    fn covers(&self, case: &CaseInfo, server: &ServerInfo) -> bool {
        names(&self.rows, case) && self.servers.hold(server)
    }
}

/// Whether a glob names a case by its row, or by a folder of rows above it.
fn names(glob: &str, case: &CaseInfo) -> bool {
    row_and_folders(case.row()).any(|name| glob_matches(glob, name))
}

fn row_and_folders(row: &str) -> impl Iterator<Item = &str> {
    row.match_indices('/').map(|(at, _)| at).chain([row.len()]).map(|end| &row[..end])
}

impl Profile {
    /// Reads and lints a profile. `file` is what errors call it; the profile must be called like the file.
    ///
    /// # Errors
    /// Everything that is wrong with it, or the first thing that keeps it from being read.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let text: Arc<str> = text.into();
        let profile: Self = yaml::read(file, &text).map_err(|diagnostic| vec![*diagnostic])?;
        let wrong = lint::lint(&profile, file, &text);
        if wrong.is_empty() { Ok(profile) } else { Err(wrong) }
    }

    /// Globs of this profile that name no row: of these rows somebody renamed one, or wrote it wrong.
    pub fn names_no_row(&self, file: &str, text: &str, rows: &[CaseInfo]) -> Vec<Diagnostic> {
        lint::names_no_row(self, file, &text.into(), rows)
    }

    /// Whether it asks for a POLICY case.
    pub fn asks_for(&self, case: &CaseInfo) -> bool {
        self.asks.iter().any(|glob| names(glob, case))
    }

    /// The level at which a case counts here.
    pub fn level_of(&self, case: &CaseInfo) -> Level {
        self.levels.iter().find(|over| names(&over.rows, case)).map_or(case.level, |over| over.level)
    }

    /// What it says of a failure on a homeserver, on a day: the entry that holds longest.
    pub fn deviation(&self, case: &CaseInfo, server: &ServerInfo, today: Day) -> Option<Deviation> {
        let covering = self.deviations.iter().filter(|known| known.covers(case, server));
        covering.max_by_key(|known| known.expires).map(|known| Deviation {
            reason: known.reason.clone(),
            accepted_by: known.accepted_by.clone(),
            expires: known.expires,
            expired: known.expires < today,
            reference: known.link.as_ref().or(known.note.as_ref()).cloned().unwrap_or_default(),
        })
    }

    /// What there is to say of its deviations after a run: which have expired, and which are no longer needed, since
    /// what they cover passes.
    pub fn audit(&self, cases: &[CaseResult], servers: &[ServerInfo], today: Day) -> Vec<String> {
        self.deviations.iter().filter_map(|known| audit(known, cases, servers, today)).collect()
    }
}

fn audit(known: &KnownDeviation, cases: &[CaseResult], servers: &[ServerInfo], today: Day) -> Option<String> {
    let covered = |case: &CaseInfo, subject: &SubjectResult| {
        servers.iter().any(|server| server.name == subject.server && known.covers(case, server))
    };
    let verdicts: Vec<Verdict> = cases
        .iter()
        .flat_map(|result| result.subjects.iter().filter(|subject| covered(&result.case, subject)))
        .map(|subject| subject.verdict)
        .collect();
    let KnownDeviation { rows, accepted_by, expires, .. } = known;
    if verdicts.contains(&Verdict::Fail) {
        return (*expires < today).then(|| {
            format!("the known deviation of {rows}, accepted by {accepted_by}, expired on {expires}: it gates again")
        });
    }
    verdicts.contains(&Verdict::Pass).then(|| {
        format!("the known deviation of {rows} is no longer needed: what it covers passes; remove it from the profile")
    })
}

#[cfg(test)]
mod tests;
