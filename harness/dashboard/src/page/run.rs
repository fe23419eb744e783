//! One run: what it was, what failed and why, every case by area, its figures.

use crate::{
    part,
    view::{Body, View, Wrong},
    words::fill,
};
use fedproof_history::{Kind, Outcome, RunHead};
use fedproof_report::{load::threshold_value, words::duration};
use fedproof_results::{Verdict, area, load::LoadRecord};
use maud::{Markup, html};
use std::{cmp::Reverse, collections::BTreeMap};

pub(crate) async fn run(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let store = &view.shared.store;
    let run = store.run(view.param("id")).await?;
    let before = view.before(&run).await?;
    let outcomes = store.outcomes_of_run(&run.run_id).await?;
    let (accepted, open): (Vec<Outcome>, Vec<Outcome>) = outcomes.iter().cloned().partition(|one| one.accepted);
    let troubles = super::trouble::list(&view, &run, &open, None).await?;
    let accepted = super::trouble::list(&view, &run, &accepted, None).await?;
    let load = if run.kind == Kind::Load { store.load_record(&run.run_id).await? } else { None };
    let figures = match &before {
        Some(before) => super::compare::figures(&view, before, &run, None).await?,
        None => html! { p.quiet { (words.first_of_track) } },
    };
    let markup = html! {
        (head(&view, &run, &outcomes, before.as_ref()))
        @if let Some(load) = &load { (load_figures(&view, load)) }
        @if run.counts.keys().any(|verdict| matches!(verdict, Verdict::Fail | Verdict::Inconclusive)) {
            h2 { (words.failed_and_inconclusive) }
            (troubles)
            @if !accepted.0.is_empty() {
                details.group { summary { h3 { (words.deviations) } } div.inside { (accepted) p { a href="/deviations" { (words.deviations) } } } }
            }
        }
        @if run.kind == Kind::Cases { (areas(&view, &run, &outcomes)) }
        h2 { (words.figures) " (" (super::compare::against(words, &run, before.as_ref())) ")" }
        (figures)
    };
    Ok(Body { title: format!("{} {}", words.run, run.run_id), markup })
}

fn head(view: &View, run: &RunHead, outcomes: &[Outcome], before: Option<&RunHead>) -> Markup {
    let words = view.words;
    let (_, class) = part::run_mark(run);
    html! {
        p.product { (words.run) " " code { (part::text(&run.run_id)) } }
        h1 class=(class) { (part::run_verdict(words, run)) }
        @if run.kind == Kind::Cases { p { (part::tally_of_run(words, run, outcomes)) } }
        @if !run.complete { p.banner role="note" { (words.stopped_early) } }
        p.links {
            @if let Some(before) = before { a href=(super::compare::path(&before.run_id, &run.run_id)) { (words.compare) ": " (super::compare::against(words, run, Some(before))) } }
            a href={ (part::run_path(&run.run_id)) "/report" } { (words.whole_report) }
        }
        dl.facts {
            div { dt { (words.build) } dd { (part::build(view, &run.build)) } }
            div { dt { (words.track) } dd { (part::place(run)) } }
            div { dt { (words.started) } dd { (part::time(&run.started_at)) br; span.quiet { (fill(words.took, &[&duration(run.wall_ms)])) } } }
            @for server in &run.servers {
                div { dt { (words.homeserver) " " (part::text(&server.name)) } dd { (part::text(&server.implementation)) " " (part::text(&server.version)) br; span.quiet { (part::text(&server.spec)) @if let Some(next) = &server.upgrade_to { " → " (part::text(&next.spec)) } } } }
            }
            div { dt { (words.suite) } dd { "fedproof " (part::text(&run.suite_version)) br; span.quiet { code { (part::text(run.suite_digest.get(..12).unwrap_or(&run.suite_digest))) } ", seed " (run.seed) } } }
            @if !run.machine.is_empty() { div { dt { (words.machine) } dd { (part::text(&run.machine)) } } }
        }
    }
}

fn areas(view: &View, run: &RunHead, outcomes: &[Outcome]) -> Markup {
    let words = view.words;
    let mut areas: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for outcome in outcomes {
        areas.entry(area(&outcome.case)).or_default().push(outcome);
    }
    areas.values_mut().for_each(|outcomes| outcomes.sort_by_key(|one| Reverse(rank(one.verdict))));
    html! {
        h2 id="cases" { (words.cases_by_area) }
        @for (area, outcomes) in &areas {
            @let count = |verdict| outcomes.iter().filter(|one| one.verdict == verdict).count() as u64;
            @let accepted = outcomes.iter().filter(|one| one.accepted && one.verdict == Verdict::Fail).count() as u64;
            details.group open[count(Verdict::Fail) > accepted || areas.len() == 1] {
                summary { h3 { (part::text(area)) } (part::tally(words, count, accepted)) }
                table.cases {
                    thead { tr { th scope="col" { (words.verdict) } th scope="col" { (words.case) } th scope="col" { (words.level) } th.number scope="col" { (words.time) } } }
                    tbody {
                        @for one in outcomes {
                            tr {
                                td { (part::verdict(words, one.verdict)) }
                                th scope="row" {
                                    a.id href=(part::case_in(&one.case, &run.run_id)) { (part::id(&one.case)) } span.quiet { (part::text(&one.server)) }
                                    @if !one.reason.is_empty() { div.quiet { (part::text(&one.reason)) } }
                                    @if !one.seen.is_empty() { div.quiet { (part::text(&one.seen)) } }
                                }
                                td { (one.level) }
                                td.number { (duration(one.duration_ms)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What a reader looks for first is highest.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 2,
        Verdict::Inconclusive => 1,
        _ => 0,
    }
}

/// What a load had to keep, and its latencies.
fn load_figures(view: &View, load: &LoadRecord) -> Markup {
    let words = view.words;
    let us = |value: u64| part::amount(value as f64, "us");
    html! {
        p.title { (part::text(&load.about)) }
        @for reason in &load.invalid_because { p.banner role="note" { (part::text(reason)) } }
        @if !load.thresholds.is_empty() {
            h2 { (words.thresholds) }
            ul.troubles {
                @for one in &load.thresholds {
                    @let verdict = if one.ok { Verdict::Pass } else { Verdict::Fail };
                    li class=(verdict) { (part::verdict(words, verdict)) " " code { (part::text(&one.expression)) } @if let Some(value) = one.value { " (" (threshold_value(&one.expression, value)) ")" } }
                }
            }
        }
        h2 { (words.latency) }
        (part::wide(words.latency, html! {
            table {
                thead { tr { th scope="col" { (words.operation) } @for head in ["n", "p50", "p95", "p99", "max"] { th.number scope="col" { (head) } } th.number scope="col" { (words.errors) } } }
                tbody {
                    @for one in &load.operations {
                        tr {
                            th scope="row" { (part::text(&one.name)) }
                            td.number { (one.count) }
                            @for value in [one.p50_us, one.p95_us, one.p99_us, one.max_us] { td.number { (us(value)) } }
                            td.number { (one.errors) }
                        }
                    }
                }
            }
        }))
    }
}
