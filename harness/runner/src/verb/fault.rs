//! Faults in the gateway.

use crate::{
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_core::ServerName;
use fedproof_gateway as gateway;
use fedproof_scenario::model::{Effect, Fault};
use std::sync::PoisonError;

/// Puts a fault in force. Result: the handle to heal it by.
pub(crate) fn inject(scene: &Scene<'_>, fault: &Fault) -> Result<Done, StepError> {
    let effect = match &fault.effect {
        Effect::Refuse => gateway::Effect::Refuse,
        Effect::Stall => gateway::Effect::Stall,
        Effect::Cut => gateway::Effect::Cut,
        Effect::Answer { status, body } => gateway::Effect::Answer { status: *status, body: body.clone() },
    };
    let handle = scene.stage.hold(gateway::Fault {
        from: fault.from.as_deref().map(ServerName::new),
        to: fault.to.as_deref().map(ServerName::new),
        method: None,
        path: fault.path.clone(),
        one_in: fault.one_in.map_or(1, std::num::NonZeroU32::get),
        effect,
    });
    Ok(Done { result: handle.into(), answer: None, flaw: None })
}

/// Ends a fault.
pub(crate) fn heal(scene: &Scene<'_>, handle: &str) -> Result<Done, StepError> {
    let id = scene.stage.faults.lock().unwrap_or_else(PoisonError::into_inner).remove(handle);
    let id = id.ok_or_else(|| StepError::broken(format!("no fault {handle:?} is in force")))?;
    scene.stage.gateway.heal(id);
    Ok(Done::default())
}
