//! A case on its way through the phases of its instance.

use crate::{plan::Instance, ruling::Ruling, run::Options, scope::Bindings};
use fedproof_results::{CaseInfo, Measurement, OTHER, SubjectResult, UPGRADED_TO, Verdict};
use fedproof_scenario::{
    model::{Actor, Case, Part},
    terms::UPGRADE,
};
use std::{collections::BTreeMap, time::Duration};

/// One case on its way through the phases.
pub(crate) struct Row<'a> {
    pub(crate) info: &'a CaseInfo,
    pub(crate) case: &'a Case,
    pub(crate) bindings: Bindings,
    pub(crate) ruling: Ruling,
    /// What the report's tables want to know of it.
    pub(crate) facts: BTreeMap<String, String>,
    /// What was measured in the steps that it shares with the others.
    pub(crate) shared: Vec<Measurement>,
    /// Its own steps' time, and its part of what it shares.
    pub(crate) spent: Duration,
}

/// The row of a selected case; `None` if its scenario has it no more.
pub(crate) fn row<'a>(instance: &'a Instance, info: &'a CaseInfo, options: &Options) -> Option<Row<'a>> {
    let case = instance.scenario.scenario.cases.iter().find(|case| case.id.as_str() == info.row())?;
    let mut ruling = Ruling::default();
    if let Some(only) = &case.only
        && !only.room_versions.contains(&instance.version)
    {
        ruling.set_aside(Verdict::NotApplicable, &only.reason);
    }
    if let Some(service) = case.uses.iter().find(|service| options.lacks.contains(service)) {
        ruling.set_aside(Verdict::Skipped, format!("the deployment has {} switched off", service.replace('_', " ")));
    }
    if instance.scenario.scenario.uncontrolled.is_some() {
        ruling.waive_control();
    }
    let other = second(instance).map(|other| (OTHER, other));
    let facts = other.into_iter().chain(upgraded_to(instance).map(|spec| (UPGRADED_TO, spec)));
    let facts = facts.map(|(name, value)| (name.to_owned(), value)).collect();
    Some(Row { info, case, bindings: Bindings::default(), ruling, facts, shared: Vec::new(), spent: Duration::ZERO })
}

/// What the homeserver under test is upgraded to in the course of the case, if its scenario does that.
fn upgraded_to(instance: &Instance) -> Option<String> {
    let upgrades = instance.scenario.scenario.needs.features.iter().any(|feature| feature == UPGRADE);
    instance.servers.subject.upgrade_to().filter(|_| upgrades).map(|(spec, _)| spec.to_owned())
}

/// Name of the second homeserver, if the scenario has one take part.
fn second(instance: &Instance) -> Option<String> {
    let takes_part = |actor: &Actor| matches!(actor, Actor::Homeserver(Part::Other));
    let other = instance.servers.other.as_ref().map(|other| other.name().to_owned());
    other.filter(|_| instance.scenario.scenario.actors.values().any(takes_part))
}

/// Gives every row that is still open this verdict.
pub(crate) fn set_aside(rows: &mut [Row<'_>], verdict: Verdict, reason: &str) {
    for row in rows.iter_mut().filter(|row| row.ruling.is_open()) {
        row.ruling.set_aside(verdict, reason);
    }
}

/// Books time that these rows spent together, in equal parts.
pub(crate) fn share<'r, 'a: 'r>(rows: impl Iterator<Item = &'r mut Row<'a>>, took: Duration) {
    let rows: Vec<_> = rows.collect();
    let part = took / u32::try_from(rows.len().max(1)).unwrap_or(u32::MAX);
    rows.into_iter().for_each(|row| row.spent += part);
}

/// Last segment of the case's row.
pub(crate) fn slug(info: &CaseInfo) -> String {
    info.row().rsplit('/').next().unwrap_or_default().to_owned()
}

/// What a row came to.
pub(crate) fn result(instance: &Instance, row: Row<'_>) -> SubjectResult {
    let (verdict, reason) = row.ruling.verdict(row.info.level);
    let measurements = row.shared.into_iter().chain(row.bindings.measurements()).collect();
    SubjectResult {
        server: instance.servers.subject.name().to_owned(),
        verdict,
        reason,
        duration_ms: row.spent.as_millis().try_into().unwrap_or(u64::MAX),
        phases: row.ruling.phases,
        facts: row.facts,
        measurements,
        failure: row.ruling.failure,
        deviation: None,
    }
}
