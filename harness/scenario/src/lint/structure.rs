//! Phases, cases and step lists: nothing empty, nothing unused, nothing that decides nothing.

use super::{Finding, Linter};
use crate::{
    At,
    model::{Scenario, Step},
    near,
    terms::{ROOM_VERSIONS, SERVICES},
    walk,
};
use fedproof_results::Role;

/// Checks the frame of a scenario.
pub(super) fn check(linter: &mut Linter<'_>) {
    empty_parts(linter);
    room_versions(linter);
    phases(linter);
    lists(linter);
    deciders(linter);
}

fn empty_parts(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    if scenario.phases.is_empty() {
        linter.at_key("/phases", Finding::new("the scenario has no phases"));
    }
    if scenario.cases.is_empty() {
        linter.at_key("/cases", Finding::new("the scenario decides nothing: it has no cases"));
    }
    let texts = [("title", &scenario.title), ("about", &scenario.about), ("requirement", &scenario.requirement)];
    for (key, text) in texts {
        if text.trim().is_empty() {
            linter.at_key(&format!("/{key}"), Finding::new(format!("`{key}` is empty")));
        }
    }
    for (pointer, step) in walk::every_step(scenario) {
        if step.parallel.as_ref().is_some_and(|branches| branches.len() < 2) {
            let finding = Finding::new("`parallel` has fewer than two branches");
            linter.at_key(&format!("{pointer}/parallel"), finding.help("steps that are alone need no `parallel`"));
        }
        for branch in walk::branches(&pointer, step).iter().filter(|branch| branch.steps.is_empty()) {
            linter.at_key(&branch.pointer, Finding::new("this branch has no steps"));
        }
    }
}

fn room_versions(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    for (index, version) in scenario.room_versions.iter().enumerate() {
        let pointer = format!("/room_versions/{index}");
        room_version(linter, &pointer, version);
        if scenario.room_versions[..index].contains(version) {
            linter.at_value(&pointer, Finding::new(format!("room version {version} stands here twice")));
        }
    }
    for (index, case) in scenario.cases.iter().enumerate() {
        for (position, service) in
            case.uses.iter().enumerate().filter(|(_, service)| !SERVICES.contains(&service.as_str()))
        {
            let finding = Finding::new(format!("no deployment lacks `{service}`"));
            let finding = finding.label_if(near::did_you_mean(service, SERVICES.iter().copied()));
            linter.at_value(
                &format!("/cases/{index}/uses/{position}"),
                finding.help(format!("there are {}", SERVICES.join(", "))),
            );
        }
    }
    // A case may be restricted to versions in which the scenario does not run: then it is nowhere applicable.
    for (index, case) in scenario.cases.iter().enumerate() {
        for (position, version) in case.only.iter().flat_map(|only| only.room_versions.iter().enumerate()) {
            room_version(linter, &format!("/cases/{index}/only/room_versions/{position}"), version);
        }
    }
}

fn room_version(linter: &mut Linter<'_>, pointer: &str, version: &str) {
    if !ROOM_VERSIONS.contains(&version) {
        let finding = Finding::new(format!("there is no room version `{version}`"));
        linter.at_value(pointer, finding.help(format!("there are {}", ROOM_VERSIONS.join(", "))));
    }
}

fn phases(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    for (index, phase) in scenario.phases.iter().enumerate() {
        let pointer = format!("/phases/{index}");
        if scenario.phases[..index].iter().any(|earlier| earlier.phase == phase.phase) {
            let finding = Finding::new(format!("there are two phases `{}`", phase.phase));
            linter.at_value(&format!("{pointer}/phase"), finding.help("reports tell phases apart by their names"));
        }
        if phase.steps.is_empty() && phase.each.is_empty() {
            let finding = Finding::new(format!("nothing happens in the phase `{}`", phase.phase));
            linter.at_key(&pointer, finding.help("a phase has `steps`, or calls step lists of the cases by `each`"));
        }
        if phase.expect.is_some() && phase.each.is_empty() {
            let finding = Finding::new("`expect` of a phase is held against the cases' steps, but it calls none");
            linter.at_key(&format!("{pointer}/expect"), finding.help("put it into the step it is meant for"));
        }
    }
}

/// Step lists that nothing calls, and calls of lists that nobody has.
fn lists(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    for (index, phase) in scenario.phases.iter().enumerate() {
        for (position, name) in phase.each.iter().enumerate() {
            if !scenario.cases.iter().any(|case| case.steps.contains_key(name)) {
                let known = scenario.cases.iter().flat_map(|case| case.steps.keys().map(String::as_str));
                let finding = Finding::new(format!("no case has steps `{name}`"));
                let finding = finding.label_if(near::did_you_mean(name, known));
                linter.at_value(&format!("/phases/{index}/each/{position}"), finding);
            }
        }
    }
    for (index, case) in scenario.cases.iter().enumerate() {
        for (name, steps) in &case.steps {
            let pointer = walk::list_pointer(index, name);
            if !scenario.phases.iter().any(|phase| phase.each.contains(name)) {
                let known = scenario.phases.iter().flat_map(|phase| phase.each.iter().map(String::as_str));
                let finding = Finding::new(format!("no phase calls the steps `{name}`"));
                let finding = finding.label_if(near::did_you_mean(name, known));
                linter.at_key(&pointer, finding.help(format!("a phase calls them by `each: [{name}]`")));
            }
            if steps.is_empty() {
                linter.at_key(&pointer, Finding::new(format!("the steps `{name}` are empty")));
            }
        }
    }
}

/// A case that no check phase asks anything of can only pass (R5), and one that no control asks anything of passes for
/// whatever reason (R1).
fn deciders(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    if scenario.phases.is_empty() {
        return;
    }
    for index in 0..scenario.cases.len() {
        let case = &scenario.cases[index];
        let nowhere = case.only.as_ref().is_some_and(|only| only.room_versions.is_empty());
        if !is_asked(scenario, index, Role::Check) && !nowhere {
            let finding = Finding::new(format!("nothing decides the case `{}`", *case.id));
            let help =
                "a phase with `role: check` must have a step that says what must come, or call steps of this case (R5)";
            linter.at_value(&format!("/cases/{index}/id"), finding.help(help));
        } else if scenario.uncontrolled.is_none() && !is_asked(scenario, index, Role::Control) && !nowhere {
            let finding = Finding::new(format!("no control shows that the case `{}` can come out otherwise", *case.id));
            let help = "a phase with `role: control` must have steps, or call steps of this case (R1)";
            linter.at_value(&format!("/cases/{index}/id"), finding.help(help));
        }
    }
}

/// Whether a case has a question (or a control) of its own. What the steps of all cases do is every case's, unless another
/// case asks something of its own there: then whoever asks nothing was forgotten.
fn is_asked(scenario: &Scenario, case: usize, role: Role) -> bool {
    let mut phases = scenario.phases.iter().filter(|phase| phase.role == role);
    let asks = |case: usize, phase| walk::of_case(scenario, case, phase).iter().any(|list| !list.steps.is_empty());
    let one_asks = |case: usize| scenario.phases.iter().any(|phase| phase.role == role && asks(case, phase));
    let others_ask = (0..scenario.cases.len()).any(one_asks);
    phases.any(|phase| {
        let decides = |step: &At<Step>| {
            step.expect.is_some() || step.eventually.is_some() || step.never.is_some() || step.native.is_some()
        };
        let shared = match role {
            Role::Check => phase.steps.iter().any(decides),
            Role::Setup | Role::Control => !phase.steps.is_empty(),
        };
        (shared && !others_ask) || asks(case, phase)
    })
}

/// `a, b, c`, or that there are none.
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
