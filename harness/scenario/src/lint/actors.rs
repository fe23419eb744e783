//! Who takes part: a homeserver under test, clients on homeservers, and nobody without a part.

use super::{Finding, Linter, structure::listed};
use crate::{
    model::{Actor, ActorKind, Part, Scenario},
    near,
    template::{is_name, references},
    terms::{BUILT_IN, FEATURES, SHUT},
    walk,
};
use fedproof_yaml::below;
use serde_json::Value;
use std::collections::HashSet;

/// Checks the actors.
pub(super) fn check(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    let used = used(scenario);
    for (name, actor) in &scenario.actors {
        let pointer = below("/actors", name);
        if !is_name(name) {
            let finding = Finding::new(format!("`{name}` is no name"));
            linter.at_key(&pointer, finding.help("a name is a letter, then letters, digits, `_` and `-`"));
        }
        if BUILT_IN.contains(&name.as_str()) {
            linter.at_key(&pointer, Finding::new(format!("`{name}` is built in and cannot be an actor")));
        }
        if let Actor::Client(on) | Actor::Front(on) = actor
            && !matches!(scenario.actors.get(on), Some(Actor::Homeserver(_)))
        {
            let homeservers = homeservers(scenario);
            let finding = Finding::new(format!("`{on}` is no homeserver of this scenario"));
            let finding = finding.label_if(near::did_you_mean(on, homeservers.iter().copied()));
            let kind = if actor.kind() == ActorKind::Front { "front" } else { "client" };
            linter.at_value(&below(&pointer, kind), finding.help(format!("there are {}", listed(homeservers))));
        }
        if let Actor::Agent(of) = actor
            && !matches!(scenario.actors.get(of), Some(Actor::Client(_)))
        {
            let finding = Finding::new(format!("`{of}` is no client of this scenario"));
            let finding = finding.help("a client under test is one more device of a client actor's user");
            linter.at_value(&below(&pointer, "agent"), finding);
        }
        if matches!(actor, Actor::Virtual(name) if name.trim().is_empty()) {
            linter.at_value(&below(&pointer, "virtual"), Finding::new("a virtual server needs a name"));
        }
        if !used.contains(name.as_str()) {
            linter.at_key(&pointer, Finding::new(format!("the actor `{name}` is not used")));
        }
    }
    for (key, features) in [("features", &scenario.needs.features), ("tolerates", &scenario.needs.tolerates)] {
        let unknown = features.iter().enumerate().filter(|(_, feature)| !FEATURES.contains(&feature.as_str()));
        for (index, feature) in unknown {
            let finding = Finding::new(format!("no deployment can have `{feature}`"));
            let finding = finding.label_if(near::did_you_mean(feature, FEATURES.iter().copied()));
            let finding = finding.help(format!("there are {}", FEATURES.join(", ")));
            linter.at_value(&format!("/needs/{key}/{index}"), finding);
        }
    }
    let needs_shut = scenario.needs.features.iter().any(|feature| feature == SHUT);
    if let Some((name, _)) = scenario.actors.iter().find(|(_, actor)| **actor == Actor::Homeserver(Part::Shut))
        && !needs_shut
    {
        let finding = Finding::new("a homeserver that is shut is not in every deployment");
        linter.at_key(&below("/actors", name), finding.help("say `needs: {features: [shut]}`"));
    }
    let subjects = scenario.actors.iter().filter(|(_, actor)| **actor == Actor::Homeserver(Part::Subject));
    match subjects.count() {
        1 => {}
        0 => {
            let finding = Finding::new("no actor is the server under test");
            linter.at_key("/actors", finding.help("one of them has to be `homeserver: subject`"));
        }
        _ => {
            let finding = Finding::new("more than one actor is the server under test");
            linter.at_key("/actors", finding.help("`homeserver: subject` is for one of them; others are `other`"));
        }
    }
}

fn homeservers(scenario: &Scenario) -> Vec<&str> {
    let homeservers = scenario.actors.iter().filter(|(_, actor)| matches!(actor, Actor::Homeserver(_)));
    homeservers.map(|(name, _)| name.as_str()).collect()
}

/// Names that stand anywhere as an actor, in a reference, or as a bare text. The server under test is always used.
fn used(scenario: &Scenario) -> HashSet<String> {
    let mut used = HashSet::new();
    for (name, actor) in &scenario.actors {
        match actor {
            Actor::Homeserver(Part::Subject) => drop(used.insert(name.clone())),
            Actor::Client(on) | Actor::Front(on) | Actor::Agent(on) => drop(used.insert(on.clone())),
            _ => {}
        }
    }
    // Simply everywhere: whoever is named in any text has a part.
    for part in [
        serde_json::to_value(&scenario.phases),
        serde_json::to_value(&scenario.cases),
        serde_json::to_value(&scenario.vars),
    ] {
        note(&part.unwrap_or_default(), &mut used);
    }
    for (_, step) in walk::every_step(scenario) {
        used.extend(step.actor.clone());
    }
    used
}

fn note(value: &Value, used: &mut HashSet<String>) {
    let mut text = |text: &str| {
        used.insert(text.to_owned());
        used.extend(references(text).into_iter().map(|reference| reference.name));
    };
    match value {
        Value::String(inner) => text(inner),
        Value::Array(items) => items.iter().for_each(|item| note(item, used)),
        Value::Object(fields) => {
            fields.keys().for_each(|key| text(key));
            fields.values().for_each(|field| note(field, used));
        }
        _ => {}
    }
}
