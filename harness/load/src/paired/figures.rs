//! The run-level values of one play.

use crate::{operation::Operation, outcome::Outcome, series::Series};
use fedproof_results::load::{FigureKind, Work};

/// Latencies of which a play has fewer than this give no figure: their percentiles are a matter of chance.
pub(super) const SAMPLES: u64 = 20;

/// One value of one play.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    /// As thresholds write it, such as `mean(seen_remote)`.
    pub(crate) name: String,
    pub(crate) kind: FigureKind,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
}

/// All of them: when others saw it, how long an operation took, and what it cost the homeservers `under_test`.
pub(crate) fn figures(outcome: &Outcome, under_test: &[String]) -> Vec<Figure> {
    let of_latency = latencies().filter_map(|(series, summary)| {
        // With what was given up: a build that answers only what is quick is no quicker.
        let latencies = outcome.recorder.waits(series);
        let value = match summary {
            Summary::Median => latencies.value_at_quantile(0.5) as f64,
            Summary::Mean => latencies.mean(),
        };
        let figure = || Figure { name: name(series, summary), kind: FigureKind::Latency, unit: "µs", value };
        (latencies.len() >= SAMPLES).then(figure)
    });
    let mut figures: Vec<Figure> = of_latency.collect();
    let mut operations: Vec<&str> = outcome.work.iter().map(|work| work.operation.as_str()).collect();
    operations.dedup();
    for operation in operations {
        let of = outcome.work.iter().filter(|work| work.operation == operation && under_test.contains(&work.server));
        figures.extend(work(operation, &of.collect::<Vec<_>>()));
    }
    figures
}

/// Names of the latencies that there are too few of.
pub(super) fn sparse(outcome: &Outcome) -> impl Iterator<Item = String> {
    let few = |series| (1..SAMPLES).contains(&outcome.recorder.waits(series).len());
    latencies().filter(move |(series, _)| few(*series)).map(|(series, summary)| name(series, summary))
}

/// What is told of the latencies of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Summary {
    Median,
    /// The tail weighs in it. A high percentile would tell more of the tail, if a play had more of it: the 95th of sixty
    /// messages hangs on three of them, and the 90th jumps where the latencies have two heaps.
    Mean,
}

/// Which latencies are compared.
fn latencies() -> impl Iterator<Item = (Series, Summary)> {
    let seen = [Series::SeenLocal, Series::SeenRemote, Series::SeenInbound];
    let seen = seen.into_iter().flat_map(|series| [(series, Summary::Median), (series, Summary::Mean)]);
    seen.chain(Operation::ALL.iter().map(|operation| (Series::Of(*operation), Summary::Median)))
}

fn name(series: Series, summary: Summary) -> String {
    match summary {
        Summary::Median => format!("p50({series})"),
        Summary::Mean => format!("mean({series})"),
    }
}

/// What one operation cost. Processor time is told for each event where events are what the operation is about.
fn work(operation: &str, work: &[&Work]) -> Vec<Figure> {
    let sum = |of: fn(&Work) -> Option<u64>| work.iter().map(|work| of(work)).sum::<Option<u64>>();
    // Every homeserver's line has the same operations in its count.
    let count = work.first().map_or(0, |work| work.count);
    let events = sum(|work| work.events_persisted).filter(|events| 2 * events >= count);
    let cpu = match events {
        Some(_) => ("cpu_per_event", FigureKind::Cpu, "ms", sum(Work::whole_cpu_ms), events.unwrap_or_default()),
        None => ("cpu_per_op", FigureKind::Cpu, "ms", sum(Work::whole_cpu_ms), count),
    };
    let all = [
        cpu,
        ("db_per_op", FigureKind::Work, "", sum(|work| work.db_transactions), count),
        ("requests_per_op", FigureKind::Work, "", sum(|work| work.requests), count),
        ("bytes_per_op", FigureKind::Work, "B", sum(|work| work.bytes), count),
    ];
    all.into_iter()
        .filter(|(.., per)| *per > 0)
        .filter_map(|(name, kind, unit, sum, per)| {
            let value = sum? as f64 / per as f64;
            Some(Figure { name: format!("{name}({operation})"), kind, unit, value })
        })
        .collect()
}
