//! What a load brought.

use crate::{
    judge::{self, Figures},
    measured::MeasuredTime,
    recorder::Recorder,
    series::Series,
    work::add_work,
    workload::Workload,
};
use fedproof_results::load::{
    Generator, InvariantResult, OperationFigures, PhaseSpan, ResourceSample, Second, ThresholdResult, Trouble, Unsent,
    Work,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What a load brought, without who and when.
#[derive(Clone)]
pub struct Outcome {
    /// Why the figures must not be believed.
    pub invalid_because: Vec<String>,
    /// What homeservers did that explains the figures.
    pub troubles: Vec<Trouble>,
    /// Why it stopped early, or empty.
    pub stopped_because: String,
    /// What had to hold.
    pub thresholds: Vec<ThresholdResult>,
    /// The latencies.
    pub recorder: Arc<Recorder>,
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
    /// What homeservers had not sent on yet at the ends of phases.
    pub unsent: Vec<Unsent>,
    /// The generator.
    pub generator: Generator,
    /// The invariants.
    pub invariants: Vec<InvariantResult>,
}

/// Whether it is a condition to stop that was met.
pub(crate) fn is_stop(threshold: &ThresholdResult) -> bool {
    threshold.expression.starts_with("stop_if ")
}

impl Outcome {
    /// The same, `from` after the beginning of a session: its times count from there.
    pub(crate) fn later(mut self, from: Duration) -> Self {
        self.timeline.iter_mut().for_each(|point| point.second += from.as_secs());
        self.resources.iter_mut().for_each(|sample| sample.second += from.as_secs());
        for trouble in &mut self.troubles {
            for at in trouble.from.iter_mut().chain(&mut trouble.to) {
                *at += from.as_secs_f64();
            }
        }
        for phase in &mut self.phases {
            phase.from += from.as_secs_f64();
            phase.to += from.as_secs_f64();
        }
        self
    }

    /// Adds another play of the same workload. Thresholds are as they were: see [`judge_again`](Self::judge_again).
    pub(crate) fn append(&mut self, other: Self) {
        self.recorder.absorb(&other.recorder);
        self.invalid_because.extend(other.invalid_because);
        self.troubles.extend(other.troubles);
        let mut work = BTreeMap::new();
        self.work.drain(..).chain(other.work).for_each(|one| add_work(&mut work, one));
        self.work = work.into_values().collect();
        self.phases.extend(other.phases);
        self.lost += other.lost;
        self.timeline.extend(other.timeline);
        self.resources.extend(other.resources);
        self.unsent.extend(other.unsent);
        self.thresholds.extend(other.thresholds.into_iter().filter(is_stop));
        let (all, one) = (&mut self.generator, other.generator);
        all.cpu_ms += one.cpu_ms;
        all.abandoned += one.abandoned;
        all.rss_bytes = all.rss_bytes.max(one.rss_bytes);
        all.late_p99_us = all.late_p99_us.max(one.late_p99_us);
        self.invariants.extend(other.invariants);
    }

    /// Judges the thresholds by all that was added up.
    pub(crate) fn judge_again(&mut self, workload: &Workload) {
        let Self { recorder, work, resources, lost, phases, .. } = &*self;
        let figures = Figures {
            recorder,
            time: &MeasuredTime::of(phases),
            work,
            resources,
            lost: *lost,
            waiting: Vec::new(),
            give_up: Duration::MAX,
        };
        let judged = workload.thresholds.iter().map(|threshold| figures.judge(threshold));
        let stopped = self.thresholds.iter().filter(|one| is_stop(one)).cloned();
        self.thresholds = judged.chain(stopped).collect();
    }

    /// Why the generator may have been the limit, and not the homeservers.
    pub(crate) fn doubts(&self) -> Vec<String> {
        judge::doubts(&self.generator, &self.resources, &self.phases, 1)
    }

    /// Each series over the measured phases.
    pub fn figures(&self) -> Vec<OperationFigures> {
        self.recorder.figures(&MeasuredTime::of(&self.phases))
    }

    /// Operations a second that succeeded.
    pub(crate) fn achieved(&self) -> f64 {
        let operations = Series::all().filter(|series| matches!(series, Series::Of(_)));
        let count: u64 = operations.map(|series| self.recorder.whole(series).len()).sum();
        count as f64 / MeasuredTime::of(&self.phases).seconds().max(f64::MIN_POSITIVE)
    }
}
