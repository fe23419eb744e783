//! The phases of an instance: what the rows share, then the rows side by side, and what each comes to.

use crate::{
    expect,
    names::Names,
    outcome::{Done, StepError},
    plan::Instance,
    row::{Row, set_aside, share, slug},
    ruling::Bearing,
    scope::{Bindings, Scope},
    step::{Scene, Stage, perform, success},
    wording::{answer_in_words, failure, in_words, phase_outcome},
};
use fedproof_results::{Role, Verdict};
use fedproof_scenario::{
    At,
    model::{Expect, Lifecycle, Phase, Step, Table},
    template,
};
use futures::future::join_all;
use std::time::Instant;

/// Variables that are facts of their case.
const FACTS: &[&str] = &["acl", "name", "expected"];

/// Plays all phases; what came of them is in the rows.
pub(crate) async fn play_phases(instance: &Instance, stage: &Stage, rows: &mut [Row<'_>]) {
    let shared = Bindings::default();
    play_in(instance, stage, rows, &shared).await;
    for row in rows {
        row.shared = shared.measurements();
        let value = |name: &str| row.bindings.get(name).or_else(|| shared.get(name));
        let facts = FACTS.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?)));
        row.facts
            .extend(facts.map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned))));
    }
}

async fn play_in(instance: &Instance, stage: &Stage, rows: &mut [Row<'_>], shared: &Bindings) {
    let scenario = &instance.scenario.scenario;
    let scope = Scope {
        cast: &stage.cast,
        instance: shared,
        case: None,
        case_slug: "",
        row: "",
        names: Names(&instance.id),
        settings: &stage.settings,
        phase: "",
        version: &instance.version,
    };
    if let Err(error) = bind_vars(&scenario.vars, scope) {
        return set_aside(rows, Verdict::Inconclusive, &format!("the variables could not be set: {error}"));
    }
    for row in rows.iter_mut().filter(|row| row.ruling.is_open()) {
        let slug = slug(row.info);
        let scope = Scope { case: Some(&row.bindings), case_slug: &slug, row: row.info.row(), ..scope };
        if let Err(error) = bind_vars(&row.case.vars, scope) {
            row.ruling.set_aside(Verdict::Inconclusive, format!("the variables could not be set: {error}"));
        }
    }
    for phase in &scenario.phases {
        if rows.iter().all(|row| !row.ruling.is_open()) {
            return;
        }
        let scope = Scope { phase: &phase.phase, ..scope };
        match &scenario.for_each {
            Some(table) if phase.for_each.is_some() => play_rounds(instance, stage, phase, table, scope, rows).await,
            _ => play_round(&instance.scenario.file, stage, phase, scope, rows).await,
        }
    }
}

/// A phase, once for each group of the table.
async fn play_rounds(
    instance: &Instance,
    stage: &Stage,
    phase: &Phase,
    table: &Table,
    scope: Scope<'_>,
    rows: &mut [Row<'_>],
) {
    for rows in rows.chunk_by_mut(|one, other| one.case.group() == other.case.group()) {
        let group = rows.first().and_then(|row| table.groups.get(row.case.group()?));
        let Some(group) = group.filter(|_| rows.iter().any(|row| row.ruling.is_open())) else { continue };
        let bindings = Bindings::default();
        let scope = Scope { case: Some(&bindings), ..scope };
        if let Err(error) = bind_vars(&group.vars, scope) {
            set_aside(rows, Verdict::Inconclusive, &format!("the variables could not be set: {error}"));
            continue;
        }
        play_round(&instance.scenario.file, stage, phase, scope, rows).await;
    }
}

/// What the rows share, and then the rows side by side.
async fn play_round(file: &str, stage: &Stage, phase: &Phase, scope: Scope<'_>, rows: &mut [Row<'_>]) {
    let began = Instant::now();
    let open: Vec<bool> = rows.iter().map(|row| row.ruling.is_open()).collect();
    let shared = play_shared(file, stage, phase, scope, rows).await;
    let took_part = rows.iter_mut().zip(open).filter(|(_, open)| *open).map(|(row, _)| row);
    share(took_part, began.elapsed());
    if let Some(last) = shared {
        let open = rows.iter_mut().filter(|row| row.ruling.is_open());
        join_all(open.map(|row| async {
            let began = Instant::now();
            play_row(file, stage, phase, scope, row, last.as_ref()).await;
            row.spent += began.elapsed();
        }))
        .await;
    }
}

fn bind_vars(vars: &indexmap::IndexMap<String, serde_json::Value>, scope: Scope<'_>) -> Result<(), StepError> {
    for (name, value) in vars {
        scope.bind(name, template::substitute_value(value, &|reference| scope.lookup(reference))?);
    }
    Ok(())
}

/// The steps that all rows share. `None` if one failed: the phase is over. Else what the last one with an answer gave.
async fn play_shared(
    file: &str,
    stage: &Stage,
    phase: &Phase,
    scope: Scope<'_>,
    rows: &mut [Row<'_>],
) -> Option<Option<Done>> {
    let usual = success();
    let mut last = None;
    let first = rows.iter().find(|row| row.ruling.is_open()).map(|row| row.info.id.clone()).unwrap_or_default();
    let scene = Scene { stage, scope, case_id: &first };
    for step in &phase.steps {
        match perform(scene, step, Some(&usual)).await {
            Ok(done) => last = if done.answer.is_some() { Some(done) } else { last },
            Err((error, done)) => {
                for row in rows.iter_mut().filter(|row| row.ruling.is_open()) {
                    let failure = failure(file, scene, phase, step, &error);
                    row.ruling.phases.push(phase_outcome(phase, false, done.as_ref()));
                    row.ruling.fail(row.info.level, phase.role, bearing(step), &error, failure);
                }
                return None;
            }
        }
    }
    // In a check phase steps that only prepare ask nothing.
    let asks = match phase.role {
        Role::Check => phase.steps.iter().any(|step| bearing(step) == Bearing::Decides),
        Role::Setup | Role::Control => !phase.steps.is_empty(),
    };
    if asks {
        rows.iter_mut().filter(|row| row.ruling.is_open()).for_each(|row| row.ruling.ask(phase.role));
    }
    Some(last)
}

/// The steps of one case in one phase.
async fn play_row(
    file: &str,
    stage: &Stage,
    phase: &Phase,
    scope: Scope<'_>,
    row: &mut Row<'_>,
    shared: Option<&Done>,
) {
    let slug = slug(row.info);
    let scope = Scope { case: Some(&row.bindings), case_slug: &slug, row: row.info.row(), ..scope };
    let scene = Scene { stage, scope, case_id: &row.info.id };
    let usual = success();
    let lists = phase.each.iter().filter_map(|name| row.case.steps.get(name));
    let steps: Vec<&At<Step>> = lists.flatten().collect();
    let of_row = row.case.answer.as_ref().filter(|_| phase.for_each.is_some());
    let asked = of_row.or(phase.expect.as_ref()).unwrap_or(&usual);
    let mut last: Option<Done> = None;
    for (position, step) in steps.iter().enumerate() {
        let is_last = position + 1 == steps.len();
        let bearing = if is_last { Bearing::Decides } else { bearing(step) };
        match perform(scene, step, Some(if is_last { asked } else { &usual })).await {
            Ok(done) => last = if done.answer.is_some() { Some(done) } else { last },
            Err((error, done)) => {
                row.ruling.phases.push(phase_outcome(phase, false, done.as_ref().or(last.as_ref())));
                if phase.role != Role::Check && not_offered(row.case.not_applicable_if.as_ref(), done.as_ref()) {
                    let answer = done.as_ref().and_then(|done| done.answer.as_ref());
                    let seen = answer.map(answer_in_words).unwrap_or_default();
                    let reason = format!("it does not apply to this server: the control was answered {seen}");
                    return row.ruling.set_aside(Verdict::NotApplicable, reason);
                }
                if let StepError::Moot { reason, elsewhere } = &error {
                    // Who selects a few cases does not ask for what they do not touch.
                    let verdict = match (elsewhere, row.info.is_standing()) {
                        (true, _) => Verdict::NotApplicable,
                        (false, true) => Verdict::Skipped,
                        (false, false) => Verdict::Inconclusive,
                    };
                    return row.ruling.set_aside(verdict, reason);
                }
                let mut failure = failure(file, scene, phase, step, &error);
                if row.case.seat.is_some() {
                    // The steps are every row's: the row says what is particular.
                    failure.location.line = row.case.id.line();
                }
                return row.ruling.fail(row.info.level, phase.role, bearing, &error, failure);
            }
        }
    }
    if !steps.is_empty() {
        row.ruling.ask(phase.role);
    }
    let last = last.as_ref().or(shared);
    row.ruling.phases.push(phase_outcome(phase, true, last));
    if phase.role != Role::Setup {
        let answer = last.and_then(|done| done.answer.as_ref());
        // Where the last step looked at what had come, that is what was observed, and not the answer before it.
        let looks = |step: &Step| step.never.is_some() || step.eventually.is_some() || step.native.is_some();
        let looked = steps.last().filter(|step| looks(step));
        let held = looked.map(|step| format!("held: {}", in_words(scene, step)));
        row.ruling.observe(&phase.phase, held.or(answer.map(answer_in_words)).unwrap_or_else(|| "held".to_owned()));
    }
}

fn not_offered(not_applicable_if: Option<&Expect>, done: Option<&Done>) -> bool {
    let answer = done.and_then(|done| done.answer.as_ref());
    not_applicable_if.zip(answer).is_some_and(|(expect, answer)| expect::meets(expect, answer))
}

/// A step decides if it says itself what must come.
fn bearing(step: &Step) -> Bearing {
    let says = step.expect.is_some()
        || step.eventually.is_some()
        || step.never.is_some()
        || step.native.is_some()
        || step.lifecycle == Some(Lifecycle::Upgrade);
    if says { Bearing::Decides } else { Bearing::Prepares }
}
