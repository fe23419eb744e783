//! A run in progress. A script asks for the part below the heading every second; without it, the page is as it was.

use crate::{
    live::Progress,
    part,
    view::{Body, View, Wrong},
    words::fill,
};
use axum::response::Html;
use fedproof_results::Verdict;
use maud::{Markup, html};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Troubles shown, the latest first.
const SHOWN: usize = 50;

pub(crate) async fn live(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let markup = html! {
        h1 { (words.live) }
        div id="live" data-from="/live/part" data-lost=(words.connection_lost) { (now(&view).await) }
        noscript { p { a href="/live" { (words.reload) } } }
    };
    Ok(Body { title: words.live.to_owned(), markup })
}

/// Only what changes.
pub(crate) async fn part(view: View) -> Html<String> {
    Html(now(&view).await.into_string())
}

async fn now(view: &View) -> Markup {
    let shared = view.shared.clone();
    let looking = tokio::task::spawn_blocking(move || shared.live.look());
    let runs = looking.await.unwrap_or_default();
    html! {
        @if runs.is_empty() { p { (view.words.no_run_in_progress) } }
        @for run in &runs { (one(view, run)) }
    }
}

fn one(view: &View, run: &Progress) -> Markup {
    let words = view.words;
    let id = run.identity.as_ref().map(|identity| identity.run_id.as_str()).unwrap_or_default();
    let (class, state) = match &run.finished {
        Some((true, _)) if run.troubles.iter().any(|(_, _, verdict, _)| *verdict == Verdict::Fail) => {
            ("fail", words.finished)
        }
        Some((true, _)) if !run.troubles.is_empty() => ("inconclusive", words.finished),
        Some((true, _)) => ("pass", words.finished),
        Some((false, _)) => ("inconclusive", words.stopped_early),
        None if run.is_running() => ("observed", words.running),
        None => ("inconclusive", words.no_sign_of_life),
    };
    let count = |verdict: Verdict| run.decided.values().filter(|(one, _)| *one == verdict).count() as u64;
    let accepted = run.decided.values().filter(|one| **one == (Verdict::Fail, false)).count() as u64;
    html! {
        section class={ "card " (class) } {
            h2 { span class={ "chip " (class) } { (state) } " " (part::text(id)) }
            @if let Some(identity) = &run.identity {
                p.quiet { (part::text(&identity.deployment)) " · " (part::text(&identity.profile)) " · " (part::text(&identity.selectors.join(" "))) " · " (part::time(&identity.started_at)) @if run.is_running() && let Some(ago) = since(&identity.started_at) { " · " (ago) } }
            }
            @if let Some((false, why)) = &run.finished { p.banner role="note" { (part::text(why)) } }
            progress.decided value=(run.decided.len()) max=(run.cases.max(1)) aria-label=(words.cases) {}
            p aria-live="polite" { strong { (fill(words.n_of_m_decided, &[&run.decided.len(), &run.cases])) } " " (part::tally(words, count, accepted)) }
            @if run.finished.is_none() { p.quiet { @if run.message.is_empty() { (words.last) " " (part::text(&run.last)) } @else { (part::text(&run.message)) } } }
            p.quiet { @for server in &run.servers { (part::text(&server.name)) ": " (part::text(&server.implementation)) " " (part::text(&server.version)) ". " } }
            @for warning in &run.warnings { p.banner role="note" { (part::text(warning)) } }
            @if !run.troubles.is_empty() {
                h3 { (words.failed_and_inconclusive) }
                ul.troubles {
                    @for (case, server, verdict, reason) in run.troubles.iter().rev().take(SHOWN) {
                        li class=(verdict) { (part::verdict(words, *verdict)) " " a href=(part::case_path(case)) { (part::id(case)) } span.quiet { " (" (part::text(server)) ")" } div { (part::text(reason)) } }
                    }
                }
            }
        }
    }
}

/// How long it has been running.
fn since(started_at: &str) -> Option<String> {
    let started = OffsetDateTime::parse(started_at, &Rfc3339).ok()?;
    let seconds = (OffsetDateTime::now_utc() - started).whole_seconds();
    Some(fedproof_report::words::duration(u64::try_from(seconds).ok()? * 1_000))
}
