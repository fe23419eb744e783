//! The rules that make a verdict worth something (docs/verdicts.md), as far as they can be read off a scenario.

use super::{Finding, Linter};
use crate::{
    model::{Actor, ActorKind, Barrier, BarrierKind, Condition, Expect, Lifecycle, Step, Verb},
    terms::{CONTAINERS, UPGRADE},
    walk::{self, List},
};
use fedproof_results::Role;

/// Checks R1, R2 and R6.
pub(super) fn check(linter: &mut Linter<'_>) {
    alone_with_a_homeserver(linter);
    only_where_it_can_be(linter);
    control_first(linter);
    barrier_before_never(linter);
}

/// R6: what restarts or halts a homeserver runs alone.
fn alone_with_a_homeserver(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    if scenario.exclusive {
        return;
    }
    for (pointer, _) in walk::every_step(scenario).iter().filter(|(_, step)| step.lifecycle.is_some()) {
        let finding = Finding::new("this touches a homeserver that other instances use at the same time");
        linter.at_key(&format!("{pointer}/lifecycle"), finding.help("say `exclusive: true` in the scenario (R6)"));
    }
}

/// What not every deployment can have done to its homeservers needs the feature of those that can.
fn only_where_it_can_be(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    let has = |name: &str| scenario.needs.features.iter().any(|feature| feature == name);
    for (pointer, step) in walk::every_step(scenario) {
        let (feature, why) = match step.lifecycle {
            Some(Lifecycle::Upgrade) => (UPGRADE, "not every deployment says what its homeservers can be upgraded to"),
            Some(Lifecycle::CutOff | Lifecycle::Reconnect) => (CONTAINERS, "only a container has a network of its own"),
            _ => continue,
        };
        if !has(feature) {
            let help = format!("say `needs: {{features: [{feature}]}}`");
            linter.at_key(&format!("{pointer}/lifecycle"), Finding::new(why).help(help));
        }
    }
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

/// R2: what has not come yet has not been dropped. A barrier makes sure of that: in the same phase, towards the same
/// actor, of the same kind, in the same room, and after whatever must not arrive was sent. For what no `barrier` can
/// send, an `eventually` of the same kind is one: the scenario sends it itself.
fn barrier_before_never(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    for (index, phase) in scenario.phases.iter().enumerate() {
        let after_shared = follow(linter, &walk::shared(index, phase), Vec::new());
        for case in 0..scenario.cases.len() {
            let mut passed = after_shared.clone();
            for list in walk::of_case(scenario, case, phase) {
                passed = follow(linter, &list, passed);
            }
        }
    }
}

/// Native checks that say what did not happen.
const ABSENCES: &[&str] = &["no_contact", "classified", "policy_withheld"];

/// What has been passed: something later that arrived.
#[derive(Clone, Copy)]
enum Passed<'a> {
    Barrier(&'a Barrier),
    Seen(Option<&'a str>, &'a Condition),
    /// A request was answered as expected: what it alone can have led to has happened, or was refused.
    Answered,
}

/// Goes through a list; gives the barriers that have been passed at its end.
fn follow<'a>(linter: &mut Linter<'_>, list: &List<'a>, mut passed: Vec<Passed<'a>>) -> Vec<Passed<'a>> {
    for (pointer, step) in list.steps() {
        let actor = step.actor.as_deref();
        let kind = actor.and_then(|name| linter.scenario().actors.get(name)).map(Actor::kind);
        let is_front = kind == Some(ActorKind::Front);
        let answers = |passed: &Passed<'_>, condition| match passed {
            Passed::Barrier(barrier) => answers_for(barrier, actor, condition),
            Passed::Seen(by, seen) => shows_for(*by, seen, actor, condition, is_front),
            Passed::Answered => false,
        };
        if let Some(condition) = &step.never
            && !passed.iter().any(|passed| answers(passed, condition))
        {
            let finding = Finding::new("`never` without a barrier that answers for it");
            let finding = finding.label("what has not come yet may still come (R2)");
            linter.at_key(
                &format!("{pointer}/never"),
                finding.help(
                    "put a `barrier` before it, in the same phase: something later of the same kind, to the same actor, in the same room",
                ),
            );
        }
        if let Some(native) = step.native.as_ref().filter(|native| ABSENCES.contains(&native.check.as_str()))
            && passed.is_empty()
        {
            let finding = Finding::new(format!("`{}` without a barrier before it", native.check));
            let finding = finding.label("what has not come yet may still come (R2)");
            let help = "put a `barrier`, an `eventually` of something later, or a request whose answer is expected before it, in the same phase";
            linter.at_key(&format!("{pointer}/native"), finding.help(help));
        }
        if sends(step) {
            passed.clear();
        }
        let before = passed.clone();
        for branch in walk::branches(&pointer, step) {
            passed.extend(follow(linter, &branch, before.clone()));
        }
        passed.extend(step.barrier.as_ref().map(Passed::Barrier));
        passed.extend(step.eventually.as_ref().map(|seen| Passed::Seen(actor, seen)));
        let says = |expect: &Expect| expect.status.is_some();
        passed
            .extend(step.request.as_ref().filter(|_| step.expect.as_ref().is_some_and(says)).map(|_| Passed::Answered));
    }
    passed
}

/// Whether a step sends what a later barrier must come after: every verb that does anything, but for those that only
/// prepare, look, or read (a GET).
fn sends(step: &Step) -> bool {
    const QUIET: &[&str] =
        &["template", "build", "countersign", "behave", "eventually", "never", "barrier", "parallel"];
    let reads = |verb: &Verb<'_>| match verb {
        Verb::Request(request) => request.method == "GET",
        Verb::Native(native) => native.check != "burst",
        _ => false,
    };
    step.verbs().iter().any(|(name, verb)| !QUIET.contains(name) && !reads(verb))
}

/// Whether what `actor` has not seen when this barrier arrived is never going to come.
fn answers_for(barrier: &Barrier, actor: Option<&str>, condition: &Condition) -> bool {
    let in_room = |room: &str| barrier.room.as_deref() == Some(room);
    // Whom a homeserver asks on its own account is settled once it has dealt with the room, whoever is shown that.
    let is_request = matches!(condition, Condition::Request { .. });
    (is_request || Some(barrier.to.as_str()) == actor)
        && match condition {
            Condition::Event { room, .. } | Condition::State { room, .. } => {
                matches!(barrier.by, BarrierKind::Message | BarrierKind::Encrypted) && in_room(room)
            }
            Condition::Typing { room, .. } => barrier.by == BarrierKind::Typing && in_room(room),
            Condition::Receipt { room, .. } => barrier.by == BarrierKind::Receipt && in_room(room),
            // No barrier sends these: see `shows_for`.
            Condition::Invite { .. }
            | Condition::Presence { .. }
            | Condition::ToDevice { .. }
            | Condition::Keys { .. }
            | Condition::Signed { .. }
            | Condition::Push { .. } => false,
            // Outbound: anything that shows that the link is alive, after a remaining server got what was sent.
            Condition::Pdu { .. } | Condition::Edu { .. } | Condition::Request { .. } => true,
            Condition::Reads { .. } | Condition::Answers { .. } => false,
        }
}

/// Whether what `by` saw answers for what `actor` has not seen: the same kind of thing, of which no `barrier` exists.
fn shows_for(by: Option<&str>, seen: &Condition, actor: Option<&str>, condition: &Condition, is_front: bool) -> bool {
    match (seen, condition) {
        // Each user is invited once: the later invite is another user's.
        (Condition::Invite { room: seen, .. }, Condition::Invite { room, .. }) => seen == room,
        (Condition::Reads { room: seen, .. }, Condition::Reads { room, .. }) => by == actor && seen == room,
        (Condition::Presence { .. }, Condition::Presence { .. })
        | (Condition::ToDevice { .. }, Condition::ToDevice { .. })
        | (Condition::Keys { .. }, Condition::Keys { .. } | Condition::Signed { .. })
        | (Condition::Push { .. }, Condition::Push { .. }) => by == actor,
        // A front end sees all that its clients ask.
        (Condition::Request { .. }, Condition::Request { .. }) => is_front && by == actor,
        _ => false,
    }
}
