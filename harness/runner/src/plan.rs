//! From selected cases to what is played: instances of scenarios.

use crate::mutant::Mutant;
use fedproof_deployment::Home;
use fedproof_results::{CaseInfo, Verdict};
use fedproof_scenario::{
    Loaded,
    model::{Actor, Part},
    terms::{UPGRADE, WORKERS},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// Why nothing can be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The deployment is empty.
    #[error("the deployment has no homeserver")]
    NoHomeserver,
}

/// The homeservers an instance uses.
#[derive(Clone)]
pub struct Subject {
    /// The homeserver under test.
    pub subject: Home,
    /// Another one, if the deployment has one.
    pub other: Option<Home>,
    /// The one whose allow-list is empty, if the deployment has one.
    pub shut: Option<Home>,
}

/// A scenario, in one room version, against one homeserver under test.
#[derive(Clone)]
pub struct Instance {
    /// Part of every name this instance makes; unique in the run.
    pub id: String,
    /// The scenario.
    pub scenario: Loaded,
    /// The room version; empty if the scenario names none.
    pub version: String,
    /// Where.
    pub servers: Subject,
    /// The cases of it that were selected.
    pub cases: Vec<CaseInfo>,
    /// The verdict for all of them, if the deployment cannot host it (R7).
    pub set_aside: Option<(Verdict, String)>,
    /// A defect that is switched on for this instance's virtual servers once its actors are there.
    pub mutant: Option<Arc<Mutant>>,
}

/// What a run plays.
#[derive(Default)]
pub struct Plan {
    /// Instances that may run side by side.
    pub shared: Vec<Instance>,
    /// Then, one after the other, those that restart or reconfigure a homeserver (R6).
    pub exclusive: Vec<Instance>,
    /// At last, those that judge the transcript of all of them.
    pub standing: Vec<Instance>,
}

/// Plans the selected cases on these homeservers: each scenario runs once for every distinct version, and one in which
/// two homeservers take part once for every ordered pair of them. Homeservers of one version take turns, so that all of
/// them work. A standing scenario judges each homeserver; one about upgrades has those under test that can be upgraded.
/// `mark` ends the id of each instance ([`mark`]).
///
/// # Errors
/// [`PlanError::NoHomeserver`].
pub fn plan(selected: &[(Loaded, Vec<CaseInfo>)], homeservers: &[Home], mark: &str) -> Result<Plan, PlanError> {
    if homeservers.is_empty() {
        return Err(PlanError::NoHomeserver);
    }
    let mut versions: BTreeMap<String, Vec<&Home>> = BTreeMap::new();
    let shut = homeservers.iter().find(|homeserver| homeserver.is_shut()).cloned();
    let open = || homeservers.iter().filter(|homeserver| !homeserver.is_shut());
    for homeserver in open() {
        versions.entry(kind_of(homeserver)).or_default().push(homeserver);
    }
    let mut plan = Plan::default();
    let mut count = 0;
    for (scenario, cases) in selected {
        let mut by_version: BTreeMap<&str, Vec<CaseInfo>> = BTreeMap::new();
        for case in cases {
            by_version.entry(case.room_version.as_deref().unwrap_or_default()).or_default().push(case.clone());
        }
        for (room_version, cases) in by_version {
            for (subject, other) in pairs(scenario, &versions, open().collect(), count) {
                count += 1;
                let set_aside = missing_part(scenario, other);
                let instance = Instance {
                    id: format!("i{count}-{mark}"),
                    scenario: scenario.clone(),
                    version: room_version.to_owned(),
                    servers: Subject { subject: subject.clone(), other: other.cloned(), shut: shut.clone() },
                    cases: cases.clone(),
                    set_aside,
                    mutant: None,
                };
                let list = match (scenario.scenario.standing, scenario.scenario.exclusive) {
                    (true, _) => &mut plan.standing,
                    (false, true) => &mut plan.exclusive,
                    (false, false) => &mut plan.shared,
                };
                list.push(instance);
            }
        }
    }
    Ok(plan)
}

/// What the ids of all instances of a run of this seed end with, where homeservers are the run's own.
pub fn mark(seed: u64) -> String {
    format!("{:04x}", seed & 0xffff)
}

/// How many instances a run may have; an allow-list holds a name for each.
const MOST: usize = 400;

/// Ids of all instances that runs and kill matrices of this seed may have, for deployments that must list their names.
pub fn instance_ids(seed: u64) -> Vec<String> {
    let mark = mark(seed);
    let id = |letter: char| {
        let mark = mark.clone();
        move |count: usize| format!("{letter}{count}-{mark}")
    };
    (1..=MOST).map(id('i')).chain((0..=2 * MOST).map(id('m'))).collect()
}

impl Plan {
    /// Sets aside what cannot be played: `why` gives verdict and reason for a scenario (R7). What judges the others'
    /// traffic is none of it.
    pub fn set_aside(&mut self, why: impl Fn(&Loaded) -> Option<(Verdict, String)>) {
        for instance in self.shared.iter_mut().chain(&mut self.exclusive) {
            if let Some(aside) = why(&instance.scenario) {
                instance.set_aside = Some(aside);
            }
        }
    }

    /// Sets aside what judges the traffic of all.
    pub fn set_aside_standing(&mut self, verdict: Verdict, reason: &str) {
        for instance in &mut self.standing {
            instance.set_aside = Some((verdict, reason.to_owned()));
        }
    }

    /// Every instance, in the order in which they begin.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.shared.iter().chain(&self.exclusive).chain(&self.standing)
    }
}

/// What makes two homeservers the same subject: version and digest of what was installed, what it can be upgraded to, and
/// its workers.
fn kind_of(homeserver: &Home) -> String {
    let workers = homeserver.workers().join(",");
    format!("{} {} {:?} {workers}", homeserver.spec(), homeserver.digest(), homeserver.upgrade_to())
}

/// The homeservers under test, each with another one if there is any. `turn` says whose turn it is among equals.
fn pairs<'a>(
    scenario: &Loaded,
    versions: &BTreeMap<String, Vec<&'a Home>>,
    open: Vec<&'a Home>,
    turn: usize,
) -> Vec<(&'a Home, Option<&'a Home>)> {
    let any_other = |subject: &Home| open.iter().copied().find(|other: &&Home| other.name() != subject.name());
    if scenario.scenario.standing {
        return open.iter().map(|subject| (*subject, any_other(subject))).collect();
    }
    // What only some homeservers have decides who is under test; where none has it, the scenario is skipped on all of them.
    let needs = |feature: &str| scenario.scenario.needs.features.iter().any(|needed| needed == feature);
    let upgrades = needs(UPGRADE) && open.iter().any(|homeserver| homeserver.upgrade_to().is_some());
    let staffed = needs(WORKERS) && open.iter().any(|homeserver| !homeserver.workers().is_empty());
    let will_do =
        |subject: &&Home| (!upgrades || subject.upgrade_to().is_some()) && (!staffed || !subject.workers().is_empty());
    let one_of_each: Vec<&Home> =
        versions.values().enumerate().map(|(n, alike)| alike[(turn + n) % alike.len()]).collect();
    let subjects = one_of_each.iter().copied().filter(will_do);
    // What differs from the subject; where all are alike, any.
    let of_each_kind = |subject: &'a Home| {
        let others: Vec<_> =
            one_of_each.iter().copied().filter(|other| other.name() != subject.name()).map(Some).collect();
        if has_other(scenario) && !others.is_empty() { others } else { vec![any_other(subject)] }
    };
    subjects.flat_map(|subject| of_each_kind(subject).into_iter().map(move |other| (subject, other))).collect()
}

fn missing_part(scenario: &Loaded, other: Option<&Home>) -> Option<(Verdict, String)> {
    (has_other(scenario) && other.is_none())
        .then(|| (Verdict::Skipped, "the deployment has only one homeserver".to_owned()))
}

fn has_other(scenario: &Loaded) -> bool {
    scenario.scenario.actors.values().any(|actor| matches!(actor, Actor::Homeserver(Part::Other)))
}

/// Groups cases by their scenario, in the catalogue's order.
pub fn group(scenarios: &[Loaded], cases: &[CaseInfo]) -> Vec<(Loaded, Vec<CaseInfo>)> {
    let mut by_file: HashMap<&str, Vec<CaseInfo>> = HashMap::new();
    for case in cases {
        by_file.entry(&case.scenario).or_default().push(case.clone());
    }
    let scenarios = scenarios.iter().filter_map(|loaded| Some((loaded.clone(), by_file.remove(loaded.file.as_str())?)));
    scenarios.collect()
}
