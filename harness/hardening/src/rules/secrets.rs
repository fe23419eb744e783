//! `hardening/secrets`: secrets come as files, and stand nowhere else.

use super::{Breach, Check, Judged, POLICY, Rule};
use crate::{
    model::{Config, Container, Kind, Seen},
    secrets::{in_text, in_values, is_literal, is_named, is_obvious, named},
};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "hardening/secrets/environment",
        title: "no secret is in the environment",
        source: "IG BvC 005, SYS.1.6.A8",
        expected: "secrets by reference",
        help: "compose: a file under `secrets`, and its path in `…_FILE`; Kubernetes: `secretKeyRef`, or better a mounted Secret",
        checks: &[Check::Containers(environment)],
        ..POLICY
    },
    Rule {
        id: "hardening/secrets/command",
        title: "no secret is in a command line",
        source: "IG BvC 005, SYS.1.6.A8",
        expected: "secrets by reference",
        help: "let the program read it from a file: everybody on the host sees command lines",
        checks: &[Check::Containers(command)],
        ..POLICY
    },
    Rule {
        id: "hardening/secrets/configuration",
        title: "no secret is in a configuration file",
        source: "IG BvC 005, SYS.1.6.A8",
        expected: "secrets by reference",
        help: "use the `…_path` of the setting (`registration_shared_secret_path`), or put the whole file into a Secret",
        checks: &[Check::Configs(|config, _| configuration(config))],
        ..POLICY
    },
    Rule {
        id: "hardening/secrets/logs",
        title: "no secret is in a log",
        source: "SYS.1.6.A8",
        expected: "none",
        help: "lower the log level of what writes it, and change the secret",
        not_in: &[
            (Kind::Compose, "only what runs writes logs: `--running`"),
            (Kind::Kubernetes, "only what runs writes logs"),
            (Kind::Configuration, "only what runs writes logs: `--running`"),
        ],
        checks: &[Check::Containers(|container, _| {
            judged(container.log_secrets.iter().map(|seen| secret(seen, &seen.value)))
        })],
        ..POLICY
    },
];

fn environment(container: &Container, _: &super::Context) -> Judged {
    judged(container.environment.iter().filter_map(|variable| {
        let (name, value) = &variable.value;
        // A variable of whoever starts it is a value in the container's environment.
        let is_value = is_literal(value) || (value.starts_with('$') && !value.starts_with("$("));
        let named = (is_named(name) && is_value).then(|| format!("a value of `{name}`"));
        let what = named.or_else(|| is_obvious(&filled_in(value)).map(|what| format!("{what} in `{name}`")))?;
        Some(secret(variable, &what))
    }))
}

/// A value as it will be in the environment: a variable of whoever starts it is filled in, `$(…)` of Kubernetes refers.
fn filled_in(value: &str) -> String {
    value.replace("$(", "/(").replace('$', "_")
}

fn command<'a>(container: &'a Container, _: &super::Context) -> Judged {
    // A text is taken apart as a shell does, roughly.
    let split = |seen: &'a Seen<String>| std::iter::repeat(seen).zip(seen.value.split_whitespace());
    let words: Vec<(&Seen<String>, &str)> = container.command.iter().flat_map(split).collect();
    judged(words.iter().enumerate().filter_map(|(index, (seen, word))| {
        let before = index.checked_sub(1).and_then(|before| words.get(before)).map_or("", |(_, before)| before);
        let name = before.trim_start_matches('-');
        let follows = before.starts_with('-') && !before.contains('=') && is_named(name) && is_literal(word);
        let what = match follows && !word.starts_with('-') {
            true => format!("a value of `{before}`"),
            false => in_text(word).into_iter().next()?.1,
        };
        Some(secret(seen, &what))
    }))
}

fn configuration(config: &Config) -> Judged {
    if !config.open {
        return Judged::NotApplicable("it is a secret itself");
    }
    let at = |what: String| Breach { at: config.at.clone(), seen: what, secret: true };
    if config.secret {
        return judged(is_literal(config.text.trim()).then(|| at("the secret itself".to_owned())).into_iter());
    }
    if config.is_structured() {
        let mut found = Vec::new();
        config.documents.iter().for_each(|document| in_values(&config.key, document, &mut found));
        return judged(found.into_iter().map(|(place, what)| Breach { at: config.place(&place), ..at(what) }));
    }
    if let Some(what) = named(&config.key, &config.text) {
        return judged(std::iter::once(at(what)));
    }
    judged(in_text(&config.text).into_iter().map(|(span, what)| match config.exact {
        true => Breach { at: config.at.source.place(&span), ..at(what) },
        false => at(what),
    }))
}

fn secret<T>(seen: &Seen<T>, what: &str) -> Breach {
    Breach { at: seen.at.clone(), seen: what.to_owned(), secret: true }
}

fn judged(breaches: impl Iterator<Item = Breach>) -> Judged {
    let breaches: Vec<Breach> = breaches.collect();
    if breaches.is_empty() { Judged::Holds } else { Judged::Broken(breaches) }
}
