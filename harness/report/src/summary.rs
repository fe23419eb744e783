//! `summary.md`: the run on half a page, as a CI job's step summary.

use crate::{
    changes::changes_markdown,
    gate_line::GateLine,
    tally::{Tally, areas, judged, slowest},
    trouble::{Trouble, known_deviations, troubles, unreached},
    wire::{course, request_line},
    words::{ORDER, duration, mark, memory, one_line, plural, replay, wall_time, word},
};
use fedproof_results::{CaseResult, RunRecord, Verdict};
use std::fmt::Write;

/// So many troubles are told in full; a step summary has a size limit (1 MiB on GitHub).
const TROUBLES: usize = 50;

/// The run as Markdown.
pub fn summary(record: &RunRecord) -> String {
    let mut out = String::new();
    head(&mut out, record);
    table(&mut out, record);
    compared(&mut out, record);
    failing(&mut out, record);
    known(&mut out, record);
    reasons(&mut out, record);
    figures(&mut out, record);
    out
}

/// Appends a line. Writing into a `String` cannot fail.
macro_rules! line {
    ($out:expr) => { $out.push('\n') };
    ($out:expr, $($arg:tt)*) => {{ let _ = writeln!($out, $($arg)*); }};
}

fn head(out: &mut String, record: &RunRecord) {
    let gate = GateLine::of(record);
    let identity = &record.identity;
    line!(out, "# fedproof: {}", record.verdict.title());
    line!(out);
    if !record.complete {
        let missing = unreached(record).len();
        let all = plural(record.cases.len(), "case", "cases");
        let why = prose(&record.stopped_because);
        line!(out, "> **Run stopped early:** {why}; {missing} of {all} not reached.");
        line!(out);
    }
    line!(out, "**{}:** {}.", gate.counts(), prose(&gate.reason()));
    line!(out);
    let servers: Vec<_> = record
        .servers
        .iter()
        .map(|server| format!("{} = {} {}", prose(&server.name), prose(&server.implementation), prose(&server.version)))
        .collect();
    line!(
        out,
        "Run {} of {}: fedproof {} (suite {}), deployment {} ({}), profile {}, seed {}; {}.",
        code(&identity.run_id),
        prose(&identity.started_at),
        prose(&identity.suite_version),
        code(&one_line(&identity.suite_digest, 12)),
        prose(&identity.deployment),
        prose(&identity.backend),
        prose(&identity.profile),
        identity.seed,
        if servers.is_empty() { "no homeserver came up".to_owned() } else { servers.join(", ") }
    );
    line!(out);
    for warning in &record.warnings {
        line!(out, "> **Warning:** {}", prose(warning));
        line!(out);
    }
}

fn table(out: &mut String, record: &RunRecord) {
    let servers = judged(record);
    let apart = servers.len() > 1;
    let heads: Vec<_> = ORDER.iter().map(|&verdict| format!("{} {}", mark(verdict), word(verdict))).collect();
    line!(out, "| area | {}{} |", if apart { "homeserver | " } else { "" }, heads.join(" | "));
    line!(out, "|---|{}{}", if apart { "---|" } else { "" }, "--:|".repeat(ORDER.len()));
    for area in areas(record) {
        let rows: Vec<(String, Tally)> = if apart {
            let ran =
                servers.iter().map(|&server| (server, area.tally_of(server))).filter(|(_, tally)| tally.total() > 0);
            let never: Tally =
                area.cases.iter().filter(|result| result.subjects.is_empty()).map(|result| result.verdict).collect();
            let never = (never.total() > 0).then_some(("(not reached)", never));
            ran.chain(never).map(|(server, tally)| (format!("{} | ", prose(server)), tally)).collect()
        } else {
            vec![(String::new(), area.tally())]
        };
        for (server, tally) in rows {
            let cells: Vec<_> = ORDER.iter().map(|&verdict| cell(&tally, verdict)).collect();
            // Even in code, a table's cell ends at a bare `|`.
            let name = code(area.name).replace('|', r"\|");
            line!(out, "| {name} | {server}{} |", cells.join(" | "));
        }
    }
    line!(out);
}

fn cell(tally: &Tally, verdict: Verdict) -> String {
    match tally.of(verdict) {
        0 => String::new(),
        count if matches!(verdict, Verdict::Fail | Verdict::Inconclusive) => format!("**{count}**"),
        count => count.to_string(),
    }
}

/// The differences to the accepted verdicts.
fn compared(out: &mut String, record: &RunRecord) {
    let Some(comparison) = &record.comparison else { return };
    line!(out, "## Against the baseline");
    line!(out);
    line!(out, "{}", changes_markdown(comparison));
}

fn failing(out: &mut String, record: &RunRecord) {
    let troubles = troubles(record);
    if troubles.is_empty() {
        return;
    }
    line!(out, "## Failed and inconclusive");
    line!(out);
    for trouble in troubles.iter().take(TROUBLES) {
        told(out, record, trouble);
    }
    if troubles.len() > TROUBLES {
        line!(out, "… and {} more: see `report.html`.", troubles.len() - TROUBLES);
        line!(out);
    }
}

fn told(out: &mut String, record: &RunRecord, trouble: &Trouble<'_>) {
    let Trouble { case, subject } = trouble;
    let verdict = subject.verdict;
    line!(out, "### {} {} ({})", mark(verdict), code(&case.id), word(verdict));
    line!(out);
    line!(out, "{} ({} on {}; {})", prose(&case.title), case.level, prose(&subject.server), prose(&case.requirement));
    line!(out);
    match &subject.failure {
        Some(failure) => {
            let at = format!("{}:{}", failure.location.file, failure.location.line);
            line!(out, "- at {}, phase {}: {}", code(&at), prose(&failure.phase), prose(&failure.step));
            line!(out, "- expected {}", code(&failure.expected));
            line!(out, "- seen {}", code(&failure.seen));
        }
        None => line!(out, "- {}", prose(&subject.reason)),
    }
    let exchanges = trouble.exchanges();
    let decisive = exchanges.last().and_then(|id| record.evidence.get(id));
    if let Some(exchange) = decisive {
        line!(out, "- exchange #{}: {}, {}", exchange.id, code(&request_line(exchange, 300)), prose(&course(exchange)));
    }
    line!(out, "- hint: {}", prose(&trouble.hint(decisive)));
    line!(out, "- replay: {}", code(&replay(&record.identity, &record.servers, &case.id)));
    line!(out);
}

fn known(out: &mut String, record: &RunRecord) {
    let known = known_deviations(record);
    if known.is_empty() {
        return;
    }
    line!(out, "## Known deviations");
    line!(out);
    for (what, deviation) in known {
        line!(out, "- {}: {}", prose(&what), prose(&deviation.to_string()));
    }
    line!(out);
}

/// What was not put to the test, cases of one row and reason together.
fn reasons(out: &mut String, record: &RunRecord) {
    for (verdict, title) in [
        (Verdict::Observed, "Observed (the specification is silent)"),
        (Verdict::Skipped, "Skipped"),
        (Verdict::NotApplicable, "Not applicable"),
    ] {
        let mut rows: Vec<(&str, &str, Vec<&str>)> = Vec::new();
        for result in record.cases.iter().filter(|result| result.verdict == verdict) {
            let (row, reason, version) = (result.case.row(), result.reason.as_str(), version(result));
            match rows.iter_mut().find(|known| known.0 == row && known.1 == reason) {
                Some(known) => known.2.push(version),
                None => rows.push((row, reason, vec![version])),
            }
        }
        if rows.is_empty() {
            continue;
        }
        line!(out, "## {title}");
        line!(out);
        for (row, reason, versions) in rows {
            let versions: Vec<_> = versions.into_iter().filter(|version| !version.is_empty()).collect();
            let rooms = match versions.as_slice() {
                [] => String::new(),
                some => format!(" (room version {})", prose(&some.join(", "))),
            };
            line!(out, "- {}{rooms}: {}", code(row), prose(reason));
        }
        line!(out);
    }
}

fn version(result: &CaseResult) -> &str {
    result.case.room_version.as_deref().unwrap_or_default()
}

fn figures(out: &mut String, record: &RunRecord) {
    let wall = record.wall_ms;
    line!(out, "## Figures");
    line!(out);
    line!(out, "- wall time {}", wall_time(wall));
    for usage in &record.usage {
        let (cpu, memory) = (duration(usage.cpu_ms), memory(usage.rss_bytes));
        line!(out, "- {}: CPU {cpu}, memory {memory}", prose(&usage.name));
    }
    let slow: Vec<_> = slowest(record, 3)
        .iter()
        .map(|result| format!("{} {}", code(&result.case.id), duration(result.duration_ms)))
        .collect();
    if !slow.is_empty() {
        line!(out, "- slowest: {}", slow.join(", "));
    }
}

/// Foreign text as plain prose: nothing in it is markup.
pub(crate) fn prose(text: &str) -> String {
    let mut safe = String::new();
    for char in one_line(text, 1_000).chars() {
        match char {
            '<' => safe += "&lt;",
            '>' => safe += "&gt;",
            '&' => safe += "&amp;",
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' => safe.extend(['\\', char]),
            _ => safe.push(char),
        }
    }
    safe
}

/// Foreign text as code. Backticks cannot be escaped in it, so they become apostrophes.
fn code(text: &str) -> String {
    let text = one_line(text, 1_000).replace('`', "'");
    if text.trim().is_empty() { "(nothing)".into() } else { format!("`{text}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_no_markup() {
        assert_eq!(prose("<script>|*x*_[a](b)\n"), r"&lt;script&gt;\|\*x\*\_\[a\](b)\\n");
        assert_eq!(code("a`b|c\nd"), r"`a'b|c\nd`");
        assert_eq!(code(""), "(nothing)");
    }
}
