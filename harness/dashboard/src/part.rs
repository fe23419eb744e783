//! Pieces that several pages share.

use crate::{
    track,
    view::View,
    words::{Words, run_word},
};
use fedproof_history::{FigureKind, Kind, Outcome, RunHead};
use fedproof_report::words::{ORDER, duration_us, mark, one_line};
use fedproof_results::Verdict;
use maud::{Markup, html};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::BTreeMap;

/// What needs no escape in a query or in a part of a path.
const ESCAPED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A link with a query.
pub(crate) fn href(path: &str, query: &[(&str, &str)]) -> String {
    let pairs = query.iter().map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, &ESCAPED)));
    let query = pairs.collect::<Vec<_>>().join("&");
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// The page of a run.
pub(crate) fn run_path(run_id: &str) -> String {
    format!("/run/{}", utf8_percent_encode(run_id, &ESCAPED))
}

/// The page of a case.
pub(crate) fn case_path(id: &str) -> String {
    const SLASHED: AsciiSet = ESCAPED.remove(b'/');
    format!("/case/{}", utf8_percent_encode(id, &SLASHED))
}

/// The page of a case, with the evidence of a run.
pub(crate) fn case_in(id: &str, run_id: &str) -> String {
    href(&case_path(id), &[("run", run_id)])
}

/// An id that breaks at its slashes where it has to break.
pub(crate) fn id(id: &str) -> Markup {
    let id = text(id);
    html! { @for (at, part) in id.split('/').enumerate() { @if at > 0 { "/" wbr; } (part) } }
}

/// An id without its room version, and `v12`: `acl/endpoint/backfill/v12` in two parts; the second may be empty.
pub(crate) fn row(id: &str) -> (&str, &str) {
    let is_version =
        |end: &str| end.strip_prefix('v').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    id.rsplit_once('/').filter(|(_, end)| is_version(end)).unwrap_or((id, ""))
}

/// Foreign text in a line.
pub(crate) fn text(text: &str) -> String {
    one_line(text, 2_000)
}

/// A mark that is read out by the word beside it.
pub(crate) fn sign(mark: &str) -> Markup {
    html! { span.mark aria-hidden="true" { (mark) } }
}

/// Mark and word of a verdict. The colour of its class only repeats them.
pub(crate) fn verdict(words: &Words, verdict: Verdict) -> Markup {
    html! { span class={ "v " (verdict) } { (sign(mark(verdict))) " " (words.verdict(verdict)) } }
}

/// Mark and class of the word of a run.
pub(crate) fn run_mark(run: &RunHead) -> (&'static str, &'static str) {
    match run.word() {
        "qualified" | "held" => ("✓", "pass"),
        "not_qualified" | "broken" | "slower" | "blocked" => ("✗", "fail"),
        _ => ("?", "inconclusive"),
    }
}

/// The word of a run.
pub(crate) fn run_verdict(words: &Words, run: &RunHead) -> Markup {
    let (mark, class) = run_mark(run);
    html! { span class={ "v " (class) } { (sign(mark)) " " (run_word(words, run.word())) } }
}

/// How many of each verdict; `accepted` of the failures are known deviations, and told apart.
pub(crate) fn tally(words: &Words, counts: impl Fn(Verdict) -> u64, accepted: u64) -> Markup {
    let counts = |verdict| counts(verdict).saturating_sub(if verdict == Verdict::Fail { accepted } else { 0 });
    html! {
        span.tally {
            @for one in ORDER.into_iter().filter(|one| counts(*one) > 0) {
                span class={ "v " (one) } { (sign(mark(one))) " " (counts(one)) " " (words.verdict(one)) }
            }
            @if accepted > 0 { span.v.skipped { (sign("~")) " " (accepted) " " (words.accepted) } }
        }
    }
}

/// The tally of a run, some of whose outcomes are these: all that are wrong at least.
pub(crate) fn tally_of_run(words: &Words, run: &RunHead, outcomes: &[Outcome]) -> Markup {
    // A case is accepted if all that fails in it is.
    let mut failed: BTreeMap<&str, bool> = BTreeMap::new();
    // What is judged beside whatever is played is not in a run's counts.
    let asked = outcomes.iter().filter(|one| !one.case.starts_with("invariant/"));
    for one in asked.filter(|one| one.verdict == Verdict::Fail) {
        *failed.entry(&one.case).or_insert(true) &= one.accepted;
    }
    let accepted = failed.values().filter(|accepted| **accepted).count() as u64;
    tally(words, |verdict| run.counts.get(&verdict).copied().unwrap_or(0), accepted)
}

/// `2026-11-24 20:31`.
pub(crate) fn time(rfc3339: &str) -> Markup {
    let shown = rfc3339.get(..16).unwrap_or(rfc3339).replace('T', " ");
    html! { time datetime=(rfc3339) { (shown) } }
}

/// A build, with a link to where it is shown if there is such a place.
pub(crate) fn build(view: &View, build: &str) -> Markup {
    // A release or versions of homeservers are nothing that a forge shows.
    let is_commit = build.len() >= 7 && build.bytes().all(|byte| byte.is_ascii_hexdigit());
    match view.shared.build_link.as_ref().filter(|_| is_commit) {
        Some(link) => html! { a href=(link.replace("{build}", build)) rel="noreferrer" { code { (text(build)) } } },
        None => html! { code { (text(build)) } },
    }
}

/// Branch and place of a run, leading to its track.
pub(crate) fn place(run: &RunHead) -> Markup {
    let path = match run.kind {
        Kind::Cases => "/matrix",
        Kind::Load => "/performance",
    };
    html! { a href=(track::link(path, &run.branch, &run.place)) { (text(&run.branch)) ": " (text(&run.place)) } }
}

/// Runs as a row of marks, the latest last.
pub(crate) fn strip(words: &Words, latest_first: &[RunHead]) -> Markup {
    html! {
        ol.strip aria-label=(words.last_runs) {
            @for run in latest_first.iter().rev() {
                @let (mark, class) = run_mark(run);
                @let told = format!("{}: {} ({})", run.build, run_word(words, run.word()), run.started_at.get(..16).unwrap_or_default());
                li { a class=(class) href=(run_path(&run.run_id)) title=(text(&told)) aria-label=(text(&told)) { (mark) } }
            }
        }
    }
}

/// A table that scrolls by itself on a narrow screen.
pub(crate) fn wide(label: &str, table: Markup) -> Markup {
    html! { div.wide role="region" aria-label=(label) tabindex="0" { (table) } }
}

/// What a figure is about, as a word.
pub(crate) fn figure_kind(words: &Words, kind: FigureKind) -> &'static str {
    match kind {
        FigureKind::Latency => words.latency,
        FigureKind::Cpu => words.cpu,
        FigureKind::Memory => words.memory,
        FigureKind::Work => words.work,
    }
}

/// A figure as one reads it.
pub(crate) fn amount(value: f64, unit: &str) -> String {
    match unit {
        "us" if value < 100_000.0 => duration_us(value as u64),
        "us" => amount(value / 1_000.0, "ms"),
        "ms" if value < 1_000.0 => format!("{} ms", digits(value)),
        "ms" if value < 60_000.0 => format!("{} s", digits(value / 1_000.0)),
        "ms" => duration_us((value * 1_000.0) as u64),
        "bytes" if value < 10_000.0 => format!("{value:.0} B"),
        "bytes" if value < 10_000_000.0 => format!("{} KiB", digits(value / 1024.0)),
        "bytes" => format!("{} MiB", digits(value / 1024.0 / 1024.0)),
        "" => digits(value),
        other => format!("{} {}", digits(value), one_line(other, 12)),
    }
}

/// Three digits that count.
fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

/// By which share something changed: `+12.5 %`.
pub(crate) fn change(before: f64, after: f64) -> String {
    match (after - before) / before.abs() {
        share if share.is_finite() => format!("{:+.1} %", share * 100.0),
        _ => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_hold_whatever_they_are_given() {
        assert_eq!(case_path("acl/a b/<c>/v12"), "/case/acl/a%20b/%3Cc%3E/v12");
        assert_eq!(run_path("a/b?c"), "/run/a%2Fb%3Fc");
        assert_eq!(href("/search", &[("q", "a&b=ü")]), "/search?q=a%26b%3D%C3%BC");
        assert_eq!(href("/", &[]), "/");
    }

    #[test]
    fn rows_are_ids_without_room_versions() {
        assert_eq!(row("acl/endpoint/backfill/v12"), ("acl/endpoint/backfill", "v12"));
        assert_eq!(row("interop/via"), ("interop/via", ""));
        assert_eq!(row("alone"), ("alone", ""));
    }

    #[test]
    fn figures_read_well() {
        let told =
            [(12_345.0, "us"), (3.25, "ms"), (1_500.0, "ms"), (900.0, "bytes"), (190_840_832.0, "bytes"), (2.5, "")];
        let told = told.map(|(value, unit)| amount(value, unit));
        assert_eq!(told, ["12.3 ms", "3.25 ms", "1.50 s", "900 B", "182 MiB", "2.50"]);
        assert_eq!(change(200.0, 210.0), "+5.0 %");
        assert_eq!(change(0.0, 1.0), "–");
    }
}
