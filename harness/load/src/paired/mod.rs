//! Two builds in one session, played in turn, so that what disturbs the machine disturbs both.
//!
//! Both deployments are up all the time. While one is played on, the other is idle: its watchers hold their long polls
//! open, as clients do, and its homeservers do their background work; that is the same for both sides.

mod figures;
mod order;
mod statistics;

use crate::{
    outcome::Outcome,
    play::Play,
    run::{LoadError, Place, Setting},
    session::Session,
    stage::Stage,
    workload::Workload,
};
use fedproof_results::load::{ComparedFigure, ComparedPlay, FigureKind};
use figures::Figure;
use order::Side;
use statistics::Interval;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

pub use statistics::CONFIDENCE;

/// How long a side that was played may take to come to rest.
const REST: Duration = Duration::from_secs(10);

/// The other deployment, and how it is compared.
pub struct Against<'a> {
    /// B.
    pub place: Place<'a>,
    /// Names of the homeservers that differ.
    pub under_test: Vec<String>,
    /// How many pairs.
    pub pairs: usize,
}

/// What a paired session brought.
pub struct Paired {
    /// The plays of A, added up; what is wrong with any play makes it invalid.
    pub outcome: Outcome,
    /// Such as `ABBA`.
    pub order: String,
    /// Pairs that both sides completed.
    pub pairs: usize,
    /// The figures.
    pub figures: Vec<ComparedFigure>,
    /// What could not be compared, and why.
    pub left_out: BTreeMap<String, String>,
    /// The plays.
    pub plays: Vec<ComparedPlay>,
}

/// Plays a workload on two deployments in turn.
///
/// # Errors
/// [`LoadError`], if it could not begin.
pub async fn compare(workload: &Workload, setting: Setting<'_>, against: Against<'_>) -> Result<Paired, LoadError> {
    let Setting { place, seed, label, shard, out, interrupted, progress, .. } = setting;
    let side = |side: &'static str| move |what: &str, done, all| progress(&format!("{side}: {what}"), done, all);
    let stages = [
        Stage::set_up(workload, place, &label, &side("A")).await?,
        Stage::set_up(workload, against.place, &label, &side("B")).await?,
    ];
    let session = Session::begin(stages.to_vec(), workload.workers).await?;
    let logs = out.join("plays");
    std::fs::create_dir_all(&logs)?;
    // The first play on a homeserver that has just begun is like no other: both have it behind them before it counts.
    let order = order::order(against.pairs);
    let warming = [Side::A, Side::B].map(|side| (None, side));
    let plays: Vec<_> = warming.into_iter().chain(order.iter().map(|(pair, side)| (Some(*pair), *side))).collect();
    let began = Instant::now();
    let mut tally =
        Tally { workload, under_test: &against.under_test, pooled: None, doubts: Vec::new(), plays: Vec::new() };
    let mut stopped_because = String::new();
    for (n, (pair, side)) in plays.iter().enumerate() {
        let stage = &stages[*side as usize];
        let what = format!("{} {}/{}", side.name(), n + 1, plays.len());
        let told = |phase: &str, done, all| progress(&format!("{what} {phase}"), done, all);
        let log = &logs.join(format!("{n:02}-{}.hlog", side.name().to_lowercase()));
        let from = began.elapsed();
        let play = Play {
            workload,
            // Both plays of a pair have the same arrivals: what is due is no difference between builds.
            seed: seed.wrapping_add(pair.map_or(0, |pair| pair as u64 + 1)),
            label: format!("{label}-{n}"),
            shard,
            start_at: None,
            log,
            interrupted: interrupted.clone(),
            progress: &told,
        };
        let outcome = play.on(stage, &session).await?;
        stage.rest(REST).await;
        if let Some(pair) = pair {
            tally.add(*pair, *side, from, outcome.clone());
        }
        if !outcome.stopped_because.is_empty() {
            stopped_because = format!("play {} ({}): {}", n + 1, side.name(), outcome.stopped_because);
            break;
        }
    }
    session.end().await?;
    tally.finish(&stages, stopped_because, &order).await
}

/// What has been played.
struct Tally<'a> {
    workload: &'a Workload,
    under_test: &'a [String],
    pooled: Option<Outcome>,
    doubts: Vec<String>,
    plays: Vec<(usize, Side, Duration, Vec<Figure>)>,
}

impl Tally<'_> {
    fn add(&mut self, pair: usize, side: Side, from: Duration, mut outcome: Outcome) {
        for doubt in outcome.invalid_because.drain(..) {
            self.doubts.push(format!("pair {} ({}): {doubt}", pair + 1, side.name()));
        }
        let figures = figures::figures(&outcome, self.under_test);
        self.plays.push((pair, side, from, figures));
        if side == Side::A {
            match &mut self.pooled {
                Some(pooled) => pooled.append(outcome.later(from)),
                None => self.pooled = Some(outcome.later(from)),
            }
        }
    }

    async fn finish(
        self,
        stages: &[Arc<Stage>; 2],
        stopped_because: String,
        order: &[(usize, Side)],
    ) -> Result<Paired, LoadError> {
        let Self { workload, pooled, doubts, plays, .. } = self;
        let mut outcome = pooled.ok_or_else(|| LoadError::NoPlay { why: stopped_because.clone() })?;
        outcome.judge_again(workload);
        outcome.invalid_because = doubts;
        outcome.stopped_because = stopped_because;
        for stage in stages {
            outcome.invariants.extend(stage.invariants().await);
        }
        let (figures, left_out, pairs) = compared(&plays);
        let order = order.iter().map(|(_, side)| side.name()).collect();
        let plays = plays.into_iter().map(|(pair, side, from, figures)| ComparedPlay {
            pair,
            side: side.name().to_owned(),
            from: from.as_secs_f64(),
            values: figures.into_iter().map(|figure| (figure.name, figure.value)).collect(),
        });
        Ok(Paired { outcome, order, pairs, figures, left_out, plays: plays.collect() })
    }
}

/// Figures that both sides have in every whole pair; the others with the reason; how many pairs are whole.
fn compared(plays: &[(usize, Side, Duration, Vec<Figure>)]) -> (Vec<ComparedFigure>, BTreeMap<String, String>, usize) {
    let of = |pair: usize, side: Side| {
        plays.iter().find(|(at, who, ..)| *at == pair && *who == side).map(|(.., figures)| figures)
    };
    let all: BTreeSet<usize> = plays.iter().map(|(pair, ..)| *pair).collect();
    let whole: Vec<_> = all.into_iter().filter_map(|pair| Some((of(pair, Side::A)?, of(pair, Side::B)?))).collect();
    let mut left_out = BTreeMap::new();
    let mut kept: Vec<(&Figure, Vec<(f64, f64)>)> = Vec::new();
    let mut names = BTreeSet::new();
    let candidates = plays.iter().flat_map(|(.., figures)| figures).filter(|figure| names.insert(figure.name.clone()));
    for figure in candidates {
        let value = |figures: &[Figure]| figures.iter().find(|one| one.name == figure.name).map(|one| one.value);
        let values: Option<Vec<(f64, f64)>> = whole.iter().map(|(a, b)| Some((value(a)?, value(b)?))).collect();
        match values {
            Some(values) if values.iter().all(|(a, b)| *a > 0.0 && *b > 0.0) => kept.push((figure, values)),
            Some(values) if values.iter().all(|(a, b)| *a == 0.0 && *b == 0.0) => {}
            Some(_) => drop(left_out.insert(figure.name.clone(), "it is 0 in some plays".to_owned())),
            None => drop(left_out.insert(figure.name.clone(), "some plays have too few of them".to_owned())),
        }
    }
    let comparisons = kept.len();
    let figures = kept.into_iter().filter_map(|(figure, values)| {
        let interval = Interval::of(&values, comparisons)?;
        Some(compared_figure(figure, &values, interval))
    });
    (figures.collect(), left_out, whole.len())
}

fn compared_figure(figure: &Figure, values: &[(f64, f64)], interval: Interval) -> ComparedFigure {
    // Work has little noise of its own, and a few percent of it are money; nobody notices 5 % of a latency.
    let (least, fine) = match figure.kind {
        FigureKind::Latency => (0.05, 0.10),
        FigureKind::Work => (0.02, 0.05),
    };
    let mean =
        |of: fn(&(f64, f64)) -> f64| (values.iter().map(|pair| of(pair).ln()).sum::<f64>() / values.len() as f64).exp();
    ComparedFigure {
        name: figure.name.clone(),
        kind: figure.kind,
        unit: figure.unit.to_owned(),
        a: mean(|pair| pair.0),
        b: mean(|pair| pair.1),
        ratio: interval.ratio,
        low: interval.low,
        high: interval.high,
        half_width: interval.half_width(),
        least_effect: least,
        fine,
        verdict: interval.verdict(least, fine),
    }
}
