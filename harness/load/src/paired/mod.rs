//! Two builds in one session, played side by side, so that what disturbs the machine disturbs both.
//!
//! The two plays of a pair run at the same time, with the arrivals of one half way between those of the other: A B A B. A
//! machine that is slow for ten seconds is slow for both; plays that follow each other would tell it as a difference. Each
//! homeserver's work is counted by its own processes. What is in common is the machine: where it is busy, the one waits for
//! the other, and a difference in latencies looks smaller than it is; so the rate must leave it idle for most of the time.

mod figures;
mod order;
mod statistics;

use crate::{
    judge::GENERATOR,
    outcome::Outcome,
    play::{Play, Start},
    run::{LoadError, Place, Setting, unless},
    session::Session,
    stage::Stage,
    workload::Workload,
};
use fedproof_results::load::{ComparedFigure, ComparedPlay, FigureKind, InvariantResult, Trouble};
use figures::Figure;
use order::Side;
use statistics::Interval;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Barrier, time::Instant};

pub use statistics::CONFIDENCE;

/// Share of their cores that homeservers of both sides may use: above it the one waits for the other.
const IDLE_ENOUGH: f64 = 0.75;

/// How long a side may take to come to rest between two pairs.
const REST: Duration = Duration::from_secs(10);

/// The other deployment, and how it is compared.
pub struct Against {
    /// B.
    pub place: Place,
    /// Names of the homeservers that differ.
    pub under_test: Vec<String>,
    /// How many pairs.
    pub pairs: usize,
    /// How many cores the homeservers of both sides share.
    pub cores: usize,
}

/// What a paired session brought.
pub struct Paired {
    /// The plays of A, added up; what is wrong with any play makes it invalid.
    pub outcome: Outcome,
    /// The plays of B, added up.
    pub outcome_of_b: Outcome,
    /// Which side came first in each pair and which second, such as `ABBA`.
    pub order: String,
    /// Pairs that count.
    pub pairs: usize,
    /// Why pairs did not count and others were played instead.
    pub disturbed: Vec<String>,
    /// The figures.
    pub figures: Vec<ComparedFigure>,
    /// What could not be compared, and why.
    pub left_out: BTreeMap<String, String>,
    /// What is no figure on either side, and why.
    pub sparse: BTreeMap<String, String>,
    /// The plays.
    pub plays: Vec<ComparedPlay>,
}

/// Plays a workload on two deployments side by side.
///
/// # Errors
/// [`LoadError`], if it could not begin.
pub async fn compare(workload: &Workload, setting: Setting<'_>, against: Against) -> Result<Paired, LoadError> {
    let Setting { place, seed, label, shard, out, interrupted, progress, .. } = setting;
    let side = |side: &'static str| move |what: &str, done, all| progress(&format!("{side}: {what}"), done, all);
    let (stages, session) = unless(&interrupted, async {
        let stages = [
            Stage::set_up(workload, place, &label, &side("A")).await?,
            Stage::set_up(workload, against.place, &label, &side("B")).await?,
        ];
        let session = Session::begin(stages.to_vec(), workload.workers).await?;
        Ok((stages, session))
    })
    .await?;
    let logs = out.join("plays");
    std::fs::create_dir_all(&logs)?;
    let began = Instant::now();
    let play = async |pair: Option<usize>, side: Side, both: Arc<Barrier>, after: Duration| {
        let stage = &stages[side as usize];
        let number = pair.map_or(0, |pair| pair as u64 + 1);
        let told = |phase: &str, done, all| progress(&format!("{} {number}: {phase}", side.name()), done, all);
        let log = &logs.join(format!("{number:02}-{}.hlog", side.name().to_lowercase()));
        let from = began.elapsed();
        let play = Play {
            workload,
            // Both plays of a pair have the same arrivals: what is due is no difference between builds.
            seed: seed.wrapping_add(number),
            label: format!("{label}-{number}"),
            shard,
            start: Start::Beside(both, after),
            log,
            interrupted: interrupted.clone(),
            progress: &told,
        };
        let outcome = play.on(stage, &session).await?;
        stage.rest(REST).await;
        Ok::<_, LoadError>(Played { side, from, outcome })
    };
    let half = workload.gap() / 2;
    let pair = async |pair: Option<usize>, [first, second]: [Side; 2]| {
        let both = Arc::new(Barrier::new(2));
        let plays =
            tokio::try_join!(play(pair, first, both.clone(), Duration::ZERO), play(pair, second, both.clone(), half));
        plays.map(|(one, other)| [one, other])
    };
    // The first play on a homeserver that has just begun is like no other: both have it behind them before it counts.
    pair(None, [Side::A, Side::B]).await?;
    let mut tally = Tally {
        workload,
        under_test: against.under_test,
        begun: 0,
        order: String::new(),
        pooled: [None, None],
        sparse: BTreeMap::new(),
        doubts: Vec::new(),
        disturbed: Vec::new(),
        stopped_because: String::new(),
        plays: Vec::new(),
    };
    let mut left: VecDeque<[Side; 2]> = (0..against.pairs).map(order::sides).collect();
    let mut spare = against.pairs.div_ceil(2);
    while let Some(sides) = left.pop_front() {
        let number = tally.begun;
        let plays = pair(Some(number), sides).await?;
        let is_disturbed = tally.add(number, plays, spare > 0);
        if !tally.stopped_because.is_empty() {
            break;
        }
        if is_disturbed && spare > 0 {
            spare -= 1;
            left.push_back(sides);
        }
    }
    session.end().await?;
    tally.finish(&stages, against.cores).await
}

/// One play that is over.
struct Played {
    side: Side,
    from: Duration,
    outcome: Outcome,
}

/// What has been played.
struct Tally<'a> {
    workload: &'a Workload,
    under_test: Vec<String>,
    /// Pairs so far, whether they count or not.
    begun: usize,
    order: String,
    /// The plays of A, and those of B.
    pooled: [Option<Outcome>; 2],
    /// Figures that plays had too few samples for: in how many plays of A, and of B.
    sparse: BTreeMap<String, [usize; 2]>,
    doubts: Vec<String>,
    disturbed: Vec<String>,
    stopped_because: String,
    plays: Vec<(usize, Side, Duration, Vec<Figure>)>,
}

impl Tally<'_> {
    /// Adds a pair. A pair in which the generator could not keep time does not count: the machine was busy with something
    /// else. Whether it was is told by how late idle workers woke, and by no figure; and both plays go.
    fn add(&mut self, pair: usize, plays: [Played; 2], may_drop: bool) -> bool {
        self.begun += 1;
        self.order.extend(plays.iter().map(|played| played.side.name()));
        let label = |played: &Played| format!("pair {} ({})", pair + 1, played.side.name());
        for played in &plays {
            if !played.outcome.stopped_because.is_empty() {
                self.stopped_because = format!("{}: {}", label(played), played.outcome.stopped_because);
            }
        }
        let late = |played: &Played| {
            let doubts = played.outcome.doubts();
            doubts.into_iter().map(|doubt| format!("{}: {doubt}", label(played))).collect::<Vec<_>>()
        };
        let disturbed: Vec<String> = plays.iter().flat_map(late).collect();
        let is_disturbed = !disturbed.is_empty();
        if is_disturbed && may_drop {
            self.disturbed.extend(disturbed);
            return true;
        }
        for played in plays {
            let label = label(&played);
            let Played { side, from, mut outcome } = played;
            self.doubts.extend(outcome.invalid_because.drain(..).map(|doubt| format!("{label}: {doubt}")));
            let figures = figures::figures(&outcome, &self.under_test);
            figures::sparse(&outcome).for_each(|name| self.sparse.entry(name).or_default()[side as usize] += 1);
            self.plays.push((pair, side, from, figures));
            match &mut self.pooled[side as usize] {
                Some(pooled) => pooled.append(outcome.later(from)),
                none => *none = Some(outcome.later(from)),
            }
        }
        is_disturbed
    }

    async fn finish(self, stages: &[Arc<Stage>; 2], cores: usize) -> Result<Paired, LoadError> {
        let Self { workload, order, pooled, sparse, mut doubts, disturbed, stopped_because, plays, .. } = self;
        let [Some(mut outcome), Some(mut outcome_of_b)] = pooled else {
            return Err(LoadError::NoPlay { why: stopped_because });
        };
        outcome.judge_again(workload);
        outcome_of_b.judge_again(workload);
        let busy = (busy(&outcome) + busy(&outcome_of_b)) / cores.max(1) as f64;
        if busy > IDLE_ENOUGH {
            let percent = busy * 100.0;
            doubts.push(format!(
                "the homeservers' cores were busy for {percent:.0} % of the time: the sides waited for each other; a lower --rate"
            ));
        }
        outcome.invalid_because = doubts;
        outcome.stopped_because = stopped_because;
        let of_b = outcome_of_b.troubles.drain(..);
        outcome.troubles.extend(of_b.map(|one| Trouble { server: format!("{} (B)", one.server), ..one }));
        let [a, b] = stages;
        outcome.invariants = a.invariants().await;
        let of_b = b.invariants().await.into_iter();
        outcome.invariants.extend(of_b.map(|one| InvariantResult { server: format!("{} (B)", one.server), ..one }));
        let (figures, mut left_out, pairs) = compared(&plays);
        let mut none = BTreeMap::new();
        for (name, [of_a, of_b]) in sparse {
            let why = format!("fewer than {} in {of_a} plays of A and {of_b} of B", figures::SAMPLES);
            // What no play has enough of is no figure of this workload; what one side lacks may be B's fault.
            let is_nowhere = plays.iter().all(|(.., figures)| figures.iter().all(|figure| figure.name != name));
            if is_nowhere && of_a > 0 && of_b > 0 {
                none.insert(name, why);
            } else {
                left_out.insert(name, why);
            }
        }
        let plays = plays.into_iter().map(|(pair, side, from, figures)| ComparedPlay {
            pair,
            side: side.name().to_owned(),
            from: from.as_secs_f64(),
            values: figures.into_iter().map(|figure| (figure.name, figure.value)).collect(),
        });
        let plays = plays.collect();
        Ok(Paired { outcome, outcome_of_b, order, pairs, disturbed, figures, left_out, sparse: none, plays })
    }
}

/// How many cores the homeservers and their database used in measured phases.
fn busy(outcome: &Outcome) -> f64 {
    let measured = |second: u64| {
        let phases = outcome.phases.iter().filter(|phase| phase.measured);
        phases.into_iter().any(|phase| second as f64 >= phase.from && (second + 1) as f64 <= phase.to)
    };
    let (own, servers): (Vec<_>, Vec<_>) = outcome
        .resources
        .iter()
        .filter(|sample| measured(sample.second))
        .partition(|sample| sample.process == GENERATOR);
    servers.iter().map(|sample| sample.cpu).sum::<f64>() / (own.len() as f64).max(1.0)
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
            Some(values) => {
                let zeros = |of: fn(&(f64, f64)) -> f64| values.iter().filter(|pair| of(pair) == 0.0).count();
                let why = format!("it is 0 in {} plays of A and {} of B", zeros(|pair| pair.0), zeros(|pair| pair.1));
                left_out.insert(figure.name.clone(), why);
            }
            None => drop(left_out.insert(figure.name.clone(), "some plays do not have it".to_owned())),
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
    // Counts have next to no noise. Two processes of one build may differ by a few percent of processor time for as long as
    // they live, by how their memory happens to lie: pairs cannot tell that from the build. Nobody notices 5 % of a latency.
    let (least, fine) = match figure.kind {
        FigureKind::Latency => (0.05, 0.10),
        FigureKind::Cpu => (0.05, 0.05),
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
