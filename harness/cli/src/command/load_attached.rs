//! `fedproof load --attach`: load on a deployment that runs already.

use super::load::{About, bar, conclude, out_folder, record, unix};
use crate::{
    args::Load,
    error::CliError,
    ground::http_client,
    identity::{draw_seed, now, run_id},
    interrupt,
};
use fedproof_client::Endpoint;
use fedproof_deployment::{Connected, Connection, ConnectionError};
use fedproof_gateway::Gateway;
use fedproof_load::{Home, Place, Setting, Shard, Workload};
use fedproof_results::{
    ServerInfo, exit,
    load::{LoadRecord, Standing},
};
use fedproof_virtual::World;
use std::{
    path::Path,
    time::{Duration, SystemTime},
};
use tokio::{sync::watch, time::Instant};

/// How often it is looked whether the connection file is there. It may come over a network's file system, which tells
/// nobody of new files.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Runs a workload on the deployment that a connection file names; the exit code is that of every load.
pub(super) async fn load_attached(workload: &Workload, shard: Shard, file: &Path, args: &Load) -> Result<u8, CliError> {
    let interrupted = interrupt::watch_beside_goose();
    let within = Duration::from_secs_f64(args.attach_within.unwrap_or_default());
    let Connection { id: attached, deployment, homeservers, .. } = connection(file, within, &interrupted).await?;
    let seed = args.seed.unwrap_or_else(draw_seed);
    let gateway = Gateway::new().map_err(|error| CliError::environment(format!("failed to {error}")))?;
    let http = http_client()?;
    if let Some(one) = homeservers.iter().find(|one| !one.accounts.are_open()) {
        let message = "load makes its users by open registration, and leaves them: {} has other `accounts`";
        return Err(CliError::bad_input(message.replace("{}", &one.name)));
    }
    let attach = |one: &Connected| {
        let endpoint =
            Endpoint::new(http.clone(), &one.base_url, one.server_name.clone(), gateway.transcript().clone());
        Home::attach(one.clone(), endpoint)
    };
    let homes: Vec<Home> = homeservers.iter().map(attach).collect();
    let refusals = fedproof_load::refusals(workload, &homes, shard);
    if !refusals.is_empty() {
        let message = format!("{} cannot be played with --attach: {}", workload.workload, refusals.join("; "));
        return Err(CliError::bad_input(message));
    }
    let (run_id, started_at) = (run_id(), now());
    let out = out_folder(args, &run_id)?;
    let bar = bar();
    let progress = |what: &str, done: usize, all: usize| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
        bar.set_message(what.to_owned());
    };
    let setting = Setting {
        place: Place { homeservers: homes, world: World::new(gateway.clone(), seed), gateway },
        seed,
        label: label(seed, shard),
        shard,
        start_at: args.start_at,
        out: &out,
        interrupted: interrupted.clone(),
        progress: &progress,
    };
    let ran = fedproof_load::run(workload, setting).await;
    bar.finish_and_clear();
    let outcome = match ran {
        Ok(outcome) => outcome,
        Err(_) if *interrupted.borrow() => return Ok(exit::INTERRUPTED),
        Err(error) => return Err(CliError::environment(format!("failed to {error}"))),
    };
    let servers = homeservers.iter().map(info).collect();
    let about = About { run_id, started_at, seed, shard, start_at: unix(args.start_at), deployment, servers };
    let (attached, standing) = (Some(attached), standing(&homeservers));
    let record = LoadRecord { attached, standing, ..record(workload, about, outcome) };
    conclude(&out, &record, args.format, *interrupted.borrow())
}

/// Reads the connection file, once it is there.
async fn connection(
    file: &Path,
    within: Duration,
    interrupted: &watch::Receiver<bool>,
) -> Result<Connection, CliError> {
    let began = Instant::now();
    loop {
        match Connection::read(file) {
            Err(ConnectionError::Unreadable { source, .. })
                if source.kind() == std::io::ErrorKind::NotFound && began.elapsed() < within => {}
            read => return read.map_err(|error| CliError::bad_input(format!("failed to {error}"))),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = interrupt::signalled(interrupted) => return Err(CliError::interrupted()),
        }
    }
}

/// Part of every name: no two shards on a deployment have the same, nor do two loads one after the other.
fn label(seed: u64, shard: Shard) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    format!("l{:04x}s{}t{:x}", seed & 0xffff, shard.index, now.as_millis())
}

fn info(one: &Connected) -> ServerInfo {
    ServerInfo {
        name: one.name.clone(),
        spec: one.spec.clone(),
        implementation: one.implementation.clone(),
        version: one.version.clone(),
        server_name: one.server_name.to_string(),
        digest: one.digest.clone(),
        upgrade_to: None,
    }
}

/// What figures are taken on. Who runs on which cores is the business of whoever started the homeservers.
fn standing(homeservers: &[Connected]) -> Standing {
    let databases = homeservers.iter().map(|one| (one.name.clone(), one.database.clone())).collect();
    let mut standing = Standing::new(databases, Default::default(), None);
    standing.gates = false;
    standing.because.push("the deployment was attached to: which cores its homeservers have is not known".to_owned());
    standing
}
