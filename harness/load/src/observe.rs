//! Looking on while a play is on.

use crate::{
    context::Context,
    faults::Injected,
    hlog,
    home::Home,
    judge::Figures,
    play::DRAIN,
    resources::{self, Counters, Sampler},
    series::Series,
};
use fedproof_results::load::{PhaseSpan, ResourceSample, Second, Work};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::Instant;

/// Looks on while the load runs: seconds, samples, what phases cost, and whether to stop.
pub(crate) struct Observer<'a> {
    context: &'a Context,
    log: &'a hlog::Writer,
    sampler: Sampler,
    pub(crate) timeline: Vec<Second>,
    pub(crate) resources: Vec<ResourceSample>,
    work: BTreeMap<(String, String), Work>,
    began: Instant,
}

/// What had been spent at one moment.
struct Reading {
    counters: Vec<Counters>,
    requests: Option<Vec<u64>>,
    bytes: Option<Vec<u64>>,
    operations: u64,
}

impl<'a> Observer<'a> {
    pub(crate) fn new(context: &'a Context, log: &'a hlog::Writer, began: Instant) -> Self {
        let (timeline, resources, work) = (Vec::new(), Vec::new(), BTreeMap::new());
        Self { context, log, sampler: Sampler::new(), timeline, resources, work, began }
    }

    /// What the work cost, by operation and homeserver.
    pub(crate) fn work(&mut self) -> Vec<Work> {
        let mut work: Vec<Work> = std::mem::take(&mut self.work).into_values().collect();
        work.sort_by(|one, other| (&one.operation, &one.server).cmp(&(&other.operation, &other.server)));
        work
    }

    /// Until all is over; gives why it stopped early, or nothing.
    pub(crate) async fn observe(
        &mut self,
        phases: &[PhaseSpan],
        progress: &(dyn Fn(&str, usize, usize) + Send + Sync),
    ) -> String {
        let mut second = 0;
        self.sampler.sample(0, &self.context.stage.population.homeservers);
        for (n, phase) in phases.iter().enumerate() {
            let before = self.reading().await;
            let written = &self.context.workload.phases[n].faults;
            let faults = Injected::new(written, &self.context.stage.population, &self.context.stage.gateway);
            self.context.ledger.faulted(&faults.slow, &faults.out);
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
            drop(faults);
            self.context.ledger.healed(phase.measured);
            if is_last {
                // The last phase's work is not done before the last answer, and before the last has seen what was sent.
                let done = async {
                    self.context.agenda.drained().await;
                    self.context.ledger.settled().await;
                };
                let _ = tokio::time::timeout(DRAIN, done).await;
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
        self.resources.extend(self.sampler.sample(second, &self.context.stage.population.homeservers));
    }

    /// What came after the last whole second.
    pub(crate) fn last_second(&mut self) {
        let second = self.began.elapsed().as_secs();
        let (points, intervals) = self.context.recorder.tick(second);
        self.timeline.extend(points);
        self.log.write(intervals);
    }

    async fn reading(&self) -> Reading {
        let stage = &self.context.stage;
        let asked = stage
            .population
            .homeservers
            .iter()
            .enumerate()
            .map(|(n, one)| resources::counters(&stage.http, one, stage.answers.is_silent(n)));
        let counters = futures::future::join_all(asked).await;
        let stage = &self.context.stage;
        let (requests, bytes) = stage.sees_federation().then(|| stage.spent.so_far()).unzip();
        Reading { counters, requests, bytes, operations: self.operations() }
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
        for (n, homeserver) in self.context.stage.population.homeservers.iter().enumerate() {
            let key = (operation.to_owned(), homeserver.name().to_owned());
            let work = self.work.entry(key).or_insert_with(|| Work {
                server: homeserver.name().to_owned(),
                operation: operation.to_owned(),
                count: 0,
                cpu_ms: None,
                database_cpu_ms: None,
                db_transactions: None,
                events_persisted: None,
                requests: None,
                bytes: None,
            });
            let (one, other) = (&before.counters[n], &after.counters[n]);
            let grown = |from: Option<u64>, to: Option<u64>| Some(to?.saturating_sub(from?));
            let added = |sum: Option<u64>, more: Option<u64>| more.map(|more| sum.unwrap_or(0) + more).or(sum);
            work.count += after.operations - before.operations;
            work.cpu_ms = added(work.cpu_ms, grown(one.cpu_ms, other.cpu_ms));
            let database = other.database.zip(one.database).map(|(after, before)| after.since(before));
            work.database_cpu_ms = added(work.database_cpu_ms, database);
            work.db_transactions = added(work.db_transactions, grown(one.db_transactions, other.db_transactions));
            work.events_persisted = added(work.events_persisted, grown(one.events_persisted, other.events_persisted));
            let of = |all: &Option<Vec<u64>>| all.as_ref().map(|all| all[n]);
            work.requests = added(work.requests, grown(of(&before.requests), of(&after.requests)));
            work.bytes = added(work.bytes, grown(of(&before.bytes), of(&after.bytes)));
        }
    }

    fn stop_reason(&self) -> Option<String> {
        let homeservers = self.context.stage.population.homeservers.iter();
        if let Some(death) = homeservers.filter_map(Home::died).next() {
            return Some(death);
        }
        if self.context.workload.stop_if.is_empty() {
            return None;
        }
        let now = Instant::now();
        let waiting = self.context.waiting().into_iter().filter(|one| one.measured);
        let figures = Figures {
            recorder: &self.context.recorder,
            seconds: self.began.elapsed().as_secs_f64(),
            work: &[],
            resources: &self.resources,
            lost: 0,
            waiting: waiting.map(|one| (one.series, now - one.due)).collect(),
            give_up: self.context.workload.give_up(),
        };
        let met = self.context.workload.stop_if.iter().map(|condition| figures.judge(condition)).find(|met| met.ok);
        met.map(|met| format!("stop_if {} was met", met.expression))
    }
}
