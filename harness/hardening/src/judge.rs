//! Every rule on every input.

use crate::{
    model::{Config, Input, Place},
    rules::{Check, Context, Judged, Rule, rules},
};
use fedproof_results::{Level, Verdict};
use fedproof_yaml::{Diagnostic, Node};
use serde::Serialize;
use std::{collections::BTreeMap, ops::Range, sync::Arc};

/// What a rule says of one input.
#[derive(Debug, Serialize)]
pub struct Judgement {
    /// The rule's id.
    pub rule: &'static str,
    /// What holds where it is kept.
    pub title: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// How binding it is here.
    pub level: Level,
    /// Whether the IG BvC refuses what breaks it.
    pub denies: bool,
    /// The file, or what runs.
    pub file: String,
    /// `pass`, `fail` or `not_applicable`.
    pub verdict: Verdict,
    /// Why it is not applicable; empty otherwise.
    pub reason: String,
    /// Where it is broken.
    pub findings: Vec<Finding>,
}

/// One place where a rule is broken.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// File, or container that runs.
    pub file: String,
    /// Line, from 1; 0 for what runs.
    pub line: usize,
    /// Column in characters, from 1; 0 for what runs.
    pub column: usize,
    /// What is concerned: services, containers, paths; several where one line is of all of them.
    pub subjects: Vec<String>,
    /// What is there; never a secret's value.
    pub seen: String,
    /// What must be there.
    pub expected: &'static str,
    /// What to do.
    pub help: &'static str,
    /// The same as a compiler would show it; secrets are blanked.
    #[serde(skip)]
    pub diagnostic: Diagnostic,
}

/// What rules are told beside what they judge.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Registries that images may come from; none if nobody said.
    pub registries: Vec<String>,
    /// Names of the bills of materials there are ([`bills`](crate::bills())); `None` if nobody said where.
    pub bills: Option<Vec<String>>,
}

/// Judges inputs by the rules that are selected; `level_of` says how binding a rule is here.
pub fn judge(
    inputs: &[Input],
    known: &Known,
    is_selected: impl Fn(&Rule) -> bool,
    level_of: impl Fn(&Rule) -> Level,
) -> Vec<Judgement> {
    let accounts: BTreeMap<_, _> =
        inputs.iter().flat_map(|input| &input.accounts).map(|(name, token)| (name.as_str(), token.as_ref())).collect();
    let listeners: Vec<_> = inputs.iter().flat_map(|input| &input.configs).flat_map(listeners).collect();
    let context = |kind| Context { kind, known, accounts: accounts.clone(), listeners: listeners.clone() };
    let raw: Vec<Raw> = inputs
        .iter()
        .flat_map(|input| {
            let context = context(input.kind);
            rules().map(move |rule| apply(rule, input, &context)).collect::<Vec<_>>()
        })
        .collect();
    // Of all rules: a line that one finding shows can hold a secret that is another's.
    let shown = Shown::of(&raw);
    raw.into_iter().filter(|raw| is_selected(raw.rule)).map(|raw| raw.judgement(&shown, &level_of)).collect()
}

/// Purposes and ports of the listeners of a configuration of Synapse.
fn listeners(config: &Config) -> Vec<(String, u64)> {
    let text = |node: &Node, key: &str| node.get(key).and_then(Node::text);
    let ports = config.listeners().filter_map(|one| Some((one, text(one, "port")?.parse().ok()?)));
    ports
        .flat_map(|(one, port)| {
            let resources = one.get("resources").map(Node::items).unwrap_or_default().iter();
            let names = resources.filter_map(|one| one.get("names")).flat_map(|names| {
                let all = if names.items().is_empty() { std::slice::from_ref(names) } else { names.items() };
                all.iter().filter_map(Node::text)
            });
            names.chain(text(one, "type")).map(move |name| (name, port)).collect::<Vec<_>>()
        })
        .collect()
}

/// A judgement before its places are shown.
struct Raw {
    rule: &'static Rule,
    file: String,
    verdict: Verdict,
    reason: &'static str,
    breaches: Vec<Broken>,
}

struct Broken {
    at: Place,
    subjects: Vec<String>,
    seen: String,
    secret: bool,
}

fn apply(rule: &'static Rule, input: &Input, context: &Context) -> Raw {
    let raw = |verdict, reason, breaches| Raw { rule, file: input.source.name.clone(), verdict, reason, breaches };
    if let Some((_, why)) = rule.not_in.iter().find(|(kind, _)| *kind == input.kind) {
        return raw(Verdict::NotApplicable, why, Vec::new());
    }
    let mut judged: Vec<(&str, Judged)> = Vec::new();
    for check in rule.checks {
        match check {
            Check::Containers(f) => judged.extend(input.containers.iter().map(|one| (&*one.name, f(one, context)))),
            Check::Services(f) => judged.extend(input.services.iter().map(|one| (&*one.name, f(one, context)))),
            Check::Routes(f) => judged.extend(input.routes.iter().map(|one| (&*one.name, f(one, context)))),
            Check::Volumes(f) => judged.extend(input.volumes.iter().map(|one| (&*one.name, f(one, context)))),
            Check::Configs(f) => judged.extend(input.configs.iter().map(|one| (&*one.name, f(one, context)))),
        }
    }
    let mut breaches: Vec<Broken> = Vec::new();
    let (mut holds, mut why) = (false, nothing_of(rule));
    for (subject, judged) in judged {
        match judged {
            Judged::Holds => holds = true,
            Judged::NotApplicable(reason) => why = reason,
            Judged::Broken(all) => {
                for breach in all {
                    // One line can be of several: what a template or a pod says.
                    match breaches.iter_mut().find(|known| known.at == breach.at && known.seen == breach.seen) {
                        Some(known) if known.subjects.iter().any(|one| one == subject) => {}
                        Some(known) => known.subjects.push(subject.to_owned()),
                        None => breaches.push(Broken {
                            at: breach.at,
                            subjects: vec![subject.to_owned()],
                            seen: breach.seen,
                            secret: breach.secret,
                        }),
                    }
                }
            }
        }
    }
    match (breaches.is_empty(), holds) {
        (false, _) => raw(Verdict::Fail, "", breaches),
        (true, true) => raw(Verdict::Pass, "", breaches),
        (true, false) => raw(Verdict::NotApplicable, why, breaches),
    }
}

/// Why a rule says nothing where there is nothing that it judges.
fn nothing_of(rule: &Rule) -> &'static str {
    match rule.checks {
        [Check::Containers(_), ..] => "no container is described here",
        [Check::Services(_), ..] => "there is no Service here",
        [Check::Routes(_), ..] => "there is no Ingress and no HTTPRoute here",
        _ => "there is no configuration file here",
    }
}

/// Texts of the sources in which secrets are blanked.
struct Shown(BTreeMap<String, Arc<str>>);

impl Shown {
    fn of(raw: &[Raw]) -> Self {
        let mut spans: BTreeMap<&str, (&Arc<str>, Vec<Range<usize>>)> = BTreeMap::new();
        for breach in raw.iter().flat_map(|raw| &raw.breaches) {
            let entry = spans.entry(&breach.at.source.name).or_insert((&breach.at.source.text, Vec::new()));
            entry.1.extend(breach.secret.then(|| breach.at.span.clone()));
        }
        Self(spans.into_iter().map(|(name, (text, spans))| (name.to_owned(), blanked(text, &spans))).collect())
    }
}

/// A text with a star for every byte of the spans, so that everything else keeps its place.
fn blanked(text: &Arc<str>, spans: &[Range<usize>]) -> Arc<str> {
    if spans.is_empty() {
        return text.clone();
    }
    let mut blanked = String::with_capacity(text.len());
    for (at, char) in text.char_indices() {
        match char {
            char if char != '\n' && spans.iter().any(|span| span.contains(&at)) => {
                blanked.extend(std::iter::repeat_n('*', char.len_utf8()));
            }
            char => blanked.push(char),
        }
    }
    blanked.into()
}

impl Raw {
    fn judgement(self, shown: &Shown, level_of: &impl Fn(&Rule) -> Level) -> Judgement {
        let Rule { id, title, source, denies, .. } = *self.rule;
        let findings = self.breaches.into_iter().map(|breach| finding(self.rule, breach, shown)).collect();
        Judgement {
            rule: id,
            title,
            source,
            level: level_of(self.rule),
            denies,
            file: self.file,
            verdict: self.verdict,
            reason: self.reason.to_owned(),
            findings,
        }
    }
}

fn finding(rule: &Rule, breach: Broken, shown: &Shown) -> Finding {
    let Broken { at, subjects, seen, .. } = breach;
    let text = shown.0.get(&at.source.name).unwrap_or(&at.source.text);
    let mut title = format!("{}: {}", rule.id, rule.title);
    let label = format!("{}: expected {}, seen {seen}", subjects.join(", "), rule.expected);
    let help = Some(rule.help.to_owned());
    // What runs has no text to point into.
    let nowhere = at.source.text.is_empty();
    if nowhere {
        title = format!("{title}: {label}");
    }
    let mut diagnostic = Diagnostic::at(&at.source.name, text, at.span, title, label, help);
    if nowhere {
        (diagnostic.line, diagnostic.column, diagnostic.length) = (0, 0, 0);
    }
    let Diagnostic { file, line, column, .. } = diagnostic.clone();
    Finding { file, line, column, subjects, seen, expected: rule.expected, help: rule.help, diagnostic }
}
