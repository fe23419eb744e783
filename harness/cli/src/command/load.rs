//! `fedproof load`: load on a deployment, and what it costs.

use super::{
    load_against::Other,
    load_attached::load_attached,
    load_shard::shard_of_environment,
    load_standing::{Placed, keep_statements},
};
use crate::{
    args::{Format, Load},
    error::CliError,
    ground::{self, Ground},
    identity::{draw_seed, now, run_id},
    interrupt,
    project::Project,
    stdout,
    work::work_folder,
};
use fedproof_deployment::LOOPBACK;
use fedproof_load::{Against, Outcome, Place, Setting, Shard, Workload};
use fedproof_report::load as report;
use fedproof_results::{
    ServerInfo, exit,
    load::{LOAD_SCHEMA, LoadRecord, LoadVerdict, Standing},
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

/// Runs a workload; the exit code says whether its thresholds held.
pub(crate) async fn load(project: &Project, args: Load) -> Result<u8, CliError> {
    let workload = workload(project, &args)?;
    let shard = args.shard.or(shard_of_environment()?).unwrap_or(Shard::WHOLE);
    if shard != Shard::WHOLE && args.seed.is_none() {
        return Err(CliError::bad_input(
            "a shard (--shard) needs --seed, the same as all others: its part is drawn from it",
        ));
    }
    if let Some(file) = &args.attach {
        return load_attached(&workload, shard, file, &args).await;
    }
    let mut place = args.place.clone();
    place.deployment = place.deployment.or_else(|| workload.deployment.clone());
    let description = ground::describe(project, &place)?;
    let deployment = place.deployment.as_deref().unwrap_or(ground::DEFAULT);
    let other = Other::of(project, &args, shard, deployment)?;
    let is_one_of_many = shard != Shard::WHOLE || args.start_at.is_some();
    if workload.search.is_some() && (other.is_some() || args.rate.is_some() || is_one_of_many) {
        let message = format!(
            "{} looks for its rate itself, in one process: no --rate, --against, --shard, --start-at",
            args.workload
        );
        return Err(CliError::bad_input(message));
    }
    let seed = args.seed.unwrap_or_else(draw_seed);
    let id = run_id();
    let out = out_folder(&args, &id)?;
    let work = work_folder(&id, &out, false)?;
    let interrupted = interrupt::watch_beside_goose();
    let started_at = now();
    let bar = bar();
    let notify: fedproof_deployment::Notify = {
        let bar = bar.clone();
        Arc::new(move |server, message| match server {
            Some(server) => bar.println(format!("{server}: {message}")),
            None => bar.println(message),
        })
    };
    let logs = out.join("logs");
    let start = async |description, part: &str| {
        let folders = (work.path().join(part), logs.join(part));
        let folders = (&*folders.0, &*folders.1);
        Ground::start(project, description, folders, seed, notify.clone(), &interrupted, LOOPBACK).await
    };
    let ground = start(&description, "").await?;
    let other = match other {
        Some(other) => {
            let ground = start(&other.description, "b").await?;
            other.mutate(&ground, &args).await?;
            Some((other, ground))
        }
        None => None,
    };
    let grounds: Vec<&Ground> = [&ground].into_iter().chain(other.as_ref().map(|(_, ground)| ground)).collect();
    let placed = Placed::place(args.cores.unwrap_or(description.cores), &grounds);
    let servers = ground.servers();
    let progress = |what: &str, done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        bar.set_message(what.to_owned());
    };
    let setting = Setting {
        place: played_on(&ground),
        seed,
        label: format!("l{:04x}", seed & 0xffff),
        shard,
        start_at: args.start_at,
        out: &out,
        interrupted: interrupted.clone(),
        progress: &progress,
    };
    let mut of_b = None;
    let ran = match (other, workload.search) {
        (None, None) => fedproof_load::run(&workload, setting).await.map(|outcome| (outcome, None, None)),
        (None, Some(search)) => {
            let found = fedproof_load::find_limit(&workload, search, setting).await;
            found.map(|(outcome, limit)| (outcome, None, Some(limit)))
        }
        (Some((other, ground)), _) => {
            let (under_test, pairs) = (other.names.clone(), args.pairs);
            let against = Against { place: played_on(&ground), under_test, pairs, cores: placed.server_cores() };
            let compared = fedproof_load::compare(&workload, setting, against).await;
            let servers = ground.servers();
            of_b = Some(placed.standing(&ground));
            ground.stop().await;
            compared.map(|paired| other.told(servers, paired)).map(|(outcome, told)| (outcome, Some(told), None))
        }
    };
    bar.finish_and_clear();
    let mut standing = placed.standing(&ground);
    of_b.into_iter().for_each(|of_b| standing.join(of_b));
    keep_statements(&ground, &out, "postgresql.json").await?;
    ground.stop().await;
    let (outcome, comparison, limit) = match ran {
        Ok(ran) => ran,
        Err(_) if *interrupted.borrow() => return Ok(exit::INTERRUPTED),
        Err(error) => return Err(CliError::environment(format!("failed to {error}"))),
    };
    let deployment = description.name.clone();
    let about = About { run_id: id, started_at, seed, shard, start_at: unix(args.start_at), deployment, servers };
    let record = LoadRecord { comparison, limit, standing, ..record(&workload, about, outcome) };
    conclude(&out, &record, args.format, *interrupted.borrow())
}

/// Where the results go: a folder that is there and holds none.
pub(super) fn out_folder(args: &Load, id: &str) -> Result<PathBuf, CliError> {
    let out = args.out.clone().unwrap_or_else(|| Path::new("fedproof-results").join(format!("load-{id}")));
    if out.join("load.json").exists() {
        return Err(CliError::bad_input(format!(
            "{} holds a load run already: choose another folder with --out",
            out.display()
        )));
    }
    std::fs::create_dir_all(&out).map_err(|error| written(&out, &error))?;
    Ok(out)
}

/// Writes and prints the record; gives the exit code.
pub(super) fn conclude(out: &Path, record: &LoadRecord, format: Format, interrupted: bool) -> Result<u8, CliError> {
    write(out, record)?;
    match format {
        Format::Json => stdout::json(record),
        Format::Text => stdout::print(report::summary(record).trim_end()),
    }
    Ok(exit_code(record, interrupted))
}

fn played_on(ground: &Ground) -> Place {
    Place {
        homeservers: ground.field.homeservers.clone(),
        gateway: ground.field.gateway.clone(),
        world: ground.field.world.clone(),
    }
}

/// The workload that the command line means, as it wants it.
fn workload(project: &Project, args: &Load) -> Result<Workload, CliError> {
    let folder = project.fixtures().join("workloads");
    let named = folder.join(format!("{}.yaml", args.workload));
    let file = if named.is_file() { named } else { args.workload.clone().into() };
    if !file.is_file() {
        let known = ground::names(&folder).join(", ");
        let message = format!(
            "there is no workload {:?}: neither a file nor one of {known} in fixtures/workloads",
            args.workload
        );
        return Err(CliError::bad_input(message));
    }
    let mut workload = Workload::read(&file).map_err(|error| CliError::bad_input(error.to_string()))?;
    if let Some(users) = args.users {
        workload.population.users = users;
        workload.population.watchers = workload.population.watchers.min(users);
    }
    if let Some(seconds) = args.duration {
        workload = workload.lasting(Duration::from_secs_f64(seconds));
    }
    if let Some(rate) = args.rate {
        if workload.peak() == 0.0 {
            return Err(CliError::bad_input(format!(
                "--rate: workload {} has no phase with a rate",
                workload.workload
            )));
        }
        workload = workload.at_rate(rate);
    }
    Ok(workload)
}

/// Who and when.
pub(super) struct About {
    pub(super) run_id: String,
    pub(super) started_at: String,
    pub(super) seed: u64,
    pub(super) shard: Shard,
    pub(super) deployment: String,
    pub(super) servers: Vec<ServerInfo>,
    /// When the load was to begin, in Unix seconds.
    pub(super) start_at: Option<f64>,
}

/// In seconds since 1970.
pub(super) fn unix(at: Option<SystemTime>) -> Option<f64> {
    at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok()).map(|since| since.as_secs_f64())
}

pub(super) fn record(workload: &Workload, about: About, outcome: Outcome) -> LoadRecord {
    let operations = outcome.figures();
    LoadRecord {
        schema: LOAD_SCHEMA.to_owned(),
        run_id: about.run_id,
        started_at: about.started_at,
        suite_version: env!("CARGO_PKG_VERSION").to_owned(),
        workload: workload.workload.clone(),
        about: workload.about.clone(),
        workload_digest: workload.digest(),
        start_at: about.start_at,
        deployment: about.deployment,
        seed: about.seed,
        shard: (about.shard != Shard::WHOLE).then(|| about.shard.into()),
        attached: None,
        troubles: outcome.troubles,
        valid: outcome.invalid_because.is_empty(),
        invalid_because: outcome.invalid_because,
        complete: outcome.stopped_because.is_empty(),
        stopped_because: outcome.stopped_because,
        standing: Standing::default(),
        servers: about.servers,
        thresholds: outcome.thresholds,
        operations,
        work: outcome.work,
        phases: outcome.phases,
        lost: outcome.lost,
        timeline: outcome.timeline,
        resources: outcome.resources,
        unsent: outcome.unsent,
        generator: outcome.generator,
        invariants: outcome.invariants,
        comparison: None,
        limit: None,
    }
}

pub(super) fn exit_code(record: &LoadRecord, interrupted: bool) -> u8 {
    match record.verdict() {
        _ if interrupted => exit::INTERRUPTED,
        LoadVerdict::Held => exit::QUALIFIED,
        LoadVerdict::Broken | LoadVerdict::Slower => exit::NOT_QUALIFIED,
        LoadVerdict::Unclear | LoadVerdict::StoppedEarly | LoadVerdict::Invalid => exit::INCONCLUSIVE,
    }
}

/// Everything that is made of the record, each file in one piece; the record last, so that it speaks for the others.
pub(super) fn write(out: &Path, record: &LoadRecord) -> Result<(), CliError> {
    let json = |value: &serde_json::Value| serde_json::to_string_pretty(value).unwrap_or_default();
    let files = [
        ("load.html", report::html(record)),
        ("bencher.json", json(&report::bencher(record))),
        ("github-action-benchmark.json", json(&report::github(record))),
        ("load.json", serde_json::to_string(record).unwrap_or_default()),
    ];
    for (name, text) in files {
        let (path, partial) = (out.join(name), out.join(format!("{name}.partial")));
        let done = std::fs::write(&partial, text).and_then(|()| std::fs::rename(&partial, &path));
        done.map_err(|error| written(&path, &error))?;
    }
    Ok(())
}

pub(super) fn written(path: &Path, error: &std::io::Error) -> CliError {
    CliError::environment(format!("failed to write {}: {error}", path.display()))
}

pub(super) fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{msg:20} {wide_bar} {pos}/{len} {elapsed}") {
        bar.set_style(style);
    }
    bar
}
