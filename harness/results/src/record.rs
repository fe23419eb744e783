//! `run.json`: the fold of a run's events.

use crate::{CaseResult, Event, Identity, RunVerdict, SCHEMA, ServerInfo, ServerUsage, WallMs, bounded, decide};
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
            cases: Vec::new(),
            evidence: BTreeMap::new(),
        };
        let mut decided: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for event in events {
            match event {
                Event::RunStarted { .. } | Event::Progress { .. } => {}
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
        Some(record)
    }
}
