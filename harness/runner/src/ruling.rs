//! What a failing step means: from steps to a verdict (docs/verdicts.md).

use crate::outcome::StepError;
use fedproof_results::{Failure, Level, PhaseOutcome, Role, Verdict};

/// The way one case goes through the phases of its instance.
#[derive(Debug, Default)]
pub(crate) struct Ruling {
    pub(crate) phases: Vec<PhaseOutcome>,
    /// The verdict, once it is clear before the last phase.
    pub(crate) settled: Option<(Verdict, String)>,
    pub(crate) failure: Option<Failure>,
    /// What was seen where the specification is silent.
    observations: Vec<String>,
    /// Whether something was asked for this case in a control phase, and in a check phase.
    controlled: bool,
    checked: bool,
}

/// Whether a failing step speaks of the server, or only of our way to the question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearing {
    /// The step asks what the case asks.
    Decides,
    /// The step prepares the question.
    Prepares,
}

impl Ruling {
    /// Notes that a phase has asked something for this case.
    pub(crate) fn ask(&mut self, role: Role) {
        self.controlled |= role == Role::Control;
        self.checked |= role == Role::Check;
    }

    /// The scenario says why there can be no control.
    pub(crate) fn waive_control(&mut self) {
        self.controlled = true;
    }

    /// Whether later phases still matter.
    pub(crate) fn is_open(&self) -> bool {
        self.settled.is_none()
    }

    /// The specification does not offer it here, or the server does not support it (R7).
    pub(crate) fn set_aside(&mut self, verdict: Verdict, reason: impl Into<String>) {
        self.settled = Some((verdict, reason.into()));
    }

    /// A failing step. A broken one never speaks of the server; an unmet expectation does, if it stands in a check
    /// phase and its step is one that decides. Anything else leaves the case inconclusive (R1).
    pub(crate) fn fail(&mut self, level: Level, role: Role, bearing: Bearing, error: &StepError, failure: Failure) {
        self.ask(role);
        let decides = role == Role::Check && bearing == Bearing::Decides;
        match error {
            StepError::Unmet { seen, .. } if decides && level == Level::Observe => {
                return self.observe(&failure.phase, seen.clone());
            }
            StepError::Unmet { expected, seen, .. } if decides => {
                self.settled = Some((Verdict::Fail, format!("{}: expected {expected}; saw {seen}", failure.phase)));
            }
            _ => {
                let what = match role {
                    Role::Setup => "the preparation failed",
                    Role::Control => "the control failed",
                    Role::Check => "the question could not be asked",
                };
                self.settled = Some((Verdict::Inconclusive, format!("{what} in phase {}: {error}", failure.phase)));
            }
        }
        self.failure = Some(failure);
    }

    /// Notes what a server does where the specification is silent (R3).
    pub(crate) fn observe(&mut self, phase: &str, what: impl Into<String>) {
        self.observations.push(format!("{phase}: {}", what.into()));
    }

    /// The verdict and its reason, after the last phase.
    pub(crate) fn verdict(&self, level: Level) -> (Verdict, String) {
        if let Some((verdict, reason)) = &self.settled {
            return (*verdict, reason.clone());
        }
        if !self.checked {
            return (Verdict::Inconclusive, "nothing was asked of it in a check phase".to_owned());
        }
        if level == Level::Observe {
            return (Verdict::Observed, self.observations.join("; "));
        }
        if !self.controlled {
            return (Verdict::Inconclusive, "nothing was asked of it in a control phase (R1)".to_owned());
        }
        (Verdict::Pass, String::new())
    }
}
