//! Cases, verdicts and the evidence behind them.

use crate::Deviation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// How binding a requirement is (docs/verdicts.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// The specification's MUST: gates.
    Must,
    /// Asked by a profile or a deployment: gates.
    Policy,
    /// The specification's SHOULD: gates with `--strict` only.
    Should,
    /// The specification's MAY: never gates.
    May,
    /// The specification is silent: reported, never failed.
    Observe,
}

impl Level {
    /// Whether a failure at this level makes a run NOT QUALIFIED.
    pub fn gates(self, strict: bool) -> bool {
        matches!(self, Self::Must | Self::Policy) || (strict && self == Self::Should)
    }
}

/// What was decided of a case. Ordered from best to worst, so the worst of several is their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The specification does not offer this here (R7).
    NotApplicable,
    /// The requirement held, and the controls show that the check could see a breach.
    Pass,
    /// The specification is silent; what happened was recorded (R3).
    Observed,
    /// This server or client does not support what the case needs (R7).
    Skipped,
    /// A control, a barrier or the environment failed: nothing can be said (R1).
    Inconclusive,
    /// The requirement was broken.
    Fail,
}

macro_rules! as_written {
    ($($type:ty),*) => {$(
        impl fmt::Display for $type {
            /// The spelling used in every file format.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match serde_json::to_value(self) {
                    Ok(serde_json::Value::String(text)) => f.pad(&text),
                    _ => Err(fmt::Error),
                }
            }
        }
    )*};
}
as_written!(Level, Verdict, Role);

/// What a phase is for: decides what a failing step means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Prepares; a failing step makes the case inconclusive.
    Setup,
    /// The same request without the rule (R1); a failing step makes the case inconclusive.
    Control,
    /// Decides; a failing expectation fails the case.
    Check,
}

/// A case as the catalogue lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseInfo {
    /// Stable id, `area/section/slug[/vROOMVERSION]`.
    pub id: String,
    /// One line in plain words.
    pub title: String,
    /// How binding.
    pub level: Level,
    /// 0 is first.
    pub priority: u8,
    /// Specification section, MSC or profile rule.
    pub requirement: String,
    /// Scenario file, relative to the project's root.
    pub scenario: String,
    /// For selectors such as `@smoke`.
    pub tags: Vec<String>,
    /// Room version the case runs in, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room_version: Option<String>,
    /// Specification version since which the requirement stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// Fact of a case: the second homeserver that took part.
pub const OTHER: &str = "other";
/// Fact of a case: what the homeserver under test was upgraded to in its course.
pub const UPGRADED_TO: &str = "upgraded_to";

/// Tag of a case that nobody selected by name: it is part of every run.
pub const STANDING: &str = "standing";

impl CaseInfo {
    /// Whether nobody selected it by name: it is part of every run.
    pub fn is_standing(&self) -> bool {
        self.tags.iter().any(|tag| tag == STANDING)
    }

    /// Row of the catalogue: the id without the room version.
    pub fn row(&self) -> &str {
        match &self.room_version {
            Some(version) => self.id.strip_suffix(&format!("/v{version}")).unwrap_or(&self.id),
            None => &self.id,
        }
    }

    /// First two segments, `acl/endpoint`: the unit of the report's tables.
    pub fn area(&self) -> &str {
        area(&self.id)
    }

    /// The section that [`CaseInfo::requirement`] names, and what of it: `Server-server API v1.19, Server Access Control
    /// Lists: m.typing` in two parts; the second may be empty.
    pub fn requirement_parts(&self) -> (&str, &str) {
        self.requirement
            .split_once(": ")
            .map_or((self.requirement.as_str(), ""), |(section, rest)| (section.trim(), rest.trim()))
    }
}

/// First two segments of a case's id, `acl/endpoint`.
pub fn area(id: &str) -> &str {
    id.match_indices('/').nth(1).map_or(id, |(at, _)| &id[..at])
}

/// A place in a scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// File, relative to the project's root.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
}

/// Why a case did not pass, for a reader who has a minute.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Which phase.
    pub phase: String,
    /// The step, as one would say it: `denied request GET …`.
    pub step: String,
    /// Where the step stands.
    pub location: Location,
    /// What the step asked for.
    pub expected: String,
    /// What came instead.
    pub seen: String,
    /// Ids of the exchanges behind it, the decisive one last.
    pub exchanges: Vec<u64>,
}

/// How one phase went for one case: a cell of the endpoint matrix.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PhaseOutcome {
    /// Name of the phase in the scenario.
    pub phase: String,
    /// What it is for.
    pub role: Role,
    /// Whether every step of it held.
    pub ok: bool,
    /// HTTP status of the decisive request, if there was one.
    pub status: Option<u16>,
    /// Its `errcode`, if it had one.
    pub errcode: Option<String>,
    /// Id of its exchange.
    pub exchange: Option<u64>,
}

/// Something measured while a case was played.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// What of: `join`, `event`.
    pub name: String,
    /// How much.
    pub value: u64,
    /// In what: `us` for microseconds of wall time.
    pub unit: String,
}

/// What was decided of a case on one homeserver under test.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SubjectResult {
    /// Name of the homeserver in the deployment.
    pub server: String,
    /// The verdict there.
    pub verdict: Verdict,
    /// Why, in a sentence; empty for a pass.
    pub reason: String,
    /// Wall time in milliseconds: that of the case's own steps, and its part of what it shares with the other cases of its
    /// instance (setting up, shared steps). Cases run side by side, so that these add up to more than the run took.
    pub duration_ms: u64,
    /// Phase by phase.
    pub phases: Vec<PhaseOutcome>,
    /// What the case was about, by name, for tables of the report: `acl`, `name` and `expected` of a pattern, [`OTHER`],
    /// [`UPGRADED_TO`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, String>,
    /// What was measured on the way; never judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub measurements: Vec<Measurement>,
    /// What broke, if something did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What the profile says of this failure, if it was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deviation: Option<Deviation>,
}

impl SubjectResult {
    /// A failure that the profile accepts: shown, but it does not gate.
    pub fn is_known_deviation(&self) -> bool {
        self.verdict == Verdict::Fail && self.deviation.as_ref().is_some_and(|deviation| !deviation.expired)
    }
}

/// A case with its verdict: the worst over the homeservers it ran against.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// The case.
    #[serde(flatten)]
    pub case: CaseInfo,
    /// Worst verdict over [`CaseResult::subjects`].
    pub verdict: Verdict,
    /// The reason of the worst.
    pub reason: String,
    /// The longest [`SubjectResult::duration_ms`], in milliseconds.
    pub duration_ms: u64,
    /// One per homeserver under test.
    pub subjects: Vec<SubjectResult>,
    /// True if it fails, and every failure of it is one that the profile accepts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub known_deviation: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

impl CaseResult {
    /// Puts the results of all subjects together; without any, the case was not reached.
    pub fn new(case: CaseInfo, subjects: Vec<SubjectResult>) -> Self {
        let worst = subjects.iter().max_by_key(|subject| (subject.verdict, !subject.is_known_deviation()));
        Self {
            known_deviation: worst.is_some_and(SubjectResult::is_known_deviation),
            verdict: worst.map_or(Verdict::Inconclusive, |worst| worst.verdict),
            reason: worst.map_or_else(|| "the run stopped before this case".to_owned(), |worst| worst.reason.clone()),
            duration_ms: subjects.iter().map(|subject| subject.duration_ms).max().unwrap_or(0),
            case,
            subjects,
        }
    }
}
