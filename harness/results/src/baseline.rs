//! The accepted verdicts of an earlier run, as a file that is committed: one line per case and kind of server, sorted, so
//! that a change of a verdict is a changed line in review. Reading and writing the file is the command line's.

use crate::{CaseResult, Level, Role, RunRecord, ServerInfo, SubjectResult, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

/// Version of the schema of a baseline.
pub const BASELINE_SCHEMA: &str = "fedproof/baseline/1";

/// What was accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// [`BASELINE_SCHEMA`].
    #[schemars(extend("const" = BASELINE_SCHEMA))]
    pub schema: String,
    /// The deployment it holds for.
    pub deployment: String,
    /// The profile it holds for.
    pub profile: String,
    /// What ran there when verdicts were last accepted, by kind of server: to be read, not compared, because a new version
    /// with the old verdicts is what a rebase is meant to give.
    pub servers: BTreeMap<String, String>,
    /// Sorted by case and server, each pair once.
    pub cases: Vec<Line>,
}

/// One accepted verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Id of the case.
    pub case: String,
    /// Kind of server: homeservers on which the same is installed take turns, so their kind goes by the name of the
    /// first of them in the deployment.
    pub server: String,
    /// How binding the case was: a requirement that is weakened later is a difference, too.
    pub level: Level,
    /// The verdict.
    pub verdict: Verdict,
    /// For an observation what was seen in each phase, since its verdict is always the same.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub seen: String,
}

impl Line {
    /// What a line is about.
    pub fn key(&self) -> (&str, &str) {
        (&self.case, &self.server)
    }
}

/// Why a text is no baseline. Messages read after "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// No JSON, or not of this shape.
    #[error("read it as a baseline: {0}")]
    Malformed(#[from] serde_json::Error),
    /// Another version of the schema.
    #[error("read it as a baseline: its schema is {found:?}, this fedproof reads {BASELINE_SCHEMA:?}")]
    Schema {
        /// What it says.
        found: String,
    },
    /// Two lines about the same.
    #[error("read it as a baseline: it holds {case} on {server} twice")]
    Twice {
        /// The case.
        case: String,
        /// The kind of server.
        server: String,
    },
}

/// Why a run cannot become the baseline.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It did not come to its end.
    #[error("the run stopped early: {0}")]
    StoppedEarly(String),
    /// Gating cases are undecided.
    #[error("{} gating case(s) could not be decided: {}", .0.len(), .0.join(", "))]
    Undecided(Vec<String>),
    /// It is of another deployment or profile.
    #[error("the baseline is of deployment {0}, profile {1}; the run is of deployment {2}, profile {3}")]
    Foreign(String, String, String, String),
}

impl Baseline {
    /// Reads the text of a baseline.
    ///
    /// # Errors
    /// See [`BaselineError`].
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        // The version first: what another version looks like is not ours to complain about.
        let value: serde_json::Value = serde_json::from_str(text)?;
        match value.get("schema").and_then(serde_json::Value::as_str) {
            Some(schema) if schema != BASELINE_SCHEMA => {
                return Err(BaselineError::Schema { found: schema.to_owned() });
            }
            _ => {}
        }
        // From the text again, for errors with a line.
        let mut baseline: Self = serde_json::from_str(text)?;
        baseline.cases.sort_by(|one, other| one.key().cmp(&other.key()));
        if let Some(pair) = baseline.cases.windows(2).find(|pair| pair[0].key() == pair[1].key()) {
            return Err(BaselineError::Twice { case: pair[0].case.clone(), server: pair[0].server.clone() });
        }
        Ok(baseline)
    }

    /// The text of the file: JSON with one case to a line.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{{\n  \"schema\": {},\n  \"deployment\": {},\n  \"profile\": {},\n  \"servers\": {},\n  \"cases\": [",
            json(&self.schema),
            json(&self.deployment),
            json(&self.profile),
            json(&self.servers)
        );
        for (index, line) in self.cases.iter().enumerate() {
            let _ = write!(text, "{}\n    {}", if index == 0 { "" } else { "," }, json(line));
        }
        text.push_str(if self.cases.is_empty() { "]\n}\n" } else { "\n  ]\n}\n" });
        text
    }

    /// What a run would have accepted; nothing is refused.
    pub fn of(record: &RunRecord) -> Self {
        let kinds = kinds(&record.servers);
        let first = |server: &&ServerInfo| kinds.get(&server.name).is_some_and(|kind| *kind == server.name);
        let version = |server: &ServerInfo| format!("{} {}", server.implementation, server.version);
        Self {
            schema: BASELINE_SCHEMA.to_owned(),
            deployment: record.identity.deployment.clone(),
            profile: record.identity.profile.clone(),
            servers: record.servers.iter().filter(first).map(|server| (server.name.clone(), version(server))).collect(),
            cases: lines(record),
        }
    }

    /// This baseline after a run is accepted: what the run decided takes the place of what was accepted before. Lines
    /// about which the run was not asked (`in_scope`, by case id) stay as they are.
    ///
    /// # Errors
    /// A run that says too little is refused, see [`Refusal`].
    pub fn accept(before: Option<Self>, record: &RunRecord, in_scope: &dyn Fn(&str) -> bool) -> Result<Self, Refusal> {
        if !record.complete {
            return Err(Refusal::StoppedEarly(record.stopped_because.clone()));
        }
        let undecided = |result: &&CaseResult| {
            result.verdict == Verdict::Inconclusive && result.case.level.gates(record.identity.strict)
        };
        let undecided: Vec<String> =
            record.cases.iter().filter(undecided).map(|result| result.case.id.clone()).collect();
        if !undecided.is_empty() {
            return Err(Refusal::Undecided(undecided));
        }
        let mut accepted = Self::of(record);
        if let Some(before) = before {
            before.fits(&accepted.deployment, &accepted.profile)?;
            let decided: BTreeSet<&str> = asked(record).map(|result| result.case.id.as_str()).collect();
            let stays = |line: &Line| !decided.contains(line.case.as_str()) && !in_scope(&line.case);
            let kept: Vec<Line> = before.cases.into_iter().filter(stays).collect();
            accepted.cases.extend(kept);
            accepted.cases.sort_by(|one, other| one.key().cmp(&other.key()));
        }
        Ok(accepted)
    }

    /// Whether it is of this deployment and profile.
    ///
    /// # Errors
    /// [`Refusal::Foreign`] if not.
    pub fn fits(&self, deployment: &str, profile: &str) -> Result<(), Refusal> {
        if (self.deployment.as_str(), self.profile.as_str()) == (deployment, profile) {
            return Ok(());
        }
        let owned = str::to_owned;
        Err(Refusal::Foreign(self.deployment.clone(), self.profile.clone(), owned(deployment), owned(profile)))
    }
}

/// The lines of a run, sorted. Cases that were not reached have none, nor have those that came along unasked: what
/// they say of a few cases' traffic is no word about the rest of it.
pub fn lines(record: &RunRecord) -> Vec<Line> {
    by_kind(record, asked(record))
}

/// As [`lines`], and the cases that are part of every run.
pub fn every_line(record: &RunRecord) -> Vec<Line> {
    by_kind(record, record.cases.iter())
}

fn by_kind<'a>(record: &'a RunRecord, results: impl Iterator<Item = &'a CaseResult>) -> Vec<Line> {
    let kinds = kinds(&record.servers);
    let mut lines: BTreeMap<(&str, &str), Line> = BTreeMap::new();
    for result in results {
        for subject in &result.subjects {
            let server = kinds.get(&subject.server).unwrap_or(&subject.server);
            let line = Line {
                case: result.case.id.clone(),
                server: server.clone(),
                level: result.case.level,
                verdict: subject.verdict,
                seen: if subject.verdict == Verdict::Observed { seen(subject) } else { String::new() },
            };
            // Two homeservers of one kind: the worse counts, as it does for the case.
            let known = lines.entry((&result.case.id, server)).or_insert_with(|| line.clone());
            if line.verdict > known.verdict {
                *known = line;
            }
        }
    }
    lines.into_values().collect()
}

/// What the run was asked for.
fn asked(record: &RunRecord) -> impl Iterator<Item = &CaseResult> {
    record.cases.iter().filter(|result| !result.case.is_standing())
}

/// Name of the kind of each homeserver, by its own name: the first on which the same is installed.
pub fn kinds(servers: &[ServerInfo]) -> BTreeMap<String, String> {
    let alike = |one: &ServerInfo, other: &ServerInfo| {
        (&one.spec, &one.digest, &one.upgrade_to) == (&other.spec, &other.digest, &other.upgrade_to)
    };
    let first = |server: &ServerInfo| servers.iter().find(|other| alike(server, other)).unwrap_or(server).name.clone();
    servers.iter().map(|server| (server.name.clone(), first(server))).collect()
}

/// What was seen, without anything that differs from run to run: `denied 403 M_FORBIDDEN, lifted 200`.
fn seen(subject: &SubjectResult) -> String {
    let phases = subject.phases.iter().filter(|phase| phase.role != Role::Setup);
    let told = phases.map(|phase| match (phase.status, &phase.errcode) {
        (Some(status), Some(errcode)) => format!("{} {status} {errcode}", phase.phase),
        (Some(status), None) => format!("{} {status}", phase.phase),
        (None, _) => format!("{} {}", phase.phase, if phase.ok { "held" } else { "did not hold" }),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Compact JSON; texts, maps of texts and lines can always be written.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
