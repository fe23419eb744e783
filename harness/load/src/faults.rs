//! Faults of a phase: what other homeservers suffer while it lasts.
//!
//! The gateway makes them, in its own terms, between the homeservers and the virtual servers.

use crate::population::Population;
use fedproof_gateway::{Effect, Fault, FaultId, Gateway};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::HashSet, fmt, time::Duration};

/// What some virtual servers suffer during a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PhaseFault {
    /// Which.
    pub servers: Affected,
    /// What happens to requests for them.
    pub effect: FaultEffect,
}

/// Which virtual servers a fault meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Affected {
    /// So many, the last of them.
    Some(usize),
    /// `all`.
    All(All),
}

/// The word `all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum All {
    /// Every virtual server.
    All,
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultEffect {
    /// The connection is cut: the server is dead.
    Refuse,
    /// Nothing happens until the phase is over.
    Stall,
    /// This is answered.
    Answer {
        /// HTTP status.
        status: u16,
        /// JSON body.
        #[serde(default)]
        body: Value,
    },
    /// It goes on after some seconds: the server is slow.
    Delay {
        /// So many.
        seconds: f64,
    },
}

impl FaultEffect {
    /// Whether those who suffer it receive nothing, and have something to catch up with afterwards.
    fn is_outage(&self) -> bool {
        !matches!(self, Self::Delay { .. })
    }

    fn of_gateway(&self) -> Effect {
        match self {
            Self::Refuse => Effect::Refuse,
            Self::Stall => Effect::Stall,
            Self::Answer { status, body } => Effect::Answer { status: *status, body: body.clone() },
            Self::Delay { seconds } => Effect::Delay(Duration::from_secs_f64(*seconds)),
        }
    }
}

impl PhaseFault {
    /// What is wrong with it, where there are so many virtual servers.
    pub(crate) fn problem(&self, virtual_servers: usize) -> Option<String> {
        match (self.servers, &self.effect) {
            (Affected::Some(count), _) if count == 0 || count > virtual_servers => {
                Some(format!("fault: {count} servers of {virtual_servers}"))
            }
            (Affected::All(_), _) if virtual_servers == 0 => Some("fault: there are no virtual servers".to_owned()),
            (_, FaultEffect::Delay { seconds }) if !(*seconds > 0.0 && *seconds <= 3600.0) => {
                Some("fault: delay must be more than 0 seconds, and an hour at most".to_owned())
            }
            _ => None,
        }
    }

    /// The virtual servers that it meets, by position.
    fn met(&self, population: &Population) -> HashSet<usize> {
        let all = population.virtual_servers.len();
        match self.servers {
            Affected::All(_) => (0..all).collect(),
            Affected::Some(count) => (all.saturating_sub(count)..all).collect(),
        }
    }
}

impl fmt::Display for PhaseFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.servers {
            Affected::All(_) => f.write_str("all virtual servers ")?,
            Affected::Some(1) => f.write_str("1 virtual server ")?,
            Affected::Some(count) => write!(f, "{count} virtual servers ")?,
        }
        match &self.effect {
            FaultEffect::Refuse => f.write_str("dead"),
            FaultEffect::Stall => f.write_str("stalled"),
            FaultEffect::Answer { status, .. } => write!(f, "answering {status}"),
            FaultEffect::Delay { seconds } => write!(f, "slow by {seconds} s"),
        }
    }
}

/// Faults at work; dropped, they are healed.
pub(crate) struct Injected {
    gateway: Gateway,
    ids: Vec<FaultId>,
    /// Who receives late.
    pub(crate) slow: HashSet<usize>,
    /// Who receives nothing.
    pub(crate) out: HashSet<usize>,
}

impl Injected {
    /// Makes the faults of a phase.
    pub(crate) fn new(faults: &[PhaseFault], population: &Population, gateway: &Gateway) -> Self {
        let mut injected =
            Self { gateway: gateway.clone(), ids: Vec::new(), slow: HashSet::new(), out: HashSet::new() };
        for fault in faults {
            let met = fault.met(population);
            for server in &met {
                let name = population.virtual_servers[*server].name().clone();
                let made = Fault { to: Some(name), ..Fault::new(fault.effect.of_gateway()) };
                injected.ids.push(gateway.inject(made));
            }
            if fault.effect.is_outage() { injected.out.extend(met) } else { injected.slow.extend(met) }
        }
        injected
    }
}

impl Drop for Injected {
    fn drop(&mut self) {
        self.ids.drain(..).for_each(|id| self.gateway.heal(id));
    }
}
