//! One case: what it asks, what became of it over time, and what was on the wire the last time.

use super::exchange;
use crate::{
    part, spec,
    view::{Body, View, Wrong},
    words::fill,
};
use fedproof_history::CaseOutcome;
use fedproof_report::words::{duration, mark};
use fedproof_results::{CaseInfo, RunRecord, SubjectResult, Verdict};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

/// Outcomes looked at.
const OUTCOMES: u32 = 300;
/// Marks of a strip.
const STRIP: usize = 50;

pub(crate) async fn case(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let id = view.param("id");
    let case = view.shared.store.case(id).await?.ok_or_else(|| Wrong::Missing(id.to_owned()))?;
    let outcomes = view.shared.store.outcomes_of(id, OUTCOMES).await?;
    let places = by_place(&outcomes, view.asked("run"));
    // Where it fails is what one wants to see.
    let run_id =
        view.asked("run").or(places.first().map(|(_, outcomes)| outcomes[0].run_id.as_str())).unwrap_or_default();
    let record = view.record(run_id).await?;
    let markup = html! {
        p.product { (words.case) }
        h1.id { (part::id(&case.id)) }
        p.title { (part::text(&case.title)) }
        (about(&view, &case))
        h2 { (words.history) }
        @if outcomes.is_empty() { p.quiet { (words.no_outcome) } }
        @for (place, outcomes) in &places { (history(&view, *place, outcomes, run_id)) }
        h2 { (words.evidence) " " span.quiet { (words.run) " " a href=(part::run_path(run_id)) { (part::text(run_id)) } } }
        @match record {
            Some(record) => (evidence(&view, &record, id)),
            None => { p.quiet { (words.pruned) } }
        }
    };
    Ok(Body { title: id.to_owned(), markup })
}

fn about(view: &View, case: &CaseInfo) -> Markup {
    let words = view.words;
    html! {
        dl.facts {
            div { dt { (words.level) } dd { (case.level) " · P" (case.priority) } }
            div { dt { (words.requirement) } dd { (spec::linked(&case.requirement)) } }
            @if let Some(version) = &case.room_version { div { dt { (words.room_version) } dd { (part::text(version)) } } }
            @if let Some(since) = &case.since { div { dt { (words.since) } dd { (part::text(since)) } } }
            div { dt { (words.scenario) } dd { code { (part::text(&case.scenario)) } } }
            @if !case.tags.is_empty() { div { dt { (words.tags) } dd { (part::text(&case.tags.join(", "))) } } }
        }
    }
}

/// Branch, place, kind of homeserver.
type Place<'a> = (&'a str, &'a str, &'a str);

/// Outcomes by place, latest first: first the place of the run that was asked for, then where it does not pass.
fn by_place<'a>(outcomes: &'a [CaseOutcome], run_id: Option<&str>) -> Vec<(Place<'a>, Vec<&'a CaseOutcome>)> {
    let mut places: BTreeMap<Place<'_>, Vec<&CaseOutcome>> = BTreeMap::new();
    for one in outcomes {
        places.entry((&one.branch, &one.place, &one.server)).or_default().push(one);
    }
    let mut places: Vec<_> = places.into_iter().collect();
    places.sort_by_key(|(_, outcomes)| {
        let latest = outcomes[0];
        let is_asked_for = outcomes.iter().any(|one| Some(one.run_id.as_str()) == run_id);
        (
            !is_asked_for,
            latest.accepted,
            !matches!(latest.verdict, Verdict::Fail),
            !matches!(latest.verdict, Verdict::Inconclusive),
        )
    });
    places
}

/// Latest first.
fn history(view: &View, (branch, place, server): Place<'_>, outcomes: &[&CaseOutcome], shown: &str) -> Markup {
    let words = view.words;
    let changes = outcomes.windows(2).filter(|pair| pair[0].verdict != pair[1].verdict).count();
    let mixed = mixed_builds(outcomes);
    let since = outcomes.iter().take_while(|one| one.verdict == outcomes[0].verdict).last();
    html! {
        section class={ "card " (outcomes[0].verdict) } {
            h3 { (part::text(branch)) ": " (part::text(place)) ", " (part::text(server)) }
            p {
                (part::verdict(words, outcomes[0].verdict))
                @if let Some(since) = since { " " (if std::ptr::eq(*since, outcomes[outcomes.len() - 1]) { words.since_at_least } else { words.since }) " " (part::build(view, &since.build)) ", " (part::time(&since.started_at)) }
                @if outcomes[0].accepted { " " span.chip { (words.known_deviation) } }
                @if mixed > 0 { " " span.chip.inconclusive { (fill(words.flaky_builds, &[&mixed])) } }
            }
            @if !outcomes[0].reason.is_empty() { p { (part::text(&outcomes[0].reason)) } }
            @if !outcomes[0].seen.is_empty() { p.quiet { (part::text(&outcomes[0].seen)) } }
            ol.strip aria-label=(words.history) {
                @for one in outcomes.iter().take(STRIP).rev() {
                    @let told = format!("{}: {} ({}, {})", one.build, words.verdict(one.verdict), one.started_at.get(..16).unwrap_or_default(), duration(one.duration_ms));
                    li { a class=(one.verdict) aria-current=[(one.run_id == shown).then_some("true")] href=(part::case_in(view.param("id"), &one.run_id)) title=(part::text(&told)) aria-label=(part::text(&told)) { (mark(one.verdict)) } }
                }
            }
            p.quiet { (fill(words.changed_in_runs, &[&outcomes.len(), &changes])) }
        }
    }
}

/// How many builds have two verdicts: that is the case's doing, not the build's.
fn mixed_builds(outcomes: &[&CaseOutcome]) -> usize {
    let mut builds: BTreeMap<&str, BTreeSet<Verdict>> = BTreeMap::new();
    for one in outcomes {
        builds.entry(&one.build).or_default().insert(one.verdict);
    }
    builds.values().filter(|verdicts| verdicts.len() > 1).count()
}

fn evidence(view: &View, record: &RunRecord, id: &str) -> Markup {
    let Some(result) = record.cases.iter().find(|result| result.case.id == id) else {
        return html! { p.quiet { (view.words.not_in_this_run) } };
    };
    html! { @for subject in &result.subjects { (judged(view, record, subject)) } }
}

fn judged(view: &View, record: &RunRecord, subject: &SubjectResult) -> Markup {
    let words = view.words;
    let mut ids: Vec<u64> = subject.phases.iter().filter_map(|phase| phase.exchange).collect();
    ids.extend(subject.failure.iter().flat_map(|failure| &failure.exchanges));
    ids.sort_unstable();
    ids.dedup();
    html! {
        section class={ "card " (subject.verdict) } {
            h3 { (part::text(&subject.server)) ": " (part::verdict(words, subject.verdict)) span.quiet { " " (duration(subject.duration_ms)) } }
            @if !subject.reason.is_empty() { p { (part::text(&subject.reason)) } }
            @if let Some(known) = &subject.deviation {
                p { strong { (words.known_deviation) ": " } (part::text(&known.to_string())) @if known.expired { " " span.chip.fail { (words.expired) } } }
            }
            @if let Some(failure) = &subject.failure {
                dl {
                    dt { (words.step) } dd { code { (part::text(&failure.step)) } span.quiet { " " (part::text(&failure.location.file)) ":" (failure.location.line) } }
                    dt { (words.expected) } dd.expected { (part::text(&failure.expected)) }
                    dt { (words.seen) } dd.seen { (part::text(&failure.seen)) }
                }
            }
            @if !subject.phases.is_empty() {
                p.phases { @for phase in &subject.phases { (exchange::phase(words, phase)) " " } }
            }
            @if !subject.facts.is_empty() {
                dl { @for (name, value) in &subject.facts { dt { (part::text(name)) } dd { (part::text(value)) } } }
            }
            @for measured in &subject.measurements { p.quiet { (part::text(&measured.name)) ": " (part::amount(measured.value as f64, &measured.unit)) } }
            @for exchange in ids.iter().filter_map(|id| record.evidence.get(id)) { (exchange::one(words, exchange)) }
        }
    }
}
