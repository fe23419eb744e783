//! `fedproof run --dry-run`: what a run would make on homeservers that run already.

use super::attach::Attachment;
use crate::{args::Format, stdout};
use fedproof_runner::{Instance, Plan};
use fedproof_scenario::model::{Actor, Part, Step};
use serde::Serialize;
use std::collections::BTreeMap;

/// What would be made, and what would not be played.
#[derive(Serialize)]
struct Listing {
    /// Part of every name; another one in the run.
    mark: String,
    accounts: BTreeMap<String, Vec<String>>,
    rooms: usize,
    requests: usize,
    instances: Vec<Listed>,
    /// Cases by the reason why they would be skipped.
    skipped: BTreeMap<String, Vec<String>>,
}

/// One playing of a scenario.
#[derive(Serialize)]
struct Listed {
    id: String,
    scenario: String,
    on: String,
    cases: usize,
    accounts: Vec<String>,
    /// Rooms, by who makes them.
    rooms: BTreeMap<String, usize>,
    /// What is asked, by whom, and how often; waiting for what comes (`eventually`) takes more requests of clients.
    requests: BTreeMap<String, usize>,
}

/// Prints the listing.
pub(super) fn dry_run(attachment: &Attachment, plan: &Plan, format: Format) {
    let listing = listing(attachment, plan);
    if format == Format::Json {
        return stdout::json(&serde_json::json!(listing));
    }
    for one in &listing.instances {
        stdout::print(&format!("{}  {} on {}, {} cases", one.id, one.scenario, one.on, one.cases));
        let count = |what: (&String, &usize)| format!("{} ×{}", what.0, what.1);
        let lines = [
            ("accounts", one.accounts.clone()),
            ("rooms", one.rooms.iter().map(|(by, times)| format!("by {by} ×{times}")).collect()),
            ("requests", one.requests.iter().map(count).collect()),
        ];
        for (what, texts) in lines.iter().filter(|(_, texts)| !texts.is_empty()) {
            stdout::print(&format!("  {what}: {}", texts.join(", ")));
        }
    }
    for (reason, cases) in &listing.skipped {
        stdout::print(&format!("{} cases would be skipped: {reason}", cases.len()));
    }
    for (name, accounts) in &listing.accounts {
        stdout::print(&format!("{name}: {} accounts, {}", accounts.len(), attachment.way(name)));
    }
    let (instances, rooms, requests) = (listing.instances.len(), listing.rooms, listing.requests);
    stdout::print(&format!(
        "{instances} instances, {rooms} rooms, {requests} requests and what waiting takes; nothing was made"
    ));
}

fn listing(attachment: &Attachment, plan: &Plan) -> Listing {
    let mut skipped: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut instances = Vec::new();
    let mut accounts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for instance in plan.instances() {
        let cases = instance.cases.iter().map(|case| case.id.clone());
        match &instance.set_aside {
            Some((_, reason)) => skipped.entry(reason.clone()).or_default().extend(cases),
            None => {
                users(instance).for_each(|(on, user)| accounts.entry(on).or_default().push(user));
                instances.push(listed(instance));
            }
        }
    }
    let sum = |of: fn(&Listed) -> &BTreeMap<String, usize>| instances.iter().flat_map(|one| of(one).values()).sum();
    Listing {
        mark: attachment.mark.clone(),
        rooms: sum(|one| &one.rooms),
        requests: sum(|one| &one.requests),
        accounts,
        instances,
        skipped,
    }
}

fn listed(instance: &Instance) -> Listed {
    let scenario = &instance.scenario.scenario;
    let (mut rooms, mut requests) = (BTreeMap::new(), BTreeMap::new());
    let is_selected = |row: &str| instance.cases.iter().any(|case| case.row() == row);
    for step in scenario.played(is_selected) {
        let Some(actor) = &step.actor else { continue };
        if step.create_room.is_some() {
            *rooms.entry(actor.clone()).or_default() += 1;
        }
        *requests.entry(format!("{actor} {}", request(step))).or_default() += 1;
    }
    let version =
        if instance.version.is_empty() { String::new() } else { format!(" (room version {})", instance.version) };
    Listed {
        id: instance.id.clone(),
        scenario: format!("{}{version}", scenario.scenario),
        on: instance.servers.subject.name().to_owned(),
        cases: instance.cases.len(),
        accounts: users(instance).map(|(_, user)| user).collect(),
        rooms,
        requests,
    }
}

/// The accounts that an instance takes: on which homeserver, and what they are called if they are made.
fn users(instance: &Instance) -> impl Iterator<Item = (String, String)> {
    let actors = &instance.scenario.scenario.actors;
    actors.iter().filter_map(move |(name, actor)| {
        let Actor::Client(on) = actor else { return None };
        let home = match actors.get(on)? {
            Actor::Homeserver(Part::Subject) => &instance.servers.subject,
            Actor::Homeserver(Part::Other) => instance.servers.other.as_ref()?,
            _ => return None,
        };
        let user = format!("@{}-{}:{}", name.to_lowercase(), instance.id, home.server_name());
        Some((home.name().to_owned(), user))
    })
}

/// What a step asks for.
fn request(step: &Step) -> String {
    match (&step.request, step.verbs().first()) {
        (Some(request), _) => format!("{} {}", request.method, request.path),
        (None, Some((verb, _))) => (*verb).to_owned(),
        (None, None) => String::new(),
    }
}
