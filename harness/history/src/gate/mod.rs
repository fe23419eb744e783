//! May this build go out? What differs from the base and from the runs before it, and what the policy says of that.
//!
//! [`judge`] knows no store: it is given a candidate, its base and what came before. Every finding says which case or series
//! it is about, how much, since which build, and how sure that is.

mod cases;
mod figures;
mod policy;
pub mod told;

pub use policy::{AcceptedLevel, Bound, Changes, Effect, Policy, PolicyError};

use crate::{CaseOutcome, Entry, SeriesPoint};
use serde::Serialize;
use std::collections::BTreeMap;

/// What is judged, and what it is held against.
#[derive(Clone, Debug)]
pub struct Question<'q> {
    /// The run under judgement.
    pub candidate: &'q Entry,
    /// The run it is held against, if there is one.
    pub base: Option<&'q Entry>,
    /// What became of each case in the runs before the candidate, latest first.
    pub outcomes: &'q BTreeMap<String, Vec<CaseOutcome>>,
    /// The figures of the runs before the candidate, in the order of time.
    pub figures: &'q BTreeMap<String, Vec<SeriesPoint>>,
    /// Whether those runs are of the candidate's own branch, and not of the one it is to go into.
    pub is_of_its_branch: bool,
    /// Whether nobody asked for a history: then nothing is missing in it.
    pub history_is_missing: bool,
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The rule of the policy: `cases.regressed`, `history.bounds.work`.
    pub rule: &'static str,
    /// What the policy makes of it.
    pub effect: Effect,
    /// The case, on its kind of homeserver, or the series.
    pub about: String,
    /// What was seen, with figures.
    pub says: String,
    /// The first build that has it, as far as that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// How easily chance does this, as a share; `None` where nothing was left to chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chance: Option<f64>,
}

/// Everything that was found, what blocks first.
pub fn judge(question: &Question, policy: &Policy) -> Vec<Finding> {
    let mut findings = cases::changes(question, policy);
    findings.extend(cases::flaky(question, policy));
    findings.extend(figures::bounds(question, policy));
    findings.extend(figures::changes(question, policy));
    findings.extend(figures::unjudged(question, policy));
    findings.retain(|finding| finding.effect != Effect::Ignore);
    findings.sort_by(|one, other| (one.effect, one.rule, &one.about).cmp(&(other.effect, other.rule, &other.about)));
    findings
}

/// What a paired session of a load says of its second build.
pub fn judge_pairs(load: &fedproof_results::load::LoadRecord, policy: &Policy) -> Vec<Finding> {
    let mut findings = figures::paired(load, policy);
    findings.retain(|finding| finding.effect != Effect::Ignore);
    findings.sort_by_key(|finding| finding.effect);
    findings
}
