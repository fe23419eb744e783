//! Is the latest qualified, and what changed? A card for each track.

use super::{
    compare::{against, changed, counts},
    performance::{told, worse},
    trouble,
};
use crate::{
    part, track,
    view::{Body, View, Wrong},
    words::fill,
};
use fedproof_history::{Kind, RunHead, Track};
use maud::{Markup, html};

/// Tracks on a page, those with the latest runs first: where every merge request is a branch, a history has thousands.
const CARDS: usize = 12;
/// Runs in the strip of a track.
const STRIP: u32 = 30;
/// Rows that did not pass, and figures that got worse, told of a track.
const SHOWN: usize = 5;
/// Of fewer runs no change of level can be told: two of them are held against each other.
const FEW: usize = 10;

pub(crate) async fn overview(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let tracks = view.shared.store.lines().await?;
    let from = view.asked("from").and_then(|from| from.parse().ok()).unwrap_or(0).min(tracks.len());
    let to = tracks.len().min(from + CARDS);
    let mut cards = Vec::new();
    for track in &tracks[from..to] {
        cards.push(card(&view, track).await?);
    }
    let markup = html! {
        h1 { (words.overview) }
        @if tracks.is_empty() {
            p { (words.empty_history) }
            pre { "fedproof history import fedproof-results/*" }
        }
        div.cards { @for card in &cards { (card) } }
        @if to < tracks.len() { p { a href={ "/?from=" (to) } { (fill(words.more_tracks, &[&(tracks.len() - to)])) } } }
    };
    Ok(Body { title: words.overview.to_owned(), markup })
}

async fn card(view: &View, track: &Track) -> Result<Markup, Wrong> {
    let words = view.words;
    let runs = view.shared.store.runs_of_line(&track.branch, &track.place, STRIP).await?;
    let Some(latest) = runs.first() else { return Ok(html! {}) };
    // Pages of a track are about what was let through, where anything was.
    let home = match latest.is_blocked() {
        true => view.shared.store.runs(Some(&track.branch), Some(&track.place), 1).await?.pop(),
        false => None,
    };
    let home = home.as_ref().unwrap_or(latest);
    let track = &Track { branch: home.branch.clone(), ..track.clone() };
    let (_, class) = part::run_mark(latest);
    let difference = match view.before(latest).await? {
        Some(before) => difference(view, &before, latest, runs.len()).await?,
        None => html! { p.quiet { (words.first_of_track) } },
    };
    let mut troubles = view.shared.store.troubles_of_run(&latest.run_id).await?;
    let tally = part::tally_of_run(words, latest, &troubles);
    troubles.retain(|one| !one.accepted);
    let troubles = trouble::list(view, latest, &troubles, Some(SHOWN)).await?;
    let worse = worse(view, track, latest).await?;
    Ok(html! {
        section class={ "card " (class) } {
            h2 { (part::place(home)) }
            p.verdict { a href=(part::run_path(&latest.run_id)) { (part::run_verdict(words, latest)) } }
            p { (part::build(view, &latest.build)) " · " (part::time(&latest.started_at)) @if !latest.complete { " · " strong { (words.stopped_early) } } }
            @if latest.is_blocked() { p.quiet { (fill(words.kept_as, &[&part::text(&latest.branch)])) } }
            @if latest.kind == Kind::Cases { p { (tally) } }
            (troubles)
            (difference)
            @if !worse.is_empty() {
                h3 { a href=(track::link("/performance", &track.branch, &track.place)) { (words.got_worse) } }
                @for (info, points, change) in worse.iter().take(SHOWN) {
                    p { a href=(super::series::path(&track.branch, &track.place, &info.name)) { (part::text(&info.name)) } }
                    (told(view, points, change, &info.unit))
                }
            }
            (part::strip(words, &runs))
            p.quiet {
                (fill(words.runs_of_track, &[&track.runs])) " · "
                a href=(track::link("/performance", &track.branch, &track.place)) { (words.performance) }
            }
        }
    })
}

/// What the latest run changed.
async fn difference(view: &View, before: &RunHead, latest: &RunHead, runs: usize) -> Result<Markup, Wrong> {
    let words = view.words;
    let path = super::compare::path(&before.run_id, &latest.run_id);
    let told = match latest.kind {
        Kind::Cases => {
            let comparison = changed(view, before, latest).await?;
            html! {
                @if comparison.is_empty() { p { (words.no_difference) } } @else { (counts(words, &comparison)) }
            }
        }
        Kind::Load if runs >= FEW => html! {},
        Kind::Load => super::compare::figures(view, before, latest, Some(3)).await?,
    };
    Ok(html! {
        div.changed {
            h3 { a href=(path) { (against(words, latest, Some(before))) } }
            (told)
        }
    })
}
