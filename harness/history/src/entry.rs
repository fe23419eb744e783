//! A run as the store takes and gives it.

use crate::{Figure, instant::to_the_millisecond};
use fedproof_results::{
    CaseInfo, CaseResult, Level, Line, RunRecord, ServerInfo, SubjectResult, Verdict, every_line, kinds,
    load::{LoadRecord, LoadVerdict},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What whoever imports a run knows of it beyond its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The line of development it belongs to, such as `main`.
    pub branch: String,
    /// The build under test: a commit or a release. `None`: the versions that its homeservers report.
    pub build: Option<String>,
}

/// What kind of run it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Cases were decided.
    Cases,
    /// A load was measured.
    Load,
}

/// A run as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHead {
    /// Its id.
    pub run_id: String,
    /// What kind.
    pub kind: Kind,
    /// The line of development.
    pub branch: String,
    /// What it must have in common with another run so that the two can be compared: deployment, profile, client, backend, implementations,
    /// machine, what was selected; or workload and deployment.
    pub place: String,
    /// The build under test.
    pub build: String,
    /// When it began: RFC 3339, UTC, to the millisecond, so that runs are in the order of these texts.
    #[serde(deserialize_with = "crate::instant::read")]
    pub started_at: String,
    /// As in its record: `qualified`, `held`, ….
    pub verdict: String,
    /// False if it stopped early.
    pub complete: bool,
    /// Its homeservers.
    pub servers: Vec<ServerInfo>,
    /// fedproof's version.
    pub suite_version: String,
    /// SHA-256 of what was played.
    pub suite_digest: String,
    /// The machine, as far as the record says.
    pub machine: String,
    /// Seed of everything random.
    pub seed: u64,
    /// Wall time, in milliseconds; 0 where the record has none.
    pub wall_ms: u64,
    /// How many cases ended how, without standing ones and such as nobody asked for.
    pub counts: BTreeMap<Verdict, u64>,
}

/// What was decided of a case on a kind of homeserver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Id of the case.
    pub case: String,
    /// Kind of homeserver: name of the first of its kind.
    pub server: String,
    /// How binding it was.
    pub level: Level,
    /// The verdict.
    pub verdict: Verdict,
    /// For an observation, what was seen.
    pub seen: String,
    /// Why, or empty.
    pub reason: String,
    /// Whether the profile accepts the failure.
    pub accepted: bool,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
}

/// A run with everything of it that is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// As it is listed.
    pub head: RunHead,
    /// SHA-256 of what it found: not of its record, which another version of fedproof would write in another way.
    pub digest: String,
    /// The cases it decided, as they were then.
    pub cases: Vec<CaseInfo>,
    /// What it decided.
    pub outcomes: Vec<Outcome>,
    /// Its figures.
    pub figures: Vec<Figure>,
    /// Its files by name: the record with its evidence, histograms. May have been pruned.
    pub documents: BTreeMap<String, String>,
}

impl Entry {
    /// Name of the document that is a run's record.
    pub const RUN: &str = "run.json";
    /// Name of the document that is a load's record.
    pub const LOAD: &str = "load.json";

    /// Of a run of cases.
    pub fn of_run(record: &RunRecord, label: &Label) -> Self {
        let identity = &record.identity;
        let text = serde_json::to_string(record).unwrap_or_default();
        let mut counts = BTreeMap::new();
        for result in record.cases.iter().filter(|result| !result.case.is_standing()) {
            *counts.entry(result.verdict).or_default() += 1;
        }
        let parts = [&identity.deployment, &identity.profile, &identity.client, &identity.backend];
        let mut place: Vec<&str> = parts.into_iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
        let (implementations, selected) = (implementations(&record.servers), selected(&identity.selectors));
        place.extend(
            [implementations.as_str(), &identity.machine, &selected].into_iter().filter(|part| !part.is_empty()),
        );
        let kinds = kinds(&record.servers);
        let lines = every_line(record);
        let decided: Vec<String> =
            lines.iter().map(|line| format!("{} {} {}", line.case, line.server, line.verdict)).collect();
        let outcomes = lines.into_iter().map(|line| {
            let result = record.cases.iter().find(|result| result.case.id == line.case);
            Outcome {
                reason: without_nul(&record.reason(&line)),
                accepted: result.is_some_and(|result| is_accepted(result, &line, &kinds)),
                duration_ms: result.map_or(0, |result| result.duration_ms),
                case: line.case,
                server: line.server,
                level: line.level,
                verdict: line.verdict,
                seen: without_nul(&line.seen),
            }
        });
        Self {
            head: RunHead {
                run_id: identity.run_id.clone(),
                kind: Kind::Cases,
                branch: label.branch.clone(),
                place: place.join(" · "),
                build: build(label, &record.servers),
                started_at: to_the_millisecond(&identity.started_at),
                verdict: word(&record.verdict),
                complete: record.complete,
                servers: record.servers.clone(),
                suite_version: identity.suite_version.clone(),
                suite_digest: identity.suite_digest.clone(),
                machine: identity.machine.clone(),
                seed: identity.seed,
                wall_ms: record.wall_ms.total,
                counts,
            },
            digest: digest(
                [identity.run_id.as_str(), &identity.started_at].into_iter().map(str::to_owned).chain(decided),
            ),
            cases: record.cases.iter().map(|result| result.case.clone()).collect(),
            outcomes: outcomes.collect(),
            figures: crate::series::of_run(record),
            documents: BTreeMap::from([(Self::RUN.to_owned(), text)]),
        }
    }

    /// Of a load, with its histograms (`.hlog`) by name.
    pub fn of_load(record: &LoadRecord, histograms: BTreeMap<String, String>, label: &Label) -> Self {
        let text = serde_json::to_string(record).unwrap_or_default();
        let mut documents = histograms;
        documents.insert(Self::LOAD.to_owned(), text);
        let measured = record.operations.iter().map(|one| format!("{} {} {}", one.name, one.count, one.p50_us));
        let measured: Vec<String> = measured.collect();
        let verdict = match record.verdict() {
            LoadVerdict::Held => "held",
            LoadVerdict::Broken => "broken",
            LoadVerdict::Slower => "slower",
            LoadVerdict::Unclear => "unclear",
            LoadVerdict::StoppedEarly => "stopped_early",
            LoadVerdict::Invalid => "invalid",
        };
        let until = record.phases.last().map_or(0.0, |phase| phase.to);
        Self {
            head: RunHead {
                run_id: record.run_id.clone(),
                kind: Kind::Load,
                branch: label.branch.clone(),
                // A workload that was changed is another: its figures are not to be held against the old ones.
                place: format!(
                    "load {} · {} · {}",
                    record.workload,
                    record.deployment,
                    record.workload_digest.get(..8).unwrap_or_default()
                ),
                build: build(label, &record.servers),
                started_at: to_the_millisecond(&record.started_at),
                verdict: verdict.to_owned(),
                complete: record.complete,
                servers: record.servers.clone(),
                suite_version: record.suite_version.clone(),
                suite_digest: record.workload_digest.clone(),
                machine: String::new(),
                seed: record.seed,
                wall_ms: (until * 1000.0) as u64,
                counts: BTreeMap::new(),
            },
            digest: digest([&record.run_id, &record.started_at].into_iter().cloned().chain(measured)),
            cases: Vec::new(),
            outcomes: Vec::new(),
            figures: if record.valid { crate::series::of_load(record) } else { Vec::new() },
            documents,
        }
    }
}

/// Whether the profile accepts what this line says: of each homeserver of the kind that did so.
fn is_accepted(result: &CaseResult, line: &Line, kinds: &BTreeMap<String, String>) -> bool {
    let of_kind = |subject: &&SubjectResult| kinds.get(&subject.server).unwrap_or(&subject.server) == &line.server;
    let mut alike = result.subjects.iter().filter(of_kind).filter(|subject| subject.verdict == line.verdict).peekable();
    alike.peek().is_some() && alike.all(SubjectResult::is_known_deviation)
}

/// The implementations under test, each once: another one is not held against this one.
fn implementations(servers: &[ServerInfo]) -> String {
    let names: BTreeSet<&str> = servers.iter().map(|server| server.implementation.as_str()).collect();
    names.into_iter().collect::<Vec<_>>().join("+")
}

/// What was selected, in words that stay short: a place is a key.
fn selected(selectors: &[String]) -> String {
    let told = selectors.join(" ");
    if told.len() <= 120 {
        told
    } else {
        format!("{} selectors ({})", selectors.len(), &digest(std::iter::once(told))[..12])
    }
}

/// PostgreSQL's text has no U+0000, and a homeserver may say anything.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// What the homeservers say they are, each kind once, unless the label knows better.
fn build(label: &Label, servers: &[ServerInfo]) -> String {
    label.build.clone().unwrap_or_else(|| {
        let mut versions: Vec<String> = Vec::new();
        for server in servers {
            let version = format!("{} {}", server.implementation, server.version);
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        versions.join(", ")
    })
}

/// How JSON spells a value of an enumeration.
pub(crate) fn word(verdict: &impl Serialize) -> String {
    serde_json::to_value(verdict).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn digest(found: impl Iterator<Item = String>) -> String {
    Sha256::digest(found.collect::<Vec<_>>().join("\n")).iter().map(|byte| format!("{byte:02x}")).collect()
}
