//! Every `${…}` names something that is bound by then: the phases are walked in order, as the runner will.

use super::{Finding, Linter, structure::listed};
use crate::{
    model::{Actor, Save, Step},
    near,
    template::{self, Reference, TemplateError},
    terms, walk,
    walk::List,
};
use fedproof_yaml::below;
use indexmap::IndexMap;
use serde_json::Value;
use std::collections::BTreeSet;

/// Names that are bound; actors are always.
type Bound = BTreeSet<String>;

/// Checks every reference of the scenario.
pub(super) fn check(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    let mut shared =
        Bound::from([terms::UNIQUE, terms::NUMBER, terms::IP, terms::CANARY, terms::PROFILE].map(str::to_owned));
    if !scenario.room_versions.is_empty() {
        shared.insert(terms::VERSION.to_owned());
    }
    bind_vars(linter, "/vars", &scenario.vars, &mut shared);
    let mut cases: Vec<Bound> = vec![Bound::from([terms::CASE.to_owned()]); scenario.cases.len()];
    for (index, case) in scenario.cases.iter().enumerate() {
        let mut bound = &cases[index] | &shared;
        bind_vars(linter, &format!("/cases/{index}/vars"), &case.vars, &mut bound);
        cases[index] = bound;
    }
    for (index, phase) in scenario.phases.iter().enumerate() {
        shared.insert(terms::PHASE.to_owned());
        match &scenario.for_each {
            // What a round binds is gone with it.
            Some(table) if phase.for_each.is_some() => {
                for group in &table.groups {
                    let mut round = shared.clone();
                    round.extend(group.vars.keys().cloned());
                    follow(linter, &walk::shared(index, phase), &mut round);
                }
            }
            _ => follow(linter, &walk::shared(index, phase), &mut shared),
        }
        for (case, bound) in cases.iter_mut().enumerate() {
            bound.extend(shared.iter().cloned());
            for list in walk::of_case(scenario, case, phase) {
                follow(linter, &list, bound);
            }
            if let Some(expect) = &phase.expect {
                texts(linter, &format!("/phases/{index}/expect"), &as_value(expect), bound);
            }
        }
    }
    for (index, case) in scenario.cases.iter().enumerate() {
        if let Some(expect) = &case.not_applicable_if {
            texts(linter, &format!("/cases/{index}/not_applicable_if"), &as_value(expect), &cases[index]);
        }
    }
}

fn bind_vars(linter: &mut Linter<'_>, pointer: &str, vars: &IndexMap<String, Value>, bound: &mut Bound) {
    for (name, value) in vars {
        let at = below(pointer, name);
        let finding = if !template::is_name(name) {
            Some(
                Finding::new(format!("`{name}` is no name"))
                    .help("a name is a letter, then letters, digits, `_` and `-`"),
            )
        } else if linter.scenario().actors.contains_key(name) {
            Some(Finding::new(format!("`{name}` is the name of an actor")).label("expected a name that is free"))
        } else if terms::BUILT_IN.contains(&name.as_str()) {
            Some(Finding::new(format!("`{name}` is built in")).label("expected a name that is free"))
        } else {
            None
        };
        if let Some(finding) = finding {
            linter.at_key(&at, finding);
        }
        texts(linter, &at, value, bound);
        bound.insert(name.clone());
    }
}

fn follow(linter: &mut Linter<'_>, list: &List<'_>, bound: &mut Bound) {
    for (pointer, step) in list.steps() {
        for (name, verb) in step.verbs().into_iter().filter(|(name, _)| *name != "parallel") {
            texts(linter, &below(&pointer, name), &verb.arguments(), bound);
        }
        // Branches do not see each other; afterwards everything in them is bound.
        let before = bound.clone();
        for branch in walk::branches(&pointer, step) {
            let mut inner = before.clone();
            follow(linter, &branch, &mut inner);
            bound.extend(inner);
        }
        bound.extend(saved(step));
        if let Some(expect) = &step.expect {
            texts(linter, &below(&pointer, "expect"), &as_value(expect), bound);
        }
    }
}

fn saved(step: &Step) -> Vec<String> {
    match &step.save {
        Some(Save::Result(name)) => vec![name.clone()],
        Some(Save::Pieces(pieces)) => pieces.keys().cloned().collect(),
        None => Vec::new(),
    }
}

fn as_value(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

/// Every text in a piece of JSON, keys included.
fn texts(linter: &mut Linter<'_>, pointer: &str, value: &Value, bound: &Bound) {
    match value {
        Value::String(inner) => text(linter, pointer, inner, bound),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                texts(linter, &format!("{pointer}/{index}"), item, bound);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                text(linter, pointer, key, bound);
                texts(linter, &below(pointer, key), field, bound);
            }
        }
        _ => {}
    }
}

fn text(linter: &mut Linter<'_>, pointer: &str, text: &str, bound: &Bound) {
    if let Err(TemplateError::Malformed(written)) = template::check(text) {
        let finding = Finding::new(format!("`{written}` is no reference"));
        let help = "a reference is `${name}` or `${name.field}`; a literal `${` is written `$${`";
        linter.at_text(pointer, &written, finding.help(help));
    }
    for reference in template::references(text) {
        if let Some(finding) = judge(linter, &reference, bound) {
            linter.at_text(pointer, &format!("${{{reference}}}"), finding);
        }
    }
}

fn judge(linter: &Linter<'_>, reference: &Reference, bound: &Bound) -> Option<Finding> {
    let actors = &linter.scenario().actors;
    let name = reference.name.as_str();
    if let Some(actor) = actors.get(name) {
        return judge_field(name, actor, reference);
    }
    if bound.contains(name) {
        return match name {
            terms::IP => judge_built_in(reference, terms::IP_FIELDS),
            terms::CANARY if !reference.path.is_empty() => judge_built_in(reference, terms::CANARY_FIELDS),
            terms::PROFILE if reference.path.is_empty() => {
                Some(Finding::new("this names no setting").help("a setting of the profile is `${profile.NAME}`"))
            }
            _ => None,
        };
    }
    let finding = Finding::new(format!("nothing is bound to `{name}` here"));
    Some(match name {
        terms::CASE => finding.label("only the steps and vars of a case know it"),
        terms::PHASE => finding.label("only steps know it"),
        // Also where nobody wrote it: `create_room` says `${version}` by default.
        terms::VERSION => finding.label("the scenario names no `room_versions`"),
        _ => match bound_at(linter, name) {
            Some(line) => finding
                .label(format!("line {line} binds it, but not before this or not for this"))
                .help("steps of a case bind for that case only, and vars see only what stands above them"),
            None => {
                let known = || bound.iter().map(String::as_str).chain(actors.keys().map(String::as_str));
                finding.label_if(near::did_you_mean(name, known())).help(format!("bound are {}", listed(known())))
            }
        },
    })
}

fn judge_built_in(reference: &Reference, fields: &[&str]) -> Option<Finding> {
    let name = &reference.name;
    match reference.path.as_slice() {
        [field] if fields.contains(&field.as_str()) => None,
        path => {
            let finding = Finding::new(format!("`{name}` has no `{}`", path.join(".")));
            let known: Vec<_> = fields.iter().map(|field| format!("`${{{name}.{field}}}`")).collect();
            Some(finding.help(format!("there is {}", known.join(", "))))
        }
    }
}

fn judge_field(name: &str, actor: &Actor, reference: &Reference) -> Option<Finding> {
    let fields = actor.kind().fields();
    match reference.path.as_slice() {
        [] => None,
        [field] if fields.contains(&field.as_str()) => None,
        path => {
            let finding = Finding::new(format!("a {} has no `{}`", actor.kind().name(), path.join(".")));
            let known = fields.iter().map(|field| format!("`${{{name}.{field}}}`"));
            let known: Vec<_> = std::iter::once(format!("`${{{name}}}`")).chain(known).collect();
            Some(finding.help(format!("there is {}", known.join(", "))))
        }
    }
}

/// Line of a place that binds a name, wherever it is.
fn bound_at(linter: &Linter<'_>, name: &str) -> Option<usize> {
    let scenario = linter.scenario();
    let of_cases = scenario.cases.iter().enumerate().map(|(index, case)| (format!("/cases/{index}/vars"), &case.vars));
    let mut vars = std::iter::once(("/vars".to_owned(), &scenario.vars)).chain(of_cases);
    let in_vars = vars.find(|(_, vars)| vars.contains_key(name)).map(|(pointer, _)| below(&pointer, name));
    let steps = walk::every_step(scenario);
    let in_steps = || steps.iter().find(|(_, step)| saved(step).iter().any(|saved| saved == name));
    let pointer = in_vars.or_else(|| in_steps().map(|(pointer, _)| below(pointer, "save")))?;
    let start = linter.places.key(&pointer)?.start;
    Some(linter.loaded.text.get(..start)?.matches('\n').count() + 1)
}
