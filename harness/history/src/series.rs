//! The figures of a run that are followed over time. More is worse in each of them.

use crate::change::median;
use fedproof_results::{
    RunRecord, kinds,
    load::{LoadRecord, Work},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a figure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FigureKind {
    /// Time that something took.
    Latency,
    /// Processor time.
    Cpu,
    /// Memory.
    Memory,
    /// Counts of what was done: the steadiest.
    Work,
}

impl FigureKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Latency, Self::Cpu, Self::Memory, Self::Work];
}

/// One value of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Name of the series within its place: `cpu_per_op(alpha, send)`.
    pub name: String,
    /// What it is about.
    pub kind: FigureKind,
    /// In what: `us`, `ms`, `bytes`; empty for counts.
    pub unit: String,
    /// How much. More is worse.
    pub value: f64,
}

/// What homeservers used, how long it took, and the medians of what cases measured on the way.
pub(crate) fn of_run(record: &RunRecord) -> Vec<Figure> {
    // A run that stopped did less; what it used says nothing.
    if !record.complete {
        return Vec::new();
    }
    let mut figures = Vec::new();
    // For a case: a suite that grew costs more, and no homeserver is to blame.
    let cases = record.cases.iter().filter(|result| result.duration_ms > 0).count().max(1) as f64;
    for usage in &record.usage {
        figures.push(figure(
            format!("cpu_per_case({})", usage.name),
            FigureKind::Cpu,
            "ms",
            usage.cpu_ms as f64 / cases,
        ));
        figures.push(figure(format!("memory({})", usage.name), FigureKind::Memory, "bytes", usage.rss_bytes as f64));
    }
    let wall = record.wall_ms;
    figures.push(figure("wall(boot)".to_owned(), FigureKind::Latency, "ms", wall.boot as f64));
    figures.push(figure("wall_per_case".to_owned(), FigureKind::Latency, "ms", wall.cases as f64 / cases));
    let kinds = kinds(&record.servers);
    let mut measured: BTreeMap<(String, &str), Vec<f64>> = BTreeMap::new();
    for subject in record.cases.iter().flat_map(|result| &result.subjects) {
        let kind = kinds.get(&subject.server).unwrap_or(&subject.server);
        for one in &subject.measurements {
            let name = format!("p50({}, {kind})", one.name);
            measured.entry((name, &one.unit)).or_default().push(one.value as f64);
        }
    }
    figures.extend(measured.into_iter().map(|((name, unit), values)| {
        let kind = if unit.ends_with('s') { FigureKind::Latency } else { FigureKind::Work };
        figure(name, kind, unit, median(&values))
    }));
    figures
}

/// Percentiles of each operation, and what one operation cost each homeserver.
pub(crate) fn of_load(record: &LoadRecord) -> Vec<Figure> {
    let mut figures = Vec::new();
    for one in record.operations.iter().filter(|one| one.count > 0) {
        for (name, value) in [("p50", one.p50_us), ("p95", one.p95_us), ("p99", one.p99_us)] {
            figures.push(figure(format!("{name}({})", one.name), FigureKind::Latency, "us", value as f64));
        }
    }
    for work in record.own_work().iter().filter(|work| work.count > 0) {
        figures.extend(costs(work));
    }
    let mut highest: BTreeMap<&str, u64> = BTreeMap::new();
    for sample in record.resources.iter().filter(|sample| sample.process != "generator") {
        let most = highest.entry(&sample.process).or_default();
        *most = sample.rss_bytes.max(*most);
    }
    figures.extend(
        highest
            .into_iter()
            .map(|(process, most)| figure(format!("memory({process})"), FigureKind::Memory, "bytes", most as f64)),
    );
    figures
}

fn costs(work: &Work) -> impl Iterator<Item = Figure> {
    let whole = [
        ("cpu_per_op", FigureKind::Cpu, "ms", work.whole_cpu_ms()),
        ("db_transactions_per_op", FigureKind::Work, "", work.db_transactions),
        ("requests_per_op", FigureKind::Work, "", work.requests),
        ("bytes_per_op", FigureKind::Work, "bytes", work.bytes),
    ];
    let of = format!("{}, {}", work.server, work.operation);
    let count = work.count as f64;
    whole.into_iter().filter_map(move |(name, kind, unit, total)| {
        total.map(|total| figure(format!("{name}({of})"), kind, unit, total as f64 / count))
    })
}

fn figure(name: String, kind: FigureKind, unit: &str, value: f64) -> Figure {
    Figure { name, kind, unit: unit.to_owned(), value }
}
