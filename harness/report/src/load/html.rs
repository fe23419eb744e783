//! `load.html`: one file that needs no network and no script. The order is that of a reader's questions: did it hold, may
//! the figures be believed, how long did what take, what did it cost, and how did it go over time.

use super::{
    chart::{Chart, Line},
    summary::{threshold_value, time},
};
use fedproof_results::load::{LoadRecord, LoadVerdict, OperationFigures, Second, Work};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeSet;

const STYLE: &str = include_str!("../html/style.css");
const OWN_STYLE: &str = "
.chart { margin: 0 0 1.4rem; } .chart figcaption { font-weight: 600; margin-bottom: 0.3rem; }
.chart svg { width: 100%; height: auto; } .chart text { font: 10px system-ui, sans-serif; fill: var(--quiet); }
.grid { stroke: var(--line); stroke-width: 0.7; } .mark { stroke: var(--quiet); stroke-width: 0.7; stroke-dasharray: 3 3; }
.shade { fill: var(--raised); } .fault { fill: #d55e00; opacity: 0.14; } .legend { display: flex; flex-wrap: wrap; gap: 0.1rem 1rem; font-size: 0.85rem; }
.legend svg { width: 26px; height: 8px; } td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
";
/// What people ask about first, in this order.
const HEADLINES: &[&str] =
    &["seen_local", "seen_remote", "seen_inbound", "first_delivery", "last_delivery", "caught_up"];

/// The page.
pub fn html(record: &LoadRecord) -> String {
    let policy = "default-src 'none'; style-src 'unsafe-inline'";
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { "fedproof load: " (record.workload) }
                style { (PreEscaped(STYLE)) (PreEscaped(OWN_STYLE)) }
            }
            body {
                (head(record))
                @if let Some(comparison) = &record.comparison { h2 { "Two builds" } (super::comparison::html(comparison)) }
                @if let Some(limit) = &record.limit { h2 { "The limit" } (super::limit::html(limit)) }
                h2 { "Thresholds" } (thresholds(record))
                h2 { "How long" } (operations(record))
                h2 { "What it cost" } (work(record))
                h2 { "Over time" } (charts(record))
                @if record.invariants.iter().any(|one| one.judged > 0) { h2 { "Invariants" } (invariants(record)) }
            }
        }
    }
    .into_string()
}

fn head(record: &LoadRecord) -> Markup {
    let verdict = record.verdict();
    let (mark, class) = match verdict {
        LoadVerdict::Held => ("✓", "pass"),
        LoadVerdict::Broken | LoadVerdict::Slower => ("✗", "fail"),
        LoadVerdict::Unclear | LoadVerdict::StoppedEarly | LoadVerdict::Invalid => ("?", "inconclusive"),
    };
    let (word, _) = verdict.words();
    html! {
        header {
            p.product { "fedproof load " code { (record.run_id) } }
            h1 class=(class) { (mark) " " (record.workload) ": " (word) }
            p.gate { (record.about) }
            @if !record.complete { div.banner.loud role="alert" { strong { "Stopped early: " } (record.stopped_because) } }
            @if !record.troubles.is_empty() {
                div.banner role="alert" {
                    strong { "What homeservers did" }
                    ul { @for trouble in &record.troubles { li { (trouble.told()) } } }
                }
            }
            @if !record.invalid_because.is_empty() {
                div.banner role="alert" {
                    strong { "The figures must not be believed" }
                    ul { @for reason in &record.invalid_because { li { (reason) } } }
                }
            }
            dl.facts {
                @for server in &record.servers {
                    div { dt { "homeserver " (server.name) } dd { (server.implementation) " " (server.version) } }
                }
                div { dt { "deployment" } dd { (record.deployment) } }
                div { dt { "seed" } dd { (record.seed) } }
                div { dt { "begun" } dd { (record.started_at) } }
                div {
                    dt { "generator" }
                    dd {
                        (format!("{:.1} s of CPU, {} MiB", record.generator.cpu_ms as f64 / 1e3, record.generator.rss_bytes >> 20)) br;
                        span.quiet { "free workers woke " (time(record.generator.late_p99_us)) " late (p99)" }
                    }
                }
            }
        }
    }
}

fn thresholds(record: &LoadRecord) -> Markup {
    if record.thresholds.is_empty() {
        return html! { p { "The workload has none." } };
    }
    html! {
        div.wide tabindex="0" { table {
            thead { tr { th { "" } th { "must hold" } th.n { "seen" } } }
            tbody { @for threshold in &record.thresholds {
                tr {
                    td { span class=(if threshold.ok { "v pass" } else { "v fail" }) { (if threshold.ok { "✓ held" } else { "✗ broken" }) } }
                    td { code { (threshold.expression) } }
                    td.n { (threshold.value.map_or_else(|| "nothing to judge".to_owned(), |value| threshold_value(&threshold.expression, value))) }
                }
            } }
        } }
    }
}

fn operations(record: &LoadRecord) -> Markup {
    let rank = |name: &str| HEADLINES.iter().position(|headline| *headline == name).unwrap_or(HEADLINES.len());
    let mut operations: Vec<&OperationFigures> = record.operations.iter().collect();
    operations.sort_by_key(|one| rank(&one.name));
    html! {
        p.quiet { "From when something was due, not from when the generator got to it, to the last byte." }
        div.wide tabindex="0" { table {
            thead { tr { th { "" } th.n { "count" } th.n { "errors" } th.n { "/s" } th.n { "p50" } th.n { "p95" } th.n { "p99" } th.n { "p99.9" } th.n { "max" } } }
            tbody { @for one in operations {
                tr {
                    td { strong { (one.name) } @if !one.reasons.is_empty() { br; span.quiet { (reasons(one)) } } }
                    td.n { (one.count) } td.n { (one.errors) } td.n { (format!("{:.1}", one.rate)) }
                    @for micros in [one.p50_us, one.p95_us, one.p99_us, one.p999_us, one.max_us] { td.n { (time(micros)) } }
                }
            } }
        } }
        @if record.lost > 0 { p.seen { (record.lost) " messages were not seen by everybody who should have seen them." } }
    }
}

fn reasons(one: &OperationFigures) -> String {
    one.reasons.iter().map(|(reason, count)| format!("{count} × {reason}")).collect::<Vec<_>>().join(", ")
}

fn work(record: &LoadRecord) -> Markup {
    let each = |sum: u64, count: u64| sum as f64 / count.max(1) as f64;
    let count_of =
        |sum: Option<u64>, count: u64| sum.map_or_else(|| "?".to_owned(), |sum| format!("{:.1}", each(sum, count)));
    html! {
        @if !record.standing.because.is_empty() {
            p.seen { "For smoke only, not fit to gate: " (record.standing.because.join("; ")) "." }
        }
        @if record.own_work().is_empty() && !record.work.is_empty() {
            p { "The homeservers' counters tell of all shards: what one operation cost is in the merged whole." }
        }
        p.quiet { "For one operation, over the phases in which it was the only one; mixed: over phases with several." }
        div.wide tabindex="0" { table {
            thead { tr { th { "operation" } th { "homeserver" } th.n { "count" } th.n { "CPU" } th.n { "CPU of PostgreSQL" } th.n { "database transactions" } th.n { "events persisted" } th.n { "federation requests" } th.n { "bytes sent" } } }
            tbody { @for Work { server, operation, count, cpu_ms, database_cpu_ms, db_transactions, events_persisted, requests, bytes, .. } in record.own_work() {
                tr {
                    td { (operation) } td { (server) } td.n { (count) }
                    td.n { (cpu_ms.map_or_else(|| "?".to_owned(), |sum| format!("{:.1} ms", each(sum, *count)))) }
                    td.n { (database_cpu_ms.map_or_else(|| "–".to_owned(), |sum| format!("{:.1} ms", each(sum, *count)))) }
                    td.n { (count_of(*db_transactions, *count)) } td.n { (count_of(*events_persisted, *count)) }
                    td.n { (requests.map_or_else(|| "?".to_owned(), |sum| format!("{:.2}", each(sum, *count)))) }
                    td.n { (bytes.map_or_else(|| "?".to_owned(), |sum| format!("{:.0}", each(sum, *count)))) }
                }
            } }
        } }
    }
}

fn charts(record: &LoadRecord) -> Markup {
    let shaded: Vec<(f64, f64)> =
        record.phases.iter().filter(|phase| !phase.measured).map(|phase| (phase.from, phase.to)).collect();
    let marks: Vec<(f64, String)> = record.phases.iter().map(|phase| (phase.from, phase.name.clone())).collect();
    let faulted: Vec<(f64, f64)> =
        record.phases.iter().filter(|phase| !phase.faults.is_empty()).map(|phase| (phase.from, phase.to)).collect();
    let chart = |title, lines, unit, logarithmic| Chart {
        title,
        lines,
        unit,
        shaded: &shaded,
        faulted: &faulted,
        marks: &marks,
        logarithmic,
    };
    let rate = chart(
        "Operations and sightings a second",
        series(record, busiest(record), |one| one.count as f64),
        |value| format!("{value:.0}"),
        false,
    );
    let latency = chart(
        "95th percentile of the latency",
        series(record, busiest(record), |one| one.p95_us as f64),
        |value| time(value as u64),
        true,
    );
    let slowest = chart(
        "Longest in each second",
        series(record, busiest(record), |one| one.max_us as f64),
        |value| time(value as u64),
        true,
    );
    let cpu = chart("Processor, in cores", processes(record, |sample| sample.0), |value| format!("{value:.1}"), false);
    let memory =
        chart("Resident memory", processes(record, |sample| sample.1), |value| format!("{:.0} MB", value / 1e6), false);
    html! {
        p.quiet { "Grey: not measured." @for phase in &record.phases { @if !phase.faults.is_empty() { " Orange, " (phase.name) ": " (phase.faults.join(", ")) "." } } }
        @for chart in [rate, latency, slowest, cpu, memory] { @if let Some(drawn) = chart.draw() { (drawn) } }
    }
}

/// Series that are worth a line: the headlines, then those with the most samples.
fn busiest(record: &LoadRecord) -> Vec<String> {
    let mut named: Vec<&OperationFigures> = record.operations.iter().collect();
    named.sort_by_key(|one| (!HEADLINES.contains(&one.name.as_str()), std::cmp::Reverse(one.count)));
    named.iter().map(|one| one.name.clone()).take(6).collect()
}

fn series(record: &LoadRecord, names: Vec<String>, value: impl Fn(&Second) -> f64) -> Vec<Line> {
    let line = |name: String| {
        let own = record.timeline.iter().filter(|second| second.name == name && second.count > 0);
        Line { points: own.map(|second| (second.second as f64, value(second))).collect(), name }
    };
    names.into_iter().map(line).collect()
}

fn processes(record: &LoadRecord, value: impl Fn((f64, f64)) -> f64) -> Vec<Line> {
    let names: BTreeSet<&str> = record.resources.iter().map(|sample| sample.process.as_str()).collect();
    let line = |name: &str| {
        let own = record.resources.iter().filter(|sample| sample.process == name);
        let points = own.map(|sample| (sample.second as f64, value((sample.cpu, sample.rss_bytes as f64)))).collect();
        Line { name: name.to_owned(), points }
    };
    names.into_iter().map(line).collect()
}

fn invariants(record: &LoadRecord) -> Markup {
    html! {
        p.quiet {
            @if record.invariants.iter().any(|one| !one.whole) { "Over the first part of the traffic, which was kept for this; a long load is not kept whole." }
            @else { "Over all traffic." }
        }
        div.wide tabindex="0" { table {
            thead { tr { th { "rule" } th { "homeserver" } th.n { "judged" } th { "breaches" } } }
            tbody { @for one in &record.invariants {
                tr {
                    td { (one.rule) } td { (one.server) } td.n { (one.judged) }
                    td { @if one.breaches.is_empty() { "none" } @else { ul { @for what in &one.breaches { li.seen { (what) } } } } }
                }
            } }
        } }
    }
}
