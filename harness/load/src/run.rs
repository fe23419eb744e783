//! One load run, from an empty deployment to its figures.

use crate::{
    agenda::{Agenda, Turn},
    context::Context,
    drive::{Crew, drive},
    hlog,
    judge::{Figures, doubts},
    ledger::{Ledger, MARK},
    perform::lock,
    population::{Population, PopulationError},
    prepare::Transactions,
    recorder::Recorder,
    resources::{self, Counters, Sampler},
    schedule::{self, Arrival, Shard},
    series::Series,
    workload::Workload,
};
use fedproof_core::invariant::{RULES, Transcribed};
use fedproof_deployment::Homeserver;
use fedproof_gateway::Gateway;
use fedproof_results::load::{
    Generator, InvariantResult, PhaseSpan, ResourceSample, Second, ShardOf, ThresholdResult, Work,
};
use fedproof_virtual::World;
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};
use tokio::{sync::watch, time::Instant};

/// Exchanges that are kept for the invariants.
const KEPT: u64 = 3_000;
/// How long watchers and virtual servers may take to see what was sent last.
const DRAIN: Duration = Duration::from_secs(15);
/// From the last step of setting up to the first arrival: workers and watchers begin in it.
const LEAD: Duration = Duration::from_millis(500);
/// How long watchers may take for their first sync.
const WATCHERS_LIMIT: Duration = Duration::from_secs(120);
/// Breaches of an invariant that are told.
const BREACHES: usize = 5;

/// Why a load could not be run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The population could not be set up.
    #[error("set up the population: {0}")]
    Population(#[from] PopulationError),
    /// Transactions could not be signed ahead.
    #[error("sign ahead: {0}")]
    Virtual(#[from] fedproof_virtual::VirtualError),
    /// Goose would not begin.
    #[error("start goose: {0}")]
    Goose(#[from] goose::GooseError),
    /// The interval log could not be written.
    #[error("write the interval log: {0}")]
    Log(#[from] std::io::Error),
    /// The HTTP client could not be set up.
    #[error("set up the HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    /// Watchers did not begin.
    #[error("{begun} of {of} watchers had their first /sync within {} s", WATCHERS_LIMIT.as_secs())]
    Watchers {
        /// How many did.
        begun: usize,
        /// How many there are.
        of: usize,
    },
}

/// What a load runs on and with.
pub struct Setting<'a> {
    /// The homeservers; the first is the one under test.
    pub homeservers: &'a [Homeserver],
    /// Through which they federate.
    pub gateway: Gateway,
    /// The virtual servers.
    pub world: World,
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

/// What a load brought, without who and when.
pub struct Outcome {
    /// Why the figures must not be believed.
    pub invalid_because: Vec<String>,
    /// Why it stopped early, or empty.
    pub stopped_because: String,
    /// What had to hold.
    pub thresholds: Vec<ThresholdResult>,
    /// The latencies.
    pub recorder: Arc<Recorder>,
    /// Length of the measured phases, in seconds.
    pub measured_seconds: f64,
    /// What the work cost.
    pub work: Vec<Work>,
    /// The phases.
    pub phases: Vec<PhaseSpan>,
    /// Messages that were not seen.
    pub lost: u64,
    /// By second.
    pub timeline: Vec<Second>,
    /// By second.
    pub resources: Vec<ResourceSample>,
    /// The generator.
    pub generator: Generator,
    /// The invariants.
    pub invariants: Vec<InvariantResult>,
}

/// Runs a workload.
///
/// # Errors
/// [`LoadError`], if it could not begin; what goes wrong later is in the figures.
pub async fn run(workload: &Workload, setting: Setting<'_>) -> Result<Outcome, LoadError> {
    let Setting { homeservers, gateway, world, seed, label, shard, start_at, out, mut interrupted, progress } = setting;
    let transcript = gateway.transcript().clone();
    let population = Population::set_up(workload, homeservers, &world, &label, progress).await?;
    let arrivals = schedule::arrivals(workload, seed, shard);
    let transactions = Transactions::prepare(&population, &arrivals, seed, &label, progress)?;
    // What setting up brought is kept whole, and so much of the load.
    transcript.keep_at_most(transcript.len() + KEPT);
    let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).pool_max_idle_per_host(usize::MAX).build()?;
    let recorder = Arc::new(Recorder::default());
    let ledger = Arc::new(Ledger::new(recorder.clone()));
    let spent = Arc::new(Spent::new(&population.homeservers));
    tap(&gateway, &ledger, &spent, &label);
    let phases = spans(workload, &arrivals);
    let begins = schedule::begins(workload);
    let agenda = Arc::new(Agenda::new(arrivals, closed_turns(workload, &begins, shard)));
    let watchers = population.watchers;
    let context = Arc::new(Context {
        since: population.users.iter().map(|_| Mutex::default()).collect(),
        workload: workload.clone(),
        population,
        world,
        agenda,
        recorder: recorder.clone(),
        ledger: ledger.clone(),
        transactions,
        http,
        seed,
        label,
        newest: Mutex::default(),
        media: Mutex::default(),
        over: watch::Sender::new(false),
        watching: watch::Sender::new(0),
        watch_errors: Mutex::default(),
    });
    let driving = tokio::spawn({
        let crew = Crew::of(&context);
        async move { drive(crew).await }
    });
    let mut begun = context.watching.subscribe();
    let all_begun = begun.wait_for(|begun| *begun >= watchers);
    if tokio::time::timeout(WATCHERS_LIMIT, all_begun).await.is_err() {
        let begun = *context.watching.borrow();
        return Err(LoadError::Watchers { begun, of: watchers });
    }
    let start = start_at.map_or(LEAD, |at| at.duration_since(SystemTime::now()).unwrap_or_default());
    let (began, began_at) = (Instant::now() + start, SystemTime::now() + start);
    context.agenda.begin(began);
    let log = hlog::Writer::create(&out.join("load.hlog"), began_at)?;
    tokio::time::sleep_until(began).await;
    let mut observer = Observer {
        context: &context,
        spent: &spent,
        log: &log,
        sampler: Sampler::new(),
        timeline: Vec::new(),
        resources: Vec::new(),
        work: BTreeMap::new(),
        began,
    };
    let stopped_because = tokio::select! {
        stopped = observer.observe(&phases, progress) => stopped,
        _ = interrupted.wait_for(|interrupted| *interrupted) => "interrupted".to_owned(),
    };
    // What is due and was not begun is not begun any more; what is under way may end.
    let abandoned = context.agenda.stop() as u64;
    let settled = async {
        context.agenda.idle().await;
        ledger.settled().await;
    };
    let _ = tokio::time::timeout(DRAIN, settled).await;
    observer.last_second();
    let Observer { timeline, resources, work, .. } = observer;
    context.over.send_replace(true);
    driving.await.map_err(std::io::Error::other)??;
    log.finish()?;
    let late_p99_us = lock(&context.agenda.lateness).value_at_quantile(0.99);
    let own = resources.iter().filter(|sample| sample.process == "generator");
    let generator = Generator {
        cpu_ms: resources::own().cpu_ms,
        rss_bytes: own.map(|sample| sample.rss_bytes).max().unwrap_or_default(),
        late_p99_us,
        abandoned,
        workers: workload.workers,
    };
    let measured_seconds = phases.iter().filter(|phase| phase.measured).map(|phase| phase.to - phase.from).sum();
    let mut work: Vec<Work> = work.into_values().collect();
    work.sort_by(|one, other| (&one.operation, &one.server).cmp(&(&other.operation, &other.server)));
    let lost = ledger.lost();
    let figures = Figures { recorder: &recorder, seconds: measured_seconds, work: &work, resources: &resources, lost };
    let thresholds = workload.thresholds.iter().map(|threshold| figures.judge(threshold)).collect();
    let samples: u64 = Series::all().map(|series| recorder.whole(series).len()).sum();
    let mut invalid_because = doubts(&generator, &resources, samples);
    let failed_polls = lock(&context.watch_errors).clone();
    if let Some((reason, count)) = failed_polls.first_key_value() {
        invalid_because.push(format!("{count} polls of watchers failed: {reason}"));
    }
    if abandoned > 0 && stopped_because.is_empty() {
        invalid_because.push(format!("{abandoned} operations were due and never begun: all workers were busy"));
    }
    Ok(Outcome {
        invalid_because,
        stopped_because,
        thresholds,
        recorder,
        measured_seconds,
        work,
        phases,
        lost,
        timeline,
        resources,
        generator,
        invariants: judge_invariants(&gateway, homeservers).await,
    })
}

/// The phases as reports show them.
fn spans(workload: &Workload, arrivals: &[Arrival]) -> Vec<PhaseSpan> {
    let begins = schedule::begins(workload);
    let spans = workload.phases.iter().zip(begins).enumerate().map(|(n, (phase, begin))| PhaseSpan {
        name: phase.phase.clone(),
        measured: phase.measured,
        from: begin.as_secs_f64(),
        to: begin.as_secs_f64() + phase.seconds,
        due: arrivals.iter().filter(|arrival| arrival.phase == n).count() as u64,
    });
    spans.collect()
}

/// The first turns of closed users; a shard has its share of them.
fn closed_turns(workload: &Workload, begins: &[Duration], shard: Shard) -> Vec<Turn> {
    let phases = workload.phases.iter().zip(begins).enumerate();
    let turns = phases.filter_map(|(phase, (written, begin))| Some((phase, written.closed?, *begin)));
    turns
        .flat_map(|(phase, closed, begin)| {
            let own = (0..closed.users).filter(move |user| *user as u32 % shard.count == shard.index);
            own.map(move |user| {
                // Not all at once: over the time that they think.
                let offset = closed.think_seconds * user as f64 / closed.users as f64;
                Turn { due: begin + Duration::from_secs_f64(offset), phase, user }
            })
        })
        .collect()
}

/// What homeservers sent to others, by position among the homeservers.
struct Spent {
    names: Vec<String>,
    requests: Vec<AtomicU64>,
    bytes: Vec<AtomicU64>,
}

impl Spent {
    fn new(homeservers: &[Homeserver]) -> Self {
        let count = || homeservers.iter().map(|_| AtomicU64::new(0)).collect();
        let names = homeservers.iter().map(|one| one.server_name().to_string()).collect();
        Self { names, requests: count(), bytes: count() }
    }
}

/// Watches the traffic between servers: what each homeserver sends, and what of the load reaches virtual servers.
fn tap(gateway: &Gateway, ledger: &Arc<Ledger>, spent: &Arc<Spent>, label: &str) {
    let (ledger, spent, label) = (ledger.clone(), spent.clone(), label.to_owned());
    gateway.transcript().tap(move |exchange| {
        let Some(home) = spent.names.iter().position(|name| *name == exchange.caller) else { return };
        spent.requests[home].fetch_add(1, Ordering::Relaxed);
        if !exchange.request.is_null() {
            let bytes = serde_json::to_vec(&exchange.request).map_or(0, |body| body.len() as u64);
            spent.bytes[home].fetch_add(bytes, Ordering::Relaxed);
        }
        let is_virtual = !spent.names.iter().any(|name| *name == exchange.destination.as_str());
        if is_virtual && exchange.status() == Some(200) {
            for mark in exchange.pdus().iter().map(|pdu| &pdu["content"][MARK]).filter(|mark| mark["run"] == *label) {
                mark["n"].as_u64().into_iter().for_each(|number| ledger.delivered(number));
            }
        }
    });
}

/// Looks on while the load runs: seconds, samples, what phases cost, and whether to stop.
struct Observer<'a> {
    context: &'a Context,
    spent: &'a Spent,
    log: &'a hlog::Writer,
    sampler: Sampler,
    timeline: Vec<Second>,
    resources: Vec<ResourceSample>,
    work: BTreeMap<(String, String), Work>,
    began: Instant,
}

/// What had been spent at one moment.
struct Reading {
    counters: Vec<Counters>,
    requests: Vec<u64>,
    bytes: Vec<u64>,
    operations: u64,
}

impl Observer<'_> {
    /// Until all is over; gives why it stopped early, or nothing.
    async fn observe(&mut self, phases: &[PhaseSpan], progress: &(dyn Fn(&str, usize, usize) + Send + Sync)) -> String {
        let mut second = 0;
        self.sampler.sample(0, &self.context.population.homeservers);
        for (n, phase) in phases.iter().enumerate() {
            let before = self.reading().await;
            let phase_end = self.began + Duration::from_secs_f64(phase.to);
            let is_last = n + 1 == phases.len();
            loop {
                let tick = self.began + Duration::from_secs(second + 1);
                if tick > phase_end {
                    tokio::time::sleep_until(phase_end).await;
                    break;
                }
                tokio::time::sleep_until(tick).await;
                self.tick(second);
                second += 1;
                progress(&phase.name, second as usize, self.context.workload.duration().as_secs() as usize);
                if let Some(reason) = self.stop_reason() {
                    return reason;
                }
            }
            if is_last {
                // The last phase's work is not done before the last answer.
                let _ = tokio::time::timeout(DRAIN, self.context.agenda.drained()).await;
            }
            if phase.measured {
                let after = self.reading().await;
                self.account(n, &before, &after);
            }
        }
        String::new()
    }

    fn tick(&mut self, second: u64) {
        let (points, intervals) = self.context.recorder.tick(second);
        self.timeline.extend(points);
        self.log.write(intervals);
        self.resources.extend(self.sampler.sample(second, &self.context.population.homeservers));
    }

    /// What came after the last whole second.
    fn last_second(&mut self) {
        let second = self.began.elapsed().as_secs();
        let (points, intervals) = self.context.recorder.tick(second);
        self.timeline.extend(points);
        self.log.write(intervals);
    }

    async fn reading(&self) -> Reading {
        let asked = self.context.population.homeservers.iter().map(|one| resources::counters(&self.context.http, one));
        let count = |of: &[AtomicU64]| of.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        Reading {
            counters: futures::future::join_all(asked).await,
            requests: count(&self.spent.requests),
            bytes: count(&self.spent.bytes),
            operations: self.operations(),
        }
    }

    /// Operations that succeeded in measured phases so far.
    fn operations(&self) -> u64 {
        let operations = Series::all().filter(|series| matches!(series, Series::Of(_)));
        operations.map(|series| self.context.recorder.whole(series).len()).sum()
    }

    /// Books what a phase cost to its operation, or to the mix.
    fn account(&mut self, phase: usize, before: &Reading, after: &Reading) {
        let written = &self.context.workload.phases[phase];
        let mut operations = self.context.workload.operations(written).iter().filter(|(_, weight)| **weight > 0);
        let operation = match (operations.next(), operations.next()) {
            (Some((only, _)), None) => only.name(),
            _ => "mixed",
        };
        for (n, homeserver) in self.context.population.homeservers.iter().enumerate() {
            let key = (operation.to_owned(), homeserver.name().to_owned());
            let work = self.work.entry(key).or_insert_with(|| Work {
                server: homeserver.name().to_owned(),
                operation: operation.to_owned(),
                count: 0,
                cpu_ms: 0,
                db_transactions: None,
                events_persisted: None,
                requests: 0,
                bytes: 0,
            });
            let (one, other) = (&before.counters[n], &after.counters[n]);
            let grown = |from: Option<u64>, to: Option<u64>| Some(to?.saturating_sub(from?));
            let added = |sum: Option<u64>, more: Option<u64>| more.map(|more| sum.unwrap_or(0) + more).or(sum);
            work.count += after.operations - before.operations;
            work.cpu_ms += other.cpu_ms.saturating_sub(one.cpu_ms);
            work.db_transactions = added(work.db_transactions, grown(one.db_transactions, other.db_transactions));
            work.events_persisted = added(work.events_persisted, grown(one.events_persisted, other.events_persisted));
            work.requests += after.requests[n] - before.requests[n];
            work.bytes += after.bytes[n] - before.bytes[n];
        }
    }

    fn stop_reason(&self) -> Option<String> {
        let homeservers = self.context.population.homeservers.iter();
        if let Some(death) = homeservers.filter_map(Homeserver::died).next() {
            return Some(death);
        }
        let figures = Figures {
            recorder: &self.context.recorder,
            seconds: self.began.elapsed().as_secs_f64(),
            work: &[],
            resources: &self.resources,
            lost: 0,
        };
        let met = self.context.workload.stop_if.iter().map(|condition| figures.judge(condition)).find(|met| met.ok);
        met.map(|met| format!("stop_if {} was met", met.expression))
    }
}

/// The always-on invariants over the traffic that was kept.
async fn judge_invariants(gateway: &Gateway, homeservers: &[Homeserver]) -> Vec<InvariantResult> {
    let transcript = gateway.transcript();
    let (exchanges, whole) = (transcript.since(0), !transcript.is_full());
    let names: Vec<_> = homeservers.iter().map(|one| (one.name().to_owned(), one.server_name().clone())).collect();
    let work = move || {
        let transcribed = Transcribed::new(&exchanges);
        let judge = |(name, server): &(String, _)| {
            let results = RULES.iter().map(|(rule, judge)| {
                let judgement = judge(&transcribed, server);
                InvariantResult {
                    rule: (*rule).to_owned(),
                    server: name.clone(),
                    judged: judgement.judged as u64,
                    breaches: judgement.breaches.iter().take(BREACHES).map(|breach| breach.what.clone()).collect(),
                    whole,
                }
            });
            results.collect::<Vec<_>>()
        };
        names.iter().flat_map(judge).collect()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
}

impl From<Shard> for ShardOf {
    fn from(shard: Shard) -> Self {
        Self { index: shard.index, count: shard.count }
    }
}
