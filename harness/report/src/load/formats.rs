//! Formats of the ecosystem: Bencher Metric Format, and github-action-benchmark's list.

use fedproof_results::load::LoadRecord;
use serde_json::{Map, Value, json};

/// Figures of a load: benchmark, measure, value, unit.
fn figures(record: &LoadRecord) -> Vec<(String, &'static str, f64, &'static str)> {
    let operations = record.operations.iter().flat_map(|one| {
        let name = format!("{}/{}", record.workload, one.name);
        [
            (name.clone(), "p50", one.p50_us as f64, "µs"),
            (name.clone(), "p95", one.p95_us as f64, "µs"),
            (name, "p99", one.p99_us as f64, "µs"),
        ]
    });
    let work = record.own_work().iter().filter(|one| one.count > 0).flat_map(|one| {
        let name = format!("{}/{}/{}", record.workload, one.operation, one.server);
        let each = |sum: u64| sum as f64 / one.count as f64;
        let database = one.db_transactions.map(|sum| (name.clone(), "db_transactions", each(sum), "transactions"));
        let cpu = one.whole_cpu_ms().map(|sum| (name.clone(), "cpu", each(sum), "ms"));
        cpu.into_iter().chain(database)
    });
    operations.chain(work).collect()
}

/// Bencher Metric Format: `{benchmark: {measure: {value}}}`.
pub fn bencher(record: &LoadRecord) -> Value {
    let mut all = Map::new();
    for (name, measure, value, _) in figures(record) {
        let one = all.entry(name).or_insert_with(|| json!({}));
        one[measure] = json!({"value": value});
    }
    Value::Object(all)
}

/// github-action-benchmark, `customSmallerIsBetter`: `[{name, unit, value}]`.
pub fn github(record: &LoadRecord) -> Value {
    let figures = figures(record).into_iter();
    figures
        .map(|(name, measure, value, unit)| json!({"name": format!("{name} {measure}"), "unit": unit, "value": value}))
        .collect()
}
