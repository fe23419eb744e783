//! One load run: set up once, played once.

use crate::{
    Home,
    outcome::Outcome,
    play::{Play, Start},
    population::PopulationError,
    schedule::Shard,
    session::Session,
    stage::{Stage, WATCHERS_LIMIT},
    workload::Workload,
};
use fedproof_gateway::Gateway;
use fedproof_results::load::ShardOf;
use fedproof_virtual::World;
use std::{path::Path, time::SystemTime};
use tokio::sync::watch;

/// Why a load could not be run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The population could not be set up.
    #[error("set up the population: {0}")]
    Population(#[from] PopulationError),
    /// Transactions could not be signed ahead.
    #[error("sign ahead: {0}")]
    Virtual(#[from] fedproof_virtual::VirtualError),
    /// Goose would not begin, or ended before its time.
    #[error("drive the load: {0}")]
    Goose(String),
    /// The interval log could not be written.
    #[error("write the interval log: {0}")]
    Log(#[from] std::io::Error),
    /// The HTTP client could not be set up.
    #[error("set up the HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    /// It ended before anything had been played.
    #[error("play anything: {why}")]
    NoPlay {
        /// Why it ended.
        why: String,
    },
    /// Watchers did not begin.
    #[error("{begun} of {of} watchers had their first /sync within {} s", WATCHERS_LIMIT.as_secs())]
    Watchers {
        /// How many did.
        begun: usize,
        /// How many there are.
        of: usize,
    },
}

/// A deployment that is up. One that somebody else started has a gateway of its own; then the one here is nobody's, and
/// there are no virtual servers.
pub struct Place {
    /// The homeservers; the first is the one under test.
    pub homeservers: Vec<Home>,
    /// Through which they federate.
    pub gateway: Gateway,
    /// The virtual servers.
    pub world: World,
}

/// What a load runs on and with.
pub struct Setting<'a> {
    /// The deployment.
    pub place: Place,
    /// Seed of everything random.
    pub seed: u64,
    /// Part of every name.
    pub label: String,
    /// Which part of the arrivals is ours.
    pub shard: Shard,
    /// When the first arrival's clock begins, if all shards are to begin together.
    pub start_at: Option<SystemTime>,
    /// Where `load.hlog` goes.
    pub out: &'a Path,
    /// Becomes true when the load is to stop.
    pub interrupted: watch::Receiver<bool>,
    /// Told of progress: what, how much of how much.
    pub progress: &'a (dyn Fn(&str, usize, usize) + Send + Sync),
}

/// Sets something up, unless the load is interrupted meanwhile.
pub(crate) async fn unless<T>(
    interrupted: &watch::Receiver<bool>,
    setting_up: impl Future<Output = Result<T, LoadError>>,
) -> Result<T, LoadError> {
    let mut interrupted = interrupted.clone();
    tokio::select! {
        biased;
        Ok(_) = interrupted.wait_for(|interrupted| *interrupted) => {
            Err(LoadError::NoPlay { why: "interrupted".to_owned() })
        }
        ready = setting_up => ready,
    }
}

/// Runs a workload.
///
/// # Errors
/// [`LoadError`], if it could not begin; what goes wrong later is in the figures.
pub async fn run(workload: &Workload, setting: Setting<'_>) -> Result<Outcome, LoadError> {
    let Setting { place, seed, label, shard, start_at, out, interrupted, progress } = setting;
    let (stage, session) = unless(&interrupted, async {
        let stage = Stage::set_up(workload, place, &label, progress).await?;
        let session = Session::begin(vec![stage.clone()], workload.workers).await?;
        Ok((stage, session))
    })
    .await?;
    let log = &out.join("load.hlog");
    let start = start_at.map_or(Start::Soon, Start::At);
    let play = Play { workload, seed, label, shard, start, log, interrupted, progress };
    let outcome = play.on(&stage, &session).await?;
    session.end().await?;
    Ok(Outcome { invariants: stage.invariants().await, ..outcome })
}

impl From<Shard> for ShardOf {
    fn from(shard: Shard) -> Self {
        Self { index: shard.index, count: shard.count }
    }
}
