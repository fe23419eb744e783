//! One instance: its actors come to life, its phases are played, and what it leaves behind is ended.

use crate::{
    actor::{AgentPlayer, Cast, Player},
    names::Names,
    outcome::StepError,
    phases::play_phases,
    plan::Instance,
    row::{Row, result, row, set_aside, share},
    run::{Field, Options},
    scope::own_actor,
    standing::Court,
    step::Stage,
};
use fedproof_agent::Agent;
use fedproof_deployment::Home;
use fedproof_gateway::{Document, Front};
use fedproof_results::{SubjectResult, Verdict};
use fedproof_scenario::{
    model::{Actor, Part},
    template,
};
use serde_json::Value;
use std::{
    sync::{Mutex, PoisonError, atomic::AtomicU64},
    time::{Duration, Instant},
};

/// Bound of a whole instance, against hanging; its waits end long before.
const INSTANCE_LIMIT: Duration = Duration::from_secs(240);
/// The same for each pair that the command line asks of the property check.
const PAIR_LIMIT: Duration = Duration::from_millis(100);

/// Plays an instance and gives the result of each of its cases.
pub(crate) async fn play(instance: &Instance, field: &Field, options: &Options) -> Vec<(String, SubjectResult)> {
    let mut rows: Vec<Row<'_>> = instance.cases.iter().filter_map(|info| row(instance, info, options)).collect();
    if let Some((verdict, reason)) = &instance.set_aside {
        set_aside(&mut rows, *verdict, reason);
    } else if rows.iter().any(|row| row.ruling.is_open()) {
        let began = Instant::now();
        let entered = enter(instance, field, options).await;
        share(rows.iter_mut().filter(|row| row.ruling.is_open()), began.elapsed());
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
        let own_name = format!("{}-{}", name.to_lowercase(), instance.id);
        let on_homeserver = |on: &String| match actors.get(on) {
            Some(Actor::Homeserver(part)) => homeserver(instance, *part),
            _ => Err(StepError::broken(format!("{name} is on {on:?}, which is no homeserver"))),
        };
        let player = match actor {
            Actor::Homeserver(part) => Player::Homeserver(homeserver(instance, *part)?),
            Actor::Client(on) => Player::Client(on_homeserver(on)?.endpoint().register(&own_name).await?.into()),
            Actor::Front(on) => {
                let server = on_homeserver(on)?.server_name().clone();
                let front = field.gateway.open_front(server, &own_name).await?;
                serve_documents(&front, field, options);
                Player::Front(front)
            }
            Actor::Agent(of) => Player::Agent(start_agent(instance, field, name, of).await?.into()),
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
        court: Court::new(field, options),
        diary: field.diary.clone(),
        seed: options.seed,
        pairs: options.pairs,
        client: field.client.as_ref().map(|client| client.hello.clone()),
        settings: options.settings.clone(),
        mark: field.gateway.transcript().len(),
        mark_begun: field.gateway.transcript().begun().len(),
        counter: AtomicU64::new(0),
        faults: Mutex::default(),
    })
}

/// The path that a document is served at: written as such, or as the setting that names it.
pub(crate) fn path_of<'a>(place: &'a str, settings: &'a Value) -> Option<&'a str> {
    if place.starts_with('/') {
        return Some(place);
    }
    settings.pointer(&format!("/{}", place.replace('.', "/")))?.as_str()
}

/// Has a front end serve what the deployment's does.
fn serve_documents(front: &Front, field: &Field, options: &Options) {
    for (place, body) in &field.description.documents {
        match path_of(place, &options.settings) {
            Some(path) => front.serve(path, Document::Answer { status: 200, body: body.clone() }),
            // Under a profile that names no path for it, nobody can ask for it.
            None => tracing::debug!(place, "a document without a path"),
        }
    }
}

/// Starts a client under test, with a folder of its own.
async fn start_agent(instance: &Instance, field: &Field, name: &str, of: &str) -> Result<AgentPlayer, StepError> {
    let client = field.client.as_ref().ok_or_else(|| StepError::broken("no client is under test"))?;
    let own = format!("{}-{name}", instance.id);
    let record = client.records.join(format!("{own}.jsonl"));
    let mutant = instance.mutant.as_ref().and_then(|mutant| mutant.of_agent());
    let agent = Agent::start(&client.program, &client.work.folder().join(&own), &record, mutant).await?;
    Ok(AgentPlayer { name: name.to_owned(), of: of.to_owned(), agent })
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

fn homeserver(instance: &Instance, part: Part) -> Result<Home, StepError> {
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

/// Ends what the scenario left behind: faults, homeservers that were halted, stopped or upgraded, names (R6), accounts
/// that are lent. Front ends close with the stage.
async fn leave(instance: &Instance, stage: &Stage) {
    if instance.scenario.scenario.exclusive {
        let servers = &instance.servers;
        for homeserver in std::iter::once(&servers.subject).chain(&servers.other).filter_map(Home::booted) {
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
        match player {
            Player::Virtual(server) => stage.gateway.retire(server.name()),
            Player::Client(client) => client.release().await,
            _ => {}
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
