//! A paired session as a table.

use super::summary::threshold_value;
use fedproof_results::load::{ComparedFigure, Comparison, FigureKind, ThresholdResult, Verdict};
use maud::{Markup, html};
use std::{collections::BTreeMap, fmt::Write};

/// The table, and what its intervals promise.
pub(super) fn text(comparison: &Comparison) -> String {
    let mut text = String::new();
    let servers: Vec<String> =
        comparison.servers.iter().map(|server| format!("{} {}", server.name, server.version)).collect();
    let _ = writeln!(
        text,
        "\nagainst B, {} ({}): {} pairs, played {}",
        comparison.against.join(", "),
        servers.join(", "),
        comparison.pairs,
        comparison.order
    );
    let _ = writeln!(text, "{:28} {:>10} {:>10} {:>7}  {:19} ", "", "A", "B", "B/A", "interval");
    for figure in &comparison.figures {
        let ComparedFigure { name, unit, a, b, ratio, low, high, half_width, .. } = figure;
        let interval = format!("{low:.3}–{high:.3} ±{:.1}%", half_width * 100.0);
        let (a, b) = (value(*a, unit), value(*b, unit));
        let _ = writeln!(text, "{name:28} {a:>10} {b:>10} {ratio:>7.3}  {interval:19}  {}", word(figure));
    }
    for (name, reason) in &comparison.left_out {
        let _ = writeln!(text, "{name:28} NOT COMPARED: {reason}");
    }
    for (name, reason) in &comparison.sparse {
        let _ = writeln!(text, "{name:28} no figure here: {reason}");
    }
    for reason in &comparison.disturbed {
        let _ = writeln!(text, "does not count, {reason}");
    }
    for line in trouble_of_b(comparison) {
        let _ = writeln!(text, "{line}");
    }
    let _ = writeln!(
        text,
        "({} comparisons: all intervals together hold in {:.0} of 100 sessions; differences below 5 % of a time and \
         2 % of a count do not count)\n",
        comparison.comparisons,
        comparison.confidence * 100.0
    );
    text
}

/// What broke and failed on B.
fn trouble_of_b(comparison: &Comparison) -> Vec<String> {
    let seen = |threshold: &ThresholdResult| {
        threshold
            .value
            .map_or_else(|| "nothing to judge".to_owned(), |value| threshold_value(&threshold.expression, value))
    };
    let broken = comparison.thresholds.iter().filter(|threshold| !threshold.ok);
    let broken = broken.map(|threshold| format!("BROKEN on B: {} (seen: {})", threshold.expression, seen(threshold)));
    let failed = comparison.operations.iter().filter(|one| !one.reasons.is_empty()).map(|one| {
        let reasons: Vec<String> = one.reasons.iter().map(|(reason, count)| format!("{count} × {reason}")).collect();
        format!("{} failed on B: {}", one.name, reasons.join(", "))
    });
    broken.chain(failed).collect()
}

/// The same for the page.
pub(super) fn html(comparison: &Comparison) -> Markup {
    let class = |figure: &ComparedFigure| match figure.verdict {
        Verdict::Slower => "v fail",
        Verdict::Faster | Verdict::NoDifference => "v pass",
        Verdict::Unclear => "v inconclusive",
    };
    html! {
        p {
            "B has " code { (comparison.against.join(", ")) } ". " (comparison.pairs) " pairs, played "
            code { (comparison.order) } ". What follows this section is about A."
        }
        div.wide tabindex="0" { table {
            thead { tr { th { "" } th.n { "A" } th.n { "B" } th.n { "B/A" } th.n { "interval" } th { "B" } } }
            tbody { @for figure in &comparison.figures {
                tr {
                    td { code { (figure.name) } }
                    td.n { (value(figure.a, &figure.unit)) }
                    td.n { (value(figure.b, &figure.unit)) }
                    td.n { (format!("{:.3}", figure.ratio)) }
                    td.n { (format!("{:.3}–{:.3}", figure.low, figure.high)) }
                    td { span class=(class(figure)) { (word(figure)) } }
                }
            } }
        } }
        @for line in trouble_of_b(comparison) { p.fail { (line) } }
        @if !comparison.left_out.is_empty() {
            p.fail { "Not compared: " (listed(&comparison.left_out)) "." }
        }
        @if !comparison.sparse.is_empty() {
            p.quiet { "No figures here: " (listed(&comparison.sparse)) "." }
        }
        p.quiet {
            "Intervals are corrected for " (comparison.comparisons) " comparisons: all together hold in "
            (format!("{:.0}", comparison.confidence * 100.0)) " of 100 sessions."
            @if !comparison.disturbed.is_empty() { " Pairs that were disturbed did not count, others were played instead." }
        }
        @if !comparison.disturbed.is_empty() { ul { @for reason in &comparison.disturbed { li { (reason) } } } }
    }
}

/// A verdict for people.
fn word(figure: &ComparedFigure) -> String {
    let (more, less) = match figure.kind {
        FigureKind::Latency => ("slower", "faster"),
        FigureKind::Cpu | FigureKind::Work => ("more", "less"),
    };
    let by = (figure.ratio - 1.0).abs() * 100.0;
    match figure.verdict {
        Verdict::Slower => format!("{more} by {by:.1} %"),
        Verdict::Faster => format!("{less} by {by:.1} %"),
        Verdict::NoDifference => "no difference".to_owned(),
        Verdict::Unclear => format!("no difference found, but ±{:.0} % is too wide to tell", figure.half_width * 100.0),
    }
}

fn value(value: f64, unit: &str) -> String {
    match unit {
        "µs" => super::summary::time(value as u64),
        "" => format!("{value:.2}"),
        unit => format!("{value:.1} {unit}"),
    }
}

fn listed(reasons: &BTreeMap<String, String>) -> String {
    reasons.iter().map(|(name, why)| format!("{name} ({why})")).collect::<Vec<_>>().join(", ")
}
