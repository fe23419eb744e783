//! A load run in a screenful of text.

use fedproof_results::load::{LoadRecord, OperationFigures, Work};
use std::fmt::Write;

/// The summary.
pub fn summary(record: &LoadRecord) -> String {
    let mut text = String::new();
    let servers: Vec<String> = record
        .servers
        .iter()
        .map(|server| format!("{} ({} {})", server.name, server.implementation, server.version))
        .collect();
    let _ =
        writeln!(text, "{} on {}: {}, seed {}\n", record.workload, record.deployment, servers.join(", "), record.seed);
    let _ = writeln!(
        text,
        "{:18} {:>8} {:>7} {:>8} {:>9} {:>9} {:>9} {:>9}",
        "", "count", "errors", "/s", "p50", "p95", "p99", "max"
    );
    for OperationFigures { name, count, errors, rate, p50_us, p95_us, p99_us, max_us, .. } in &record.operations {
        let _ = writeln!(
            text,
            "{name:18} {count:>8} {errors:>7} {rate:>8.1} {:>9} {:>9} {:>9} {:>9}",
            time(*p50_us),
            time(*p95_us),
            time(*p99_us),
            time(*max_us)
        );
    }
    for OperationFigures { name, reasons, .. } in record.operations.iter().filter(|one| !one.reasons.is_empty()) {
        let reasons: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
        let _ = writeln!(text, "{name} failed: {}", reasons.join(", "));
    }
    if !record.own_work().is_empty() {
        let _ = writeln!(
            text,
            "\n{:18} {:18} {:>9} {:>10} {:>9} {:>9} {:>9}",
            "for one operation", "", "CPU", "PostgreSQL", "database", "requests", "bytes"
        );
    }
    for Work { server, operation, count, cpu_ms, database_cpu_ms, db_transactions, requests, bytes, .. } in
        record.own_work()
    {
        let each = |sum: u64| sum as f64 / (*count).max(1) as f64;
        let told =
            |sum: Option<u64>, write: fn(f64) -> String| sum.map_or_else(|| "?".to_owned(), |sum| write(each(sum)));
        let database = told(*db_transactions, |each| format!("{each:.1}"));
        let _ = writeln!(
            text,
            "{operation:18} {server:18} {:>9} {:>10} {database:>9} {:>9} {:>9}",
            told(*cpu_ms, |each| format!("{each:.1} ms")),
            database_cpu_ms.map_or_else(|| "-".to_owned(), |sum| format!("{:.1} ms", each(sum))),
            told(*requests, |each| format!("{each:.2}")),
            told(*bytes, |each| format!("{each:.0}"))
        );
    }
    if !record.standing.because.is_empty() {
        let _ = writeln!(text, "\nfigures for smoke only, not fit to gate: {}", record.standing.because.join("; "));
    }
    let generator = &record.generator;
    let _ = writeln!(
        text,
        "\ngenerator: {:.1} s of CPU, {} MiB, free workers woke {} late (p99)",
        generator.cpu_ms as f64 / 1000.0,
        generator.rss_bytes >> 20,
        time(generator.late_p99_us)
    );
    let broken = record.invariants.iter().flat_map(|one| one.breaches.iter().map(move |what| (one, what)));
    for (one, what) in broken {
        let _ = writeln!(text, "invariant/{} broken by {}: {what}", one.rule, one.server);
    }
    if record.lost > 0 {
        let _ = writeln!(text, "{} messages were not seen by everybody who should have seen them", record.lost);
    }
    for one in record.unsent.iter().filter(|one| one.events > 0) {
        let _ = writeln!(text, "{} had {} events left to send on when {} ended", one.server, one.events, one.phase);
    }
    if let Some(limit) = &record.limit {
        text.push_str(&super::limit::text(limit));
    }
    if let Some(comparison) = &record.comparison {
        text.push_str(&super::comparison::text(comparison));
    }
    for threshold in &record.thresholds {
        let mark = if threshold.ok { "held  " } else { "BROKEN" };
        let seen = threshold
            .value
            .map_or_else(|| "nothing to judge".to_owned(), |value| threshold_value(&threshold.expression, value));
        let _ = writeln!(text, "{mark}  {}  (seen: {seen})", threshold.expression);
    }
    for phase in record.phases.iter().filter(|phase| !phase.faults.is_empty()) {
        let _ = writeln!(text, "phase {}, as the workload asks: {}", phase.name, phase.faults.join(", "));
    }
    for trouble in &record.troubles {
        let _ = writeln!(text, "TROUBLE: {}", trouble.told());
    }
    for reason in &record.invalid_because {
        let _ = writeln!(text, "INVALID: {reason}");
    }
    if !record.complete {
        let _ = writeln!(text, "stopped early: {}", record.stopped_because);
    }
    let (word, meaning) = record.verdict().words();
    let _ = writeln!(text, "\n{word}: {meaning}");
    text
}

/// Microseconds for people.
pub(super) fn time(micros: u64) -> String {
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..100_000 => format!("{:.1} ms", micros as f64 / 1e3),
        100_000..1_000_000 => format!("{} ms", micros / 1000),
        _ => format!("{:.2} s", micros as f64 / 1e6),
    }
}

/// A threshold's value in the unit that its expression uses.
pub fn threshold_value(expression: &str, value: f64) -> String {
    let metric: &str = expression.split(['(', ' ', '<', '>']).next().unwrap_or_default();
    match metric {
        "error_rate" => format!("{:.3}%", value * 100.0),
        "cpu_per_op" => format!("{value:.1}ms"),
        "memory" => format!("{:.0}MB", value / 1e6),
        "rate" => format!("{value:.1}/s"),
        "count" | "lost" | "db_per_op" => format!("{value:.1}"),
        _ => time(value as u64),
    }
}
