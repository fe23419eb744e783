//! One play: the phases of a workload on a stage, from the first arrival to the figures.

use crate::{
    agenda::{Agenda, Turn},
    context::Context,
    hlog,
    judge::{Figures, blind, doubts},
    ledger::Ledger,
    measured::MeasuredTime,
    observe::Observer,
    outcome::Outcome,
    perform::lock,
    prepare::Transactions,
    ready::make_ready,
    recorder::Recorder,
    resources,
    run::LoadError,
    schedule::{self, Arrival, Shard},
    series::Series,
    session::Session,
    stage::Stage,
    stretch,
    workload::{Phase, Workload},
};
use fedproof_results::load::{Generator, PhaseSpan, ThresholdResult};
use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};
use tokio::{
    sync::{Barrier, watch},
    time::Instant,
};

/// How long watchers and virtual servers may take to see what was sent last.
pub(crate) const DRAIN: Duration = Duration::from_secs(15);
/// The same, and to answer what is under way, when the load was stopped.
const DRAIN_STOPPED: Duration = Duration::from_secs(5);
/// From the last step of setting up to the first arrival.
pub(crate) const LEAD: Duration = Duration::from_millis(500);

/// When the clock of a play begins.
pub(crate) enum Start {
    /// As soon as all is set up.
    Soon,
    /// Then: all shards begin together.
    At(SystemTime),
    /// Together with another play, once both are set up, and so long after it.
    Beside(Arc<Barrier>, Duration),
}

/// What is played, and how.
pub(crate) struct Play<'a> {
    /// The phases.
    pub(crate) workload: &'a Workload,
    /// Seed of everything random in it.
    pub(crate) seed: u64,
    /// Part of its marks; no two plays on a stage have the same.
    pub(crate) label: String,
    /// Which part of the arrivals is ours.
    pub(crate) shard: Shard,
    /// When its clock begins.
    pub(crate) start: Start,
    /// The interval log.
    pub(crate) log: &'a Path,
    /// Becomes true when it is to stop.
    pub(crate) interrupted: watch::Receiver<bool>,
    /// Told of progress: what, how much of how much.
    pub(crate) progress: &'a (dyn Fn(&str, usize, usize) + Send + Sync),
}

impl Play<'_> {
    /// Plays it. The invariants are not judged here: they are about all that passed, and come once.
    pub(crate) async fn on(self, stage: &Arc<Stage>, session: &Session) -> Result<Outcome, LoadError> {
        let Self { workload, seed, label, shard, start, log, mut interrupted, progress } = self;
        let arrivals = schedule::arrivals(workload, seed, shard);
        let transactions = Transactions::prepare(&stage.population, &arrivals, seed, &label, progress)?;
        let ready = tokio::select! {
            ready = make_ready(stage, workload, &arrivals, seed, progress) => ready,
            _ = interrupted.wait_for(|interrupted| *interrupted) => Ok(()),
        };
        let recorder = Arc::new(Recorder::default());
        let ledger = Arc::new(Ledger::new(recorder.clone()));
        stage.heard.begin(&label, &ledger);
        stage.answers.begin();
        let phases = spans(workload, &arrivals);
        let closed = closed_turns(workload, &schedule::begins(workload), shard);
        let context = Arc::new(Context {
            stage: stage.clone(),
            workload: workload.clone(),
            agenda: Agenda::new(arrivals, closed),
            recorder: recorder.clone(),
            ledger: ledger.clone(),
            transactions,
            seed,
            label,
            under_way: Mutex::default(),
        });
        let beside = match &start {
            Start::Beside(both, after) => Some((both.clone(), *after)),
            _ => None,
        };
        let (start, late) = match start {
            Start::Soon => (LEAD, None),
            Start::Beside(both, after) => {
                both.wait().await;
                (LEAD + after, None)
            }
            Start::At(at) => match at.duration_since(SystemTime::now()) {
                Ok(start) => (start, None),
                Err(passed) => (Duration::ZERO, Some(passed.duration())),
            },
        };
        let (began, began_at) = (Instant::now() + start, SystemTime::now() + start);
        context.agenda.hold(stretch::stretches(workload).first().map_or(0, |first| first.phases.end));
        context.agenda.begin(began);
        session.desk(stage).open(context.clone());
        let log = hlog::Writer::create(log, began_at)?;
        let generator_before = resources::own().cpu_ms;
        let mut observer = Observer::new(&context, &log, began, phases, beside);
        let stopped_because = tokio::select! {
            stopped = observer.observe(shard, progress) => stopped,
            _ = interrupted.wait_for(|interrupted| *interrupted) => "interrupted".to_owned(),
            reason = session.broken() => reason,
        };
        // What is due and was not begun is not begun any more; what is under way may end.
        let left = context.agenda.stop();
        for arrival in &left {
            let measured = workload.phases[arrival.phase].measured;
            let waited = context.agenda.due((arrival.phase, arrival.due)).elapsed();
            let why = "never begun: all workers were waiting for answers";
            recorder.give_up(Series::Of(arrival.operation), waited, why, measured);
        }
        if !stopped_because.is_empty() {
            let settled = async {
                context.agenda.idle().await;
                ledger.settled().await;
            };
            let _ = tokio::time::timeout(DRAIN_STOPPED, settled).await;
        }
        // Whoever has no answer by now gets none: a homeserver that hangs does not keep the load from ending.
        context.agenda.cut();
        let stuck = tokio::time::timeout(DRAIN_STOPPED, context.agenda.idle()).await.is_err();
        session.desk(stage).clear();
        let mut troubles = stage.answers.silences(began);
        ledger.over();
        observer.last_second();
        let work = observer.work();
        let Observer { timeline, resources, phases, met, unsent, .. } = observer;
        log.finish()?;
        let late_p99_us = lock(&context.agenda.lateness).value_at_quantile(0.99);
        let own = resources.iter().filter(|sample| sample.process == "generator");
        let generator = Generator {
            cpu_ms: resources::own().cpu_ms.saturating_sub(generator_before),
            rss_bytes: own.map(|sample| sample.rss_bytes).max().unwrap_or_default(),
            late_p99_us,
            abandoned: left.len() as u64,
            workers: workload.workers,
        };
        let lost = ledger.lost();
        let figures = Figures {
            recorder: &recorder,
            time: &MeasuredTime::of(&phases),
            work: &work,
            resources: &resources,
            lost,
            waiting: Vec::new(),
            give_up: workload.give_up(),
        };
        let judged = workload.thresholds.iter().map(|threshold| figures.judge(threshold));
        let thresholds: Vec<ThresholdResult> = judged.chain(met).collect();
        let samples: u64 = Series::all().map(|series| recorder.whole(series).len()).sum();
        let mut invalid_because = doubts(&generator, &resources, &phases, samples);
        invalid_because.extend(ready.err().map(|reason| format!("users were not made ready: {}", reason.words)));
        if stuck {
            invalid_because.push("the generator did not end what was cut off".to_owned());
        }
        invalid_because.extend(late.map(|late| {
            format!(
                "it was set up {:.1} s after all shards were to begin: choose a later --start-at",
                late.as_secs_f64()
            )
        }));
        let broke = thresholds.iter().any(|threshold| !threshold.ok);
        if !left.is_empty() && stopped_because.is_empty() && troubles.is_empty() {
            let count = left.len();
            invalid_because.push(format!("{count} operations were due and never begun: all workers were busy"));
        }
        for (home, reason, count) in stage.failed_polls() {
            let server = stage.population.homeservers[home].name();
            invalid_because.extend(blind(server, &reason, count, broke, &mut troubles));
        }
        Ok(Outcome {
            invalid_because,
            troubles,
            stopped_because,
            thresholds,
            recorder,
            work,
            phases,
            lost,
            timeline,
            resources,
            unsent,
            generator,
            invariants: Vec::new(),
        })
    }
}

/// The phases as reports show them.
fn spans(workload: &Workload, arrivals: &[Arrival]) -> Vec<PhaseSpan> {
    let begins = schedule::begins(workload);
    let spans = workload.phases.iter().zip(begins).enumerate().map(|(n, (phase, begin))| PhaseSpan {
        name: phase.phase.clone(),
        measured: phase.measured,
        operations: came_in(workload, phase),
        faults: phase.faults.iter().map(ToString::to_string).collect(),
        from: begin.as_secs_f64(),
        to: begin.as_secs_f64() + phase.seconds,
        due: arrivals.iter().filter(|arrival| arrival.phase == n).count() as u64,
    });
    spans.collect()
}

/// Names of what came in a phase.
fn came_in(workload: &Workload, phase: &Phase) -> Vec<String> {
    let weighty = workload.operations(phase).iter().filter(|(_, weight)| **weight > 0);
    weighty.map(|(operation, _)| operation.name().to_owned()).collect()
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
