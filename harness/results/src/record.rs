//! `run.json`: the fold of a run's events.

use crate::{
    CaseResult, Comparison, Event, Identity, Line, RunVerdict, SCHEMA, ServerInfo, ServerUsage, WallMs, bounded,
    decide, lines,
};
use fedproof_core::transcript::Exchange;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything a report needs to know of a run.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RunRecord {
    /// [`SCHEMA`].
    pub schema: String,
    /// Who and what.
    #[serde(flatten)]
    pub identity: Identity,
    /// The word.
    pub verdict: RunVerdict,
    /// False if it stopped early.
    pub complete: bool,
    /// Why it stopped early, or empty.
    pub stopped_because: String,
    /// The homeservers.
    pub servers: Vec<ServerInfo>,
    /// Wall time.
    pub wall_ms: WallMs,
    /// Per homeserver.
    pub usage: Vec<ServerUsage>,
    /// What is no verdict and should be known.
    pub warnings: Vec<String>,
    /// The differences to the accepted verdicts, if the run was held against any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Every selected case, in catalogue order.
    pub cases: Vec<CaseResult>,
    /// The exchanges that the cases refer to, by id; bodies as [`bounded`].
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub evidence: BTreeMap<u64, Exchange>,
}

impl RunRecord {
    /// Folds a stream of events; `None` if it does not begin with [`Event::RunStarted`].
    ///
    /// A stream without [`Event::RunFinished`] gives an incomplete run.
    pub fn from_events<'a>(events: impl IntoIterator<Item = &'a Event>) -> Option<Self> {
        let mut events = events.into_iter();
        let Some(Event::RunStarted { identity, cases }) = events.next() else { return None };
        let mut record = Self {
            schema: SCHEMA.to_owned(),
            identity: identity.clone(),
            verdict: RunVerdict::Inconclusive,
            complete: false,
            stopped_because: "fedproof ended before the run did".to_owned(),
            servers: Vec::new(),
            wall_ms: WallMs::default(),
            usage: Vec::new(),
            warnings: Vec::new(),
            comparison: None,
            cases: Vec::new(),
            evidence: BTreeMap::new(),
        };
        let mut decided: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        let mut accepted = None;
        for event in events {
            match event {
                Event::RunStarted { .. } | Event::Progress { .. } => {}
                Event::BaselineTaken { file, baseline } => accepted = Some((file, baseline)),
                Event::Warning { message } => record.warnings.push(message.clone()),
                Event::DeploymentReady { servers, boot_ms } => {
                    record.servers = servers.clone();
                    record.wall_ms.boot = *boot_ms;
                }
                Event::Evidence { exchange } => {
                    record.evidence.insert(exchange.id, bounded(exchange));
                }
                Event::CaseDecided { id, result } => decided.entry(id).or_default().push(result.clone()),
                Event::RunFinished { complete, stopped_because, wall_ms, usage } => {
                    record.complete = *complete;
                    record.stopped_because = stopped_because.clone();
                    record.wall_ms = *wall_ms;
                    record.usage = usage.clone();
                }
            }
        }
        record.cases = cases
            .iter()
            .map(|case| CaseResult::new(case.clone(), decided.remove(case.id.as_str()).unwrap_or_default()))
            .collect();
        record.verdict = decide(&record.cases, record.identity.strict, record.complete);
        if let Some((file, baseline)) = accepted {
            record.hold_against(file, &baseline.cases);
        }
        Some(record)
    }

    /// Compares the run with accepted verdicts, in place of any it was compared with before, and judges it anew.
    pub fn hold_against(&mut self, file: &str, accepted: &[Line]) {
        let comparison =
            Comparison::new(file, accepted, &lines(self), (true, self.complete), &|line| self.reason(line));
        self.verdict = comparison.judge(decide(&self.cases, self.identity.strict, self.complete));
        self.comparison = Some(comparison);
    }

    /// Why a line is as it is: the reason of the first homeserver that the case ended so on; empty for a pass.
    pub fn reason(&self, line: &Line) -> String {
        let result = self.cases.iter().find(|result| result.case.id == line.case);
        let subjects = result.into_iter().flat_map(|result| &result.subjects);
        let mut alike = subjects.filter(|subject| subject.verdict == line.verdict);
        alike.next().map(|subject| subject.reason.clone()).unwrap_or_default()
    }
}
