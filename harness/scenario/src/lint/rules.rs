//! The rules that make a verdict worth something (design.md §5), as far as they can be read off a scenario.

use super::{Finding, Linter};
use crate::walk::{self, List};
use fedproof_results::Role;

/// Checks R1 and R2.
pub(super) fn check(linter: &mut Linter<'_>) {
    control_first(linter);
    barrier_before_never(linter);
}

/// R1: what is checked must have been possible before.
fn control_first(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    match &scenario.uncontrolled {
        Some(reason) if reason.trim().is_empty() => {
            linter.at_key("/uncontrolled", Finding::new("`uncontrolled` gives no reason"));
        }
        Some(_) => {}
        None => {
            let first = scenario.phases.iter().position(|phase| phase.role != Role::Setup);
            if let Some(index) = first
                && scenario.phases[index].role == Role::Check
            {
                let finding = Finding::new("this checks before anything shows that the check can fail");
                let finding = finding.label("expected a phase with `role: control` before it (R1)");
                let help = "where nothing could be allowed first, say so: `uncontrolled: \"reason\"`";
                linter.at_value(&format!("/phases/{index}/role"), finding.help(help));
            }
        }
    }
}

/// R2: what has not come yet has not been dropped. A barrier makes sure of that, in the same phase.
fn barrier_before_never(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    for (index, phase) in scenario.phases.iter().enumerate() {
        let after_shared = follow(linter, &walk::shared(index, phase), false);
        for case in 0..scenario.cases.len() {
            let mut passed = after_shared;
            for list in walk::of_case(scenario, case, phase) {
                passed = follow(linter, &list, passed);
            }
        }
    }
}

/// Goes through a list and says whether a barrier has been passed at its end.
fn follow(linter: &mut Linter<'_>, list: &List<'_>, mut passed: bool) -> bool {
    for (pointer, step) in list.steps() {
        if step.never.is_some() && !passed {
            let finding = Finding::new("`never` without a barrier before it");
            let finding = finding.label("what has not come yet may still come (R2)");
            linter.at_key(
                &format!("{pointer}/never"),
                finding.help(
                    "put a `barrier` before it, in the same phase: something later of the same kind, in the same room",
                ),
            );
        }
        let before = passed;
        for branch in walk::branches(&pointer, step) {
            passed |= follow(linter, &branch, before);
        }
        passed |= step.barrier.is_some();
    }
    passed
}
