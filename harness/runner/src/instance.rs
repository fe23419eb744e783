//! The interpreter: plays one instance, phase by phase, and rules on its cases.

use crate::{
    actor::{Cast, Player},
    expect,
    names::Names,
    outcome::{Done, StepError},
    plan::Instance,
    ruling::{Bearing, Ruling},
    run::{Field, Options},
    scope::{Bindings, Scope, own_actor},
    step::{Scene, Stage, perform, success},
};
use fedproof_results::{CaseInfo, Failure, Location, Measurement, PhaseOutcome, Role, SubjectResult, Verdict};
use fedproof_scenario::{
    At,
    model::{Actor, Case, Expect, Lifecycle, Part, Phase, Step, Table},
    template,
};
use futures::future::join_all;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError, atomic::AtomicU64},
    time::{Duration, Instant},
};

/// Bound of a whole instance, against hanging; its waits end long before.
const INSTANCE_LIMIT: Duration = Duration::from_secs(240);
/// The same for each pair that the command line asks of the property check.
const PAIR_LIMIT: Duration = Duration::from_millis(100);

/// One case on its way through the phases.
struct Row<'a> {
    info: &'a CaseInfo,
    case: &'a Case,
    bindings: Bindings,
    ruling: Ruling,
    /// What the report's tables want to know of it.
    facts: BTreeMap<String, String>,
    /// What was measured in the steps that it shares with the others.
    shared: Vec<Measurement>,
    /// Its own steps' time, and its part of what it shares.
    spent: Duration,
}

/// Variables that are facts of their case.
const FACTS: &[&str] = &["acl", "name", "expected"];

/// Plays an instance and gives the result of each of its cases.
pub(crate) async fn play(instance: &Instance, field: &Field, options: &Options) -> Vec<(String, SubjectResult)> {
    let mut rows: Vec<Row<'_>> = instance.cases.iter().filter_map(|info| row(instance, info, options)).collect();
    if let Some((verdict, reason)) = &instance.set_aside {
        set_aside(&mut rows, *verdict, reason);
    } else if rows.iter().any(|row| row.ruling.is_open()) {
        let began = Instant::now();
        let entered = enter(instance, field, options).await;
        share(&mut rows, began.elapsed());
        match entered {
            Ok(stage) => {
                let limit = INSTANCE_LIMIT.max(PAIR_LIMIT * options.pairs.unwrap_or(0).try_into().unwrap_or(u32::MAX));
                let play = play_on(instance, &stage, &mut rows);
                if tokio::time::timeout(limit, play).await.is_err() {
                    let reason = format!("the instance took longer than {} s", limit.as_secs());
                    set_aside(&mut rows, Verdict::Inconclusive, &reason);
                }
                leave(instance, &stage).await;
            }
            Err(error) => {
                set_aside(&mut rows, Verdict::Inconclusive, &format!("the actors could not be set up: {error}"));
            }
        }
    }
    rows.into_iter().map(|row| (row.info.id.clone(), result(instance, row))).collect()
}

/// Books time that the rows spent together, in equal parts.
fn share(rows: &mut [Row<'_>], took: Duration) {
    let open = rows.iter().filter(|row| row.ruling.is_open()).count();
    let part = took / u32::try_from(open.max(1)).unwrap_or(u32::MAX);
    rows.iter_mut().filter(|row| row.ruling.is_open()).for_each(|row| row.spent += part);
}

fn row<'a>(instance: &'a Instance, info: &'a CaseInfo, options: &Options) -> Option<Row<'a>> {
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
    let facts = second(instance).map(|other| ("other".to_owned(), other)).into_iter().collect();
    Some(Row { info, case, bindings: Bindings::default(), ruling, facts, shared: Vec::new(), spent: Duration::ZERO })
}

/// Name of the second homeserver, if the scenario has one take part.
fn second(instance: &Instance) -> Option<String> {
    let takes_part = |actor: &Actor| matches!(actor, Actor::Homeserver(Part::Other));
    let other = instance.servers.other.as_ref().map(|other| other.name().to_owned());
    other.filter(|_| instance.scenario.scenario.actors.values().any(takes_part))
}

fn set_aside(rows: &mut [Row<'_>], verdict: Verdict, reason: &str) {
    for row in rows.iter_mut().filter(|row| row.ruling.is_open()) {
        row.ruling.set_aside(verdict, reason);
    }
}

fn result(instance: &Instance, row: Row<'_>) -> SubjectResult {
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

/// Brings the actors to life; clients register side by side.
async fn enter(instance: &Instance, field: &Field, options: &Options) -> Result<Stage, StepError> {
    let actors = &instance.scenario.scenario.actors;
    let names = Names(&instance.id);
    let players = actors.iter().map(|(name, actor)| async move {
        if let Actor::Virtual(pattern) = actor
            && !template::references(pattern).is_empty()
        {
            return own_servers(instance, field, name, pattern);
        }
        let player = match actor {
            Actor::Homeserver(part) => Player::Homeserver(homeserver(instance, *part)?),
            Actor::Client(on) => {
                let part = match actors.get(on) {
                    Some(Actor::Homeserver(part)) => *part,
                    _ => return Err(StepError::broken(format!("{name} is on {on:?}, which is no homeserver"))),
                };
                let localpart = format!("{}-{}", name.to_lowercase(), instance.id);
                Player::Client(homeserver(instance, part)?.endpoint().register(&localpart).await?.into())
            }
            Actor::Virtual(pattern) => Player::Virtual(field.world.server_spelt(&names.spell(pattern))),
        };
        Ok(vec![(name.clone(), player)])
    });
    let cast: Cast = futures::future::try_join_all(players).await?.into_iter().flatten().collect();
    Ok(Stage {
        id: instance.id.clone(),
        cast,
        world: field.world.clone(),
        gateway: field.gateway.clone(),
        real: field.homeservers.iter().map(|homeserver| homeserver.server_name().clone()).collect(),
        diary: field.diary.clone(),
        seed: options.seed,
        pairs: options.pairs,
        settings: options.settings.clone(),
        mark: field.gateway.transcript().len(),
        mark_begun: field.gateway.transcript().begun().len(),
        counter: AtomicU64::new(0),
        faults: Mutex::default(),
    })
}

/// A virtual server for each selected case, whose variables its name is made of.
fn own_servers(
    instance: &Instance,
    field: &Field,
    actor: &str,
    pattern: &str,
) -> Result<Vec<(String, Player)>, StepError> {
    let names = Names(&instance.id);
    let cases = instance.scenario.scenario.cases.iter();
    let selected = cases.filter(|case| instance.cases.iter().any(|info| info.row() == case.id.as_str()));
    let servers = selected.map(|case| {
        let built_in = |name: &str| names.built_in(name);
        let var = |name: &str| template::substitute_value(case.vars.get(name)?, &built_in).ok();
        let name = template::substitute(&pattern.to_owned(), &|name| var(name).or_else(|| built_in(name)))?;
        Ok((own_actor(actor, case.id.as_str()), Player::Virtual(field.world.server_spelt(&names.spell(&name)))))
    });
    servers.collect()
}

fn homeserver(instance: &Instance, part: Part) -> Result<fedproof_deployment::Homeserver, StepError> {
    match part {
        Part::Subject => Ok(instance.servers.subject.clone()),
        Part::Other => {
            let missing = || StepError::broken("the deployment has only one homeserver");
            instance.servers.other.clone().ok_or_else(missing)
        }
        Part::Shut => {
            let missing = || StepError::broken("no homeserver of the deployment is shut");
            instance.servers.shut.clone().ok_or_else(missing)
        }
    }
}

/// Ends what the scenario left behind: faults, homeservers that were halted, stopped or upgraded, names (R6).
async fn leave(instance: &Instance, stage: &Stage) {
    if instance.scenario.scenario.exclusive {
        let servers = &instance.servers;
        for homeserver in std::iter::once(&servers.subject).chain(&servers.other) {
            let mended = async {
                homeserver.undo_upgrade().await?;
                if homeserver.is_running() {
                    homeserver.resume().await?;
                }
                homeserver.start().await
            };
            if let Err(error) = mended.await {
                tracing::warn!(homeserver = homeserver.name(), %error, "set a homeserver going again");
            }
        }
    }
    for (_, fault) in stage.faults.lock().unwrap_or_else(PoisonError::into_inner).drain() {
        stage.gateway.heal(fault);
    }
    for player in stage.cast.values() {
        if let Player::Virtual(server) = player {
            stage.gateway.retire(server.name());
        }
    }
}

/// The phases, with the instance's mutant in force if it has one.
async fn play_on(instance: &Instance, stage: &Stage, rows: &mut [Row<'_>]) {
    let subject = &instance.servers.subject;
    let Some(mutant) = &instance.mutant else {
        return play_phases(instance, stage, rows).await;
    };
    if let Err(error) = mutant.seed(stage, subject).await {
        return set_aside(rows, Verdict::Inconclusive, &format!("the mutant could not be switched on: {error}"));
    }
    play_phases(instance, stage, rows).await;
    if let Err(error) = mutant.heal(stage, subject).await {
        tracing::warn!(mutant = mutant.id, %error, "switch a mutant off");
    }
}

async fn play_phases(instance: &Instance, stage: &Stage, rows: &mut [Row<'_>]) {
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
    let asked: Vec<bool> = rows.iter().map(|row| row.ruling.is_open()).collect();
    let shared = play_shared(file, stage, phase, scope, rows).await;
    let part = began.elapsed() / u32::try_from(asked.iter().filter(|open| **open).count().max(1)).unwrap_or(u32::MAX);
    rows.iter_mut().zip(asked).filter(|(_, open)| *open).for_each(|(row, _)| row.spent += part);
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

/// Last segment of the case's row.
fn slug(info: &CaseInfo) -> String {
    info.row().rsplit('/').next().unwrap_or_default().to_owned()
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
                    let reason = format!("the server does not offer this: the control was answered {seen}");
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

fn answer_in_words(answer: &crate::outcome::Answer) -> String {
    match answer.errcode() {
        Some(errcode) => format!("{} {errcode}", answer.status),
        None => answer.status.to_string(),
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

fn phase_outcome(phase: &Phase, ok: bool, done: Option<&Done>) -> PhaseOutcome {
    let answer = done.and_then(|done| done.answer.as_ref());
    PhaseOutcome {
        phase: phase.phase.clone(),
        role: phase.role,
        ok,
        status: answer.map(|answer| answer.status),
        errcode: answer.and_then(|answer| answer.errcode().map(str::to_owned)),
        exchange: answer.map(|answer| answer.exchange.id),
    }
}

fn failure(file: &str, scene: Scene<'_>, phase: &Phase, step: &At<Step>, error: &StepError) -> Failure {
    let (expected, seen) = match error {
        StepError::Unmet { expected, seen, .. } => (expected.clone(), seen.clone()),
        StepError::Broken { reason, .. } | StepError::Moot { reason, .. } => {
            ("the step can be carried out".to_owned(), reason.clone())
        }
    };
    Failure {
        phase: phase.phase.clone(),
        step: in_words(scene, step),
        location: Location { file: file.to_owned(), line: step.line() },
        expected,
        seen,
        exchanges: error.exchanges().to_vec(),
    }
}

/// A step as one would say it: `denied request GET /…`.
fn in_words(scene: Scene<'_>, step: &Step) -> String {
    let verb = step.verbs().first().map_or("nothing", |(name, _)| name);
    let what = match (&step.request, &step.eventually, &step.never) {
        (Some(request), ..) => match scene.resolve_request(request) {
            Ok((request, path)) => format!(" {} {path}", request.method),
            Err(_) => format!(" {} {}", request.method, request.path),
        },
        (None, Some(condition), _) | (None, None, Some(condition)) => {
            let resolved = scene.resolve(condition).unwrap_or_else(|_| condition.clone());
            format!(" {}", crate::verb::condition::in_words(&resolved))
        }
        (None, None, None) => step.native.as_ref().map_or_else(String::new, |native| format!(" {}", native.check)),
    };
    let actor = step.actor.as_ref().map(|actor| scene.resolve(actor).unwrap_or_else(|_| actor.clone()));
    match actor {
        Some(actor) => format!("{actor} {verb}{what}"),
        None => format!("{verb}{what}"),
    }
}
