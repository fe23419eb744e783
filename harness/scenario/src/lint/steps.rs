//! Each step by itself: one verb, an actor who can do it, something to save or expect.

use super::{Finding, Linter, arguments, structure::listed};
use crate::{
    model::{ActorKind, BodyCheck, Expect, Save, Step, Verb},
    near,
    template::{is_name, references},
    terms::BUILT_IN,
    walk,
};
use fedproof_yaml::below;

/// Verbs after which there is no answer that could be expected to be anything.
const WITHOUT_ANSWER: &[&str] = &[
    "build",
    "countersign",
    "behave",
    "serve",
    "lifecycle",
    "fault",
    "heal",
    "eventually",
    "never",
    "barrier",
    "parallel",
];
/// Verbs after which there is nothing to save.
const WITHOUT_RESULT: &[&str] = &["behave", "lifecycle", "heal", "eventually", "never", "barrier", "parallel"];

/// Checks every step, and the expectations that stand outside of steps.
pub(super) fn check(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    for (pointer, step) in walk::every_step(scenario) {
        let Some((name, verb)) = only_verb(linter, &pointer, step) else { continue };
        let kind = actor(linter, &pointer, step, name);
        arguments::check(linter, &below(&pointer, name), verb, kind);
        if let Some(expected) = &step.expect {
            expect(linter, &below(&pointer, "expect"), expected);
            if WITHOUT_ANSWER.contains(&name) {
                let finding = Finding::new(format!("`expect` after `{name}`, which has no answer"));
                linter.at_key(&below(&pointer, "expect"), finding);
            }
        }
        if let Some(measured) = &step.measure {
            measure(linter, &below(&pointer, "measure"), measured, name);
        }
        if let Some(saved) = &step.save {
            save(linter, &below(&pointer, "save"), saved);
            // What a front end has seen has its place among the requests.
            let has_place = name == "eventually" && kind == Some(ActorKind::Front);
            if WITHOUT_RESULT.contains(&name) && !has_place {
                let finding = Finding::new(format!("`save` after `{name}`, which has no result"));
                linter.at_key(&below(&pointer, "save"), finding);
            }
        }
    }
    for (index, phase) in scenario.phases.iter().enumerate() {
        if let Some(expected) = &phase.expect {
            expect(linter, &format!("/phases/{index}/expect"), expected);
        }
    }
    for (index, case) in scenario.cases.iter().enumerate() {
        if let Some(expected) = &case.not_applicable_if {
            expect(linter, &format!("/cases/{index}/not_applicable_if"), expected);
        }
    }
}

/// The time of such a step is that of our own patience or of nothing at all, and says nothing of a server.
const WITHOUT_MEASURE: &[&str] = &["build", "behave", "fault", "heal", "never"];

fn measure(linter: &mut Linter<'_>, pointer: &str, name: &str, verb: &str) {
    if WITHOUT_MEASURE.contains(&verb) {
        linter.at_key(pointer, Finding::new(format!("`measure` after `{verb}`, whose time says nothing of a server")));
    }
    if !is_name(name) {
        let finding = Finding::new(format!("`{name}` is no name"));
        linter.at_value(pointer, finding.help("a name is a letter, then letters, digits, `_` and `-`"));
    }
}

fn only_verb<'a>(linter: &mut Linter<'_>, pointer: &str, step: &'a Step) -> Option<(&'static str, Verb<'a>)> {
    let verbs = step.verbs();
    let is_written = |verb: &&&str| linter.places.has(&below(pointer, verb));
    match verbs.as_slice() {
        [only] => return Some(*only),
        [] => match Step::VERBS.iter().find(is_written) {
            Some(verb) => {
                let finding = Finding::new(format!("`{verb}` has no arguments"));
                linter.at_key(
                    &below(pointer, verb),
                    finding.help(format!("where none are needed, write `{verb}: {{}}`")),
                );
            }
            None => {
                let finding = Finding::new("the step has no verb");
                linter.at_key(pointer, finding.help(format!("expected one of {}", Step::VERBS.join(", "))));
            }
        },
        [(first, _), rest @ ..] => {
            for (second, _) in rest {
                let finding = Finding::new(format!("the step has two verbs, `{first}` and `{second}`"));
                linter.at_key(&below(pointer, second), finding.help("one verb to a step: make it a step of its own"));
            }
        }
    }
    None
}

/// Whether the step's actor can do this; gives its kind.
fn actor(linter: &mut Linter<'_>, pointer: &str, step: &Step, verb: &str) -> Option<ActorKind> {
    let actors = &linter.scenario().actors;
    let able = Step::kinds(verb);
    let name = match (&step.actor, able) {
        (Some(_), []) => {
            let finding = Finding::new(format!("nobody does `{verb}`: the instance itself does"));
            linter.at_key(&below(pointer, "as"), finding.help("leave `as` out"));
            return None;
        }
        (None, []) => return None,
        (None, _) => {
            let finding = Finding::new(format!("nobody is named to do `{verb}`"));
            linter.at_key(&below(pointer, verb), finding.help(format!("name the actor: `as: {}`", who(actors, able))));
            return None;
        }
        (Some(name), _) => match named_by_case(linter, pointer, name) {
            Some(named) => named,
            None => name,
        },
    };
    let Some(actor) = actors.get(name) else {
        let finding = Finding::new(format!("there is no actor `{name}`"));
        let finding = finding.label_if(near::did_you_mean(name, actors.keys().map(String::as_str)));
        let known = format!("there are {}", listed(actors.keys().map(String::as_str)));
        linter.at_value(&below(pointer, "as"), finding.help(known));
        return None;
    };
    let kind = actor.kind();
    if !able.contains(&kind) {
        let finding = Finding::new(format!("a {} cannot do `{verb}`", kind.name()));
        let can = able.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ");
        let finding = finding.label(format!("`{name}` is a {}, expected a {can}", kind.name()));
        linter.at_key(&below(pointer, verb), finding);
    }
    Some(kind)
}

/// The actor that `${name}` stands for: a text in the `vars` of the case whose step it is, or of the scenario.
fn named_by_case<'a>(linter: &Linter<'a>, pointer: &str, written: &str) -> Option<&'a String> {
    let name = written.strip_prefix("${")?.strip_suffix('}')?;
    let scenario = linter.scenario();
    let index = pointer.strip_prefix("/cases/").and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
    let of_case = index.and_then(|index| scenario.cases.get(index)?.vars.get(name));
    let named = of_case.or_else(|| scenario.vars.get(name))?.as_str()?;
    scenario.actors.get_key_value(named).map(|(name, _)| name)
}

/// An actor who could do it, or a placeholder.
fn who<'a>(actors: &'a indexmap::IndexMap<String, crate::model::Actor>, able: &[ActorKind]) -> &'a str {
    actors.iter().find(|(_, actor)| able.contains(&actor.kind())).map_or("NAME", |(name, _)| name.as_str())
}

fn save(linter: &mut Linter<'_>, pointer: &str, save: &Save) {
    match save {
        Save::Result(name) => saved_name(linter, pointer, name, false),
        Save::Pieces(pieces) => {
            if pieces.is_empty() {
                linter.at_key(pointer, Finding::new("`save` saves nothing"));
            }
            for (name, from) in pieces {
                let piece = below(pointer, name);
                saved_name(linter, &piece, name, true);
                json_pointer(linter, &piece, from);
                if !references(from).is_empty() {
                    linter.at_value(&piece, Finding::new("nothing is put into the pointers of `save`"));
                }
            }
        }
    }
}

fn saved_name(linter: &mut Linter<'_>, pointer: &str, name: &str, is_key: bool) {
    let finding = if !is_name(name) {
        Finding::new(format!("`{name}` is no name")).help("a name is a letter, then letters, digits, `_` and `-`")
    } else if linter.scenario().actors.contains_key(name) {
        Finding::new(format!("`{name}` is the name of an actor")).label("expected a name that is free")
    } else if BUILT_IN.contains(&name) {
        Finding::new(format!("`{name}` is built in")).label("expected a name that is free")
    } else {
        return;
    };
    match is_key {
        true => linter.at_key(pointer, finding),
        false => linter.at_value(pointer, finding),
    }
}

fn expect(linter: &mut Linter<'_>, pointer: &str, expect: &Expect) {
    if let Some(status) = expect.status {
        arguments::status(linter, &below(pointer, "status"), status);
    }
    for (index, check) in expect.body.iter().enumerate() {
        let pointer = format!("{pointer}/body/{index}");
        let BodyCheck { at, is, equals, differs, contains } = check;
        json_pointer(linter, &below(&pointer, "at"), at);
        if is.is_none() && equals.is_none() && differs.is_none() && contains.is_none() {
            let finding = Finding::new(format!("nothing is expected of `{at}`"));
            let help =
                "it has `equals`, `differs`, `contains`, or `is: present`; null and nothing at all are `is: absent`";
            linter.at_key(&pointer, finding.help(help));
        }
    }
}

/// RFC 6901: empty for the whole, else `/` before every part, and `~` only in `~0` and `~1`.
fn json_pointer(linter: &mut Linter<'_>, at: &str, pointer: &str) {
    let is_start_right = pointer.is_empty() || pointer.starts_with('/');
    let is_escaped = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if !is_start_right || !is_escaped {
        let finding = Finding::new(format!("`{pointer}` is no JSON pointer"));
        let help = "a JSON pointer starts with `/`; in it `~` is written `~0`, and a `/` within a key `~1`";
        linter.at_value(at, finding.help(help));
    }
}
