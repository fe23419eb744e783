//! Looking on while a play is on.

use crate::{
    Home,
    context::Context,
    faults::Injected,
    hlog,
    judge::Figures,
    measured::MeasuredTime,
    play::{DRAIN, LEAD},
    resources::{self, Sampler},
    schedule::{self, Shard},
    series::Series,
    stretch::{Books, Reading, stretches},
};
use fedproof_results::load::{PhaseSpan, ResourceSample, Second, ThresholdResult, Unsent, Work};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Barrier, time::Instant};

/// How long what was due in one stretch may take before the next begins: what is left by then is booked with it.
const BETWEEN: Duration = Duration::from_secs(10);
/// From letting phases go to the beginning of the first: workers are to be there.
const NOTICE: Duration = Duration::from_millis(50);

/// Is told of progress: what, how much of how much.
type Told<'a> = &'a (dyn Fn(&str, usize, usize) + Send + Sync);

/// Looks on while the load runs: seconds, samples, what phases cost, and whether to stop.
pub(crate) struct Observer<'a> {
    context: &'a Context,
    log: &'a hlog::Writer,
    sampler: Sampler,
    pub(crate) timeline: Vec<Second>,
    pub(crate) resources: Vec<ResourceSample>,
    /// The phases; moved to where they were.
    pub(crate) phases: Vec<PhaseSpan>,
    books: Books,
    began: Instant,
    /// The next that ends.
    second: u64,
    /// The condition to stop that was met, as a threshold that broke.
    pub(crate) met: Option<ThresholdResult>,
    /// With whom each stretch begins, and how long after.
    beside: Option<(Arc<Barrier>, Duration)>,
    /// Events that homeservers had not sent on yet when a phase ended, by phase and homeserver.
    pub(crate) unsent: Vec<Unsent>,
}

impl<'a> Observer<'a> {
    pub(crate) fn new(
        context: &'a Context,
        log: &'a hlog::Writer,
        began: Instant,
        phases: Vec<PhaseSpan>,
        beside: Option<(Arc<Barrier>, Duration)>,
    ) -> Self {
        Self {
            context,
            log,
            sampler: Sampler::new(),
            timeline: Vec::new(),
            resources: Vec::new(),
            phases,
            books: Books::default(),
            began,
            second: 0,
            met: None,
            beside,
            unsent: Vec::new(),
        }
    }

    /// What the work cost, by operation and homeserver.
    pub(crate) fn work(&mut self) -> Vec<Work> {
        self.books.take()
    }

    /// Until all is over; gives why it stopped early, or nothing.
    pub(crate) async fn observe(&mut self, shard: Shard, progress: Told<'_>) -> String {
        self.stretches(shard, progress).await.err().unwrap_or_default()
    }

    async fn stretches(&mut self, shard: Shard, progress: Told<'_>) -> Result<(), String> {
        let context = self.context;
        tokio::time::sleep_until(self.began.checked_sub(LEAD).unwrap_or(self.began)).await;
        let mut before = reading(context).await;
        tokio::time::sleep_until(self.began).await;
        self.sampler.sample(0, &context.stage.population.homeservers);
        let stretches = stretches(&context.workload);
        let mut crossed = false;
        for (n, stretch) in stretches.iter().enumerate() {
            for phase in stretch.phases.clone() {
                self.phase(phase, progress).await?;
            }
            let next = stretches.get(n + 1);
            // Its work is not done before the last answer, and before the last has seen what was sent.
            let done = async {
                context.agenda.answered().await;
                context.ledger.settled().await;
            };
            let limit = if next.is_some() { BETWEEN } else { DRAIN };
            let name = &context.workload.phases[stretch.phases.end - 1].phase;
            let in_time = self.until(tokio::time::timeout(limit, done), name, progress).await?.is_ok();
            let crosses = !in_time && next.is_some();
            let after = self.until(reading(context), name, progress).await?;
            if let Some(operation) = stretch.booked_to(crossed, crosses) {
                let homeservers = context.stage.population.homeservers.iter().map(Home::name);
                self.books.book(operation, homeservers, [&before, &after]);
            }
            (before, crossed) = (after, crosses);
            if let Some(next) = next {
                if let Some((both, _)) = self.beside.clone() {
                    // Whoever does not come has stopped.
                    self.until(tokio::time::timeout(2 * BETWEEN, both.wait()), name, progress).await?.ok();
                }
                let later = self.later(next.phases.start, shard);
                context.agenda.let_go(next.phases.end, later);
                let begins = schedule::begins(&context.workload);
                for phase in next.phases.clone() {
                    let (from, span) = ((begins[phase] + later).as_secs_f64(), &mut self.phases[phase]);
                    (span.from, span.to) = (from, from + context.workload.phases[phase].seconds);
                }
            }
        }
        Ok(())
    }

    /// One phase, with what virtual servers suffer in it, to the end of its arrivals.
    async fn phase(&mut self, phase: usize, progress: Told<'_>) -> Result<(), String> {
        let context = self.context;
        let written = &context.workload.phases[phase];
        let faults = Injected::new(&written.faults, &context.stage.population, &context.stage.gateway);
        context.ledger.faulted(&faults.slow, &faults.out);
        let end = self.began + Duration::from_secs_f64(self.phases[phase].to);
        self.until(tokio::time::sleep_until(end), &written.phase, progress).await?;
        drop(faults);
        context.ledger.healed(written.measured);
        if written.measured {
            let (stage, name) = (&context.stage, &written.phase);
            let asked = stage.population.homeservers.iter().enumerate().map(async |(n, one)| {
                let events = resources::unsent(&stage.http, one, stage.answers.is_silent(n)).await?;
                Some(Unsent { phase: name.clone(), server: one.name().to_owned(), events })
            });
            let unsent = self.until(futures::future::join_all(asked), name, progress).await?;
            self.unsent.extend(unsent.into_iter().flatten());
        }
        Ok(())
    }

    /// How much later than it was drawn a phase begins that is let go now. Shards cannot tell each other when they are
    /// done: each waits for the next whole second, which for most is the same.
    fn later(&self, phase: usize, shard: Shard) -> Duration {
        let drawn = schedule::begins(&self.context.workload)[phase];
        let after = self.beside.as_ref().map_or(Duration::ZERO, |(_, after)| *after);
        let later = (self.began.elapsed() + NOTICE + after).saturating_sub(drawn);
        if shard.count > 1 { Duration::from_secs(later.as_secs() + 1) } else { later }
    }

    /// Lets seconds pass until something has ended; why to stop, if there is a reason before.
    async fn until<T>(&mut self, end: impl Future<Output = T>, phase: &str, progress: Told<'_>) -> Result<T, String> {
        let mut end = std::pin::pin!(end);
        loop {
            let tick = self.began + Duration::from_secs(self.second + 1);
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(tick) => {}
                ended = &mut end => return Ok(ended),
            }
            self.tick();
            let all = self.context.workload.duration().as_secs().max(self.second);
            progress(phase, self.second as usize, all as usize);
            if let Some(reason) = self.stop_reason() {
                return Err(reason);
            }
        }
    }

    fn tick(&mut self) {
        let second = self.second;
        self.second += 1;
        let (points, intervals) = self.context.recorder.tick(second);
        self.timeline.extend(points);
        self.log.write(intervals);
        self.resources.extend(self.sampler.sample(second, &self.context.stage.population.homeservers));
    }

    /// What came after the last whole second.
    pub(crate) fn last_second(&mut self) {
        let (points, intervals) = self.context.recorder.tick(self.began.elapsed().as_secs());
        self.timeline.extend(points);
        self.log.write(intervals);
    }

    fn stop_reason(&mut self) -> Option<String> {
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
            time: &MeasuredTime::until(&self.phases, self.began.elapsed().as_secs_f64()),
            work: &[],
            resources: &self.resources,
            lost: 0,
            waiting: waiting.map(|one| (one.series, now - one.due)).collect(),
            give_up: self.context.workload.give_up(),
        };
        let met = self.context.workload.stop_if.iter().map(|condition| figures.judge(condition)).find(|met| met.ok);
        let expression = format!("stop_if {}", met.as_ref()?.expression);
        let why = format!("{expression} was met");
        self.met = met.map(|met| ThresholdResult { expression, ok: false, ..met });
        Some(why)
    }
}

async fn reading(context: &Context) -> Reading {
    let stage = &context.stage;
    let homeservers = stage.population.homeservers.iter().enumerate();
    let asked = homeservers.map(|(n, one)| resources::counters(&stage.http, one, stage.answers.is_silent(n)));
    let counters = futures::future::join_all(asked).await;
    let (requests, bytes) = stage.sees_federation().then(|| stage.spent.so_far()).unzip();
    let operations = Series::all().filter(|series| matches!(series, Series::Of(_)));
    let operations = operations.map(|series| context.recorder.done(series)).sum();
    Reading { counters, requests, bytes, operations }
}
