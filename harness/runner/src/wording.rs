//! What a step did, for the report: in words, and as records.

use crate::{
    outcome::{Answer, Done, StepError},
    step::Scene,
};
use fedproof_results::{Failure, Location, PhaseOutcome};
use fedproof_scenario::{
    At,
    model::{Phase, Step},
};

/// An answer as one would say it: `403 M_FORBIDDEN`.
pub(crate) fn answer_in_words(answer: &Answer) -> String {
    match answer.errcode() {
        Some(errcode) => format!("{} {errcode}", answer.status),
        None => answer.status.to_string(),
    }
}

/// What a phase came to.
pub(crate) fn phase_outcome(phase: &Phase, ok: bool, done: Option<&Done>) -> PhaseOutcome {
    let answer = done.and_then(|done| done.answer.as_ref());
    PhaseOutcome {
        phase: phase.phase.clone(),
        role: phase.role,
        ok,
        status: answer.map(|answer| answer.status),
        errcode: answer.and_then(|answer| answer.errcode().map(str::to_owned)),
        exchange: answer.map(|answer| answer.exchange.id),
    }
}

/// What broke, where, and which exchanges show it.
pub(crate) fn failure(file: &str, scene: Scene<'_>, phase: &Phase, step: &At<Step>, error: &StepError) -> Failure {
    let (expected, seen) = match error {
        StepError::Unmet { expected, seen, .. } => (expected.clone(), seen.clone()),
        StepError::Broken { reason, .. } | StepError::Moot { reason, .. } => {
            ("the step can be carried out".to_owned(), reason.clone())
        }
    };
    Failure {
        phase: phase.phase.clone(),
        step: in_words(scene, step),
        location: Location { file: file.to_owned(), line: step.line() },
        expected,
        seen,
        exchanges: error.exchanges().to_vec(),
    }
}

/// A step as one would say it: `denied request GET /…`.
pub(crate) fn in_words(scene: Scene<'_>, step: &Step) -> String {
    let verb = step.verbs().first().map_or("nothing", |(name, _)| name);
    let what = match (&step.request, &step.eventually, &step.never) {
        (Some(request), ..) => match scene.resolve_request(request) {
            Ok((request, path)) => format!(" {} {path}", request.method),
            Err(_) => format!(" {} {}", request.method, request.path),
        },
        (None, Some(condition), _) | (None, None, Some(condition)) => {
            let resolved = scene.resolve(condition).unwrap_or_else(|_| condition.clone());
            format!(" {}", crate::verb::condition::in_words(&resolved))
        }
        (None, None, None) => step.native.as_ref().map_or_else(String::new, |native| format!(" {}", native.check)),
    };
    let actor = step.actor.as_ref().map(|actor| scene.resolve(actor).unwrap_or_else(|_| actor.clone()));
    match actor {
        Some(actor) => format!("{actor} {verb}{what}"),
        None => format!("{verb}{what}"),
    }
}
