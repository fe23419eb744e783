//! The rules: one table for each row of the catalogue's chapter `hardening`, in a file that is called like the row.
//!
//! To add a rule, add an entry to its row's table: an id, what to say, and a function that judges one container, Service,
//! Ingress path or configuration file. What it looks at and no reader gives yet is a field in [`model`](crate::model),
//! filled in by the readers (`read/`). Then soften one line for it in `tests/softened`, which fails until you do.

mod capabilities;
mod exposed_surface;
mod files;
mod images;
mod namespaces_and_mounts;
mod paths;
mod resources_and_probes;
mod root_read_only;
mod secrets;
mod service_account;
mod tls;
mod user;

use crate::judge::Known;
use crate::model::{Config, Container, Kind, Place, Route, Seen, Service, Volume};
use fedproof_results::{CaseInfo, Level};
use std::collections::BTreeMap;

/// A rule.
#[derive(Debug)]
pub struct Rule {
    /// `hardening/ROW/RULE`: never changes, never used again.
    pub id: &'static str,
    /// What holds where it is kept, in a line.
    pub title: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// What must be there.
    pub expected: &'static str,
    /// What to do where it is not.
    pub help: &'static str,
    /// How binding it is, unless a profile says something else.
    pub level: Level,
    /// The IG BvC's own rule of this number refuses the deployment; most others only report.
    pub denies: bool,
    /// Kinds of input that it says nothing about, and why.
    pub not_in: &'static [(Kind, &'static str)],
    pub(crate) checks: &'static [Check],
}

/// What most rules have in common.
const POLICY: Rule = Rule {
    id: "",
    title: "",
    source: "",
    expected: "",
    help: "",
    level: Level::Policy,
    denies: false,
    not_in: &[],
    checks: &[],
};

/// All rules, in the order of the catalogue's rows.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    let tables: [&'static [Rule]; 11] = [
        user::RULES,
        root_read_only::RULES,
        capabilities::RULES,
        namespaces_and_mounts::RULES,
        resources_and_probes::RULES,
        images::RULES,
        secrets::RULES,
        service_account::RULES,
        tls::RULES,
        exposed_surface::RULES,
        files::RULES,
    ];
    tables.into_iter().flatten()
}

impl Rule {
    /// As the catalogue of cases lists it.
    pub fn case(&self) -> CaseInfo {
        let is_less = ["hardening/service-account/", "hardening/files/"].iter().any(|row| self.id.starts_with(row));
        CaseInfo {
            id: self.id.to_owned(),
            title: self.title.to_owned(),
            level: self.level,
            priority: u8::from(is_less),
            requirement: self.source.to_owned(),
            scenario: "hardening".to_owned(),
            tags: vec!["harden".to_owned()],
            room_version: None,
            since: None,
        }
    }
}

/// One function, by what it judges.
#[derive(Debug)]
pub(crate) enum Check {
    Containers(fn(&Container, &Context) -> Judged),
    Services(fn(&Service, &Context) -> Judged),
    Routes(fn(&Route, &Context) -> Judged),
    Volumes(fn(&Volume, &Context) -> Judged),
    Configs(fn(&Config, &Context) -> Judged),
}

/// What a rule may have to know beside what it judges.
#[derive(Debug)]
pub(crate) struct Context<'a> {
    pub(crate) kind: Kind,
    pub(crate) known: &'a Known,
    /// Service accounts of all files, and whether pods get their tokens.
    pub(crate) accounts: BTreeMap<&'a str, Option<&'a Seen<bool>>>,
    /// Listeners of all configurations of Synapse: what they are for, and their ports.
    pub(crate) listeners: Vec<(String, u64)>,
}

/// What a rule says of one thing.
#[derive(Debug)]
pub(crate) enum Judged {
    Holds,
    NotApplicable(&'static str),
    Broken(Vec<Breach>),
}

/// A place where a rule is broken, and what is there.
#[derive(Debug)]
pub(crate) struct Breach {
    pub(crate) at: Place,
    pub(crate) seen: String,
    /// The place shows a secret.
    pub(crate) secret: bool,
}

const NOTHING: &str = "nothing";

fn broken(at: &Place, seen: impl Into<String>) -> Judged {
    Judged::Broken(vec![Breach { at: at.clone(), seen: seen.into(), secret: false }])
}

/// A switch must be set so.
fn must_be(wanted: bool, fact: &Option<Seen<bool>>, at: &Place) -> Judged {
    match fact {
        Some(seen) if seen.value == wanted => Judged::Holds,
        Some(seen) => broken(&seen.at, format!("`{}`", seen.value)),
        None => broken(at, NOTHING),
    }
}

/// None of these may be wrong; `wrong` says what is.
fn none<'a, T: 'a>(all: impl IntoIterator<Item = &'a Seen<T>>, wrong: impl Fn(&T) -> Option<String>) -> Judged {
    let breaches: Vec<Breach> = all
        .into_iter()
        .filter_map(|seen| Some(Breach { at: seen.at.clone(), seen: wrong(&seen.value)?, secret: false }))
        .collect();
    if breaches.is_empty() { Judged::Holds } else { Judged::Broken(breaches) }
}

/// There may be none of these at all.
fn no<'a>(all: impl IntoIterator<Item = &'a Seen<String>>) -> Judged {
    none(all, |value| Some(format!("`{value}`")))
}

/// Judges configurations of Synapse; others say nothing about it.
fn of_synapse(config: &Config, judge: impl FnOnce(&Config) -> Judged) -> Judged {
    if config.is_synapse() { judge(config) } else { Judged::NotApplicable("it is no configuration of Synapse") }
}

const NO_SERVICE_ACCOUNTS: (Kind, &str) = (Kind::Compose, "compose has no service accounts");
const NO_RUNNING_ACCOUNTS: (Kind, &str) = (Kind::Running, "the engine knows no service accounts");

#[cfg(test)]
mod tests {
    use super::rules;
    use std::collections::BTreeSet;

    #[test]
    fn every_rule_says_all_there_is_to_say() {
        let ids: BTreeSet<_> = rules().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), rules().count(), "an id is there twice");
        for rule in rules() {
            assert!(rule.id.starts_with("hardening/") && rule.id.matches('/').count() == 2, "{}", rule.id);
            for text in [rule.title, rule.source, rule.expected, rule.help] {
                assert!(!text.is_empty(), "{}", rule.id);
            }
            assert!(!rule.checks.is_empty(), "{}", rule.id);
        }
    }
}
