//! Every series of a track, small: what moved, and when.

use crate::{
    chart::Chart,
    part,
    track::Choice,
    view::{Body, View, Wrong},
    words::fill,
};
use fedproof_history::{
    RunHead, SeriesInfo, SeriesPoint, Track,
    change::{ChangePoint, Settings, change_points},
};
use maud::{Markup, html};
use std::sync::Arc;

/// Runs that the small charts show.
const RUNS: u32 = 100;
/// Runs among which the overview looks for what got worse.
const LATEST: u32 = 50;
/// Changes of level smaller than this share are noise to whoever looks.
pub(super) const LEAST_EFFECT: f64 = 0.02;

/// A series, its values, and where its level changed.
type Shown<'a> = (&'a SeriesInfo, &'a [SeriesPoint], Arc<Vec<ChangePoint>>);

pub(crate) async fn performance(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let Some(choice) = Choice::of(&view, None).await? else {
        return Ok(super::empty(&view, words.performance));
    };
    let track = choice.track();
    let store = &view.shared.store;
    let figures = store.figures(&track.branch, &track.place, RUNS).await?;
    let series = store.series(&track.branch, &track.place).await?;
    let mut shown: Vec<Shown<'_>> = Vec::new();
    for info in &series {
        if let Some(points) = figures.get(&info.name) {
            shown.push((info, points, changes(&view, points).await));
        }
    }
    // What got worse lately first, then what moved at all.
    let rank = |changes: &[ChangePoint], length: usize| changes.last().map_or(usize::MAX, |last| length - last.at);
    shown.sort_by_key(|(info, points, changes)| (rank(changes, points.len()), info.kind, &info.name));
    let key = choice.key();
    let markup = html! {
        h1 { (words.performance) }
        (choice.form(&view, "/performance", html! {}))
        p.quiet { (words.chart_hint) }
        @if shown.is_empty() { p { (words.no_figures) } }
        div.charts {
            @for (info, points, changes) in &shown {
                section.figure {
                    h2 { a href=(part::href("/series", &[("track", &key), ("name", &info.name)])) { (part::text(&info.name)) } }
                    p.quiet { (part::figure_kind(words, info.kind)) @if let Some(last) = points.last() { " · " (words.latest) " " strong { (part::amount(last.value, &info.unit)) } } }
                    (Chart { words, name: &info.name, unit: &info.unit, points, changes, large: false }.draw())
                    @if let Some(last) = changes.last() { (told(&view, points, last, &info.unit)) }
                }
            }
        }
    };
    Ok(Body { title: words.performance.to_owned(), markup })
}

/// Changes of level of a series, from memory if it was looked at before: the same values always give the same answer.
pub(super) async fn changes(view: &View, points: &[SeriesPoint]) -> Arc<Vec<ChangePoint>> {
    let key: Vec<u64> = points.iter().map(|point| point.value.to_bits()).collect();
    if let Some(known) = view.shared.changes.get(&key) {
        return known;
    }
    let values: Vec<f64> = points.iter().map(|point| point.value).collect();
    let settings = Settings { least_effect: LEAST_EFFECT, ..Settings::default() };
    let working = tokio::task::spawn_blocking(move || change_points(&values, &settings));
    // It only fails if the process ends.
    let found = Arc::new(working.await.unwrap_or_default());
    view.shared.changes.put(key, found.clone());
    found
}

/// A series, the values on both sides of its last change of level, and that change.
pub(crate) type Worse = (SeriesInfo, Vec<SeriesPoint>, ChangePoint);

/// The series of a track whose last change of level, within its latest runs, was to the worse; the latest first.
pub(super) async fn worse(view: &View, track: &Track, latest: &RunHead) -> Result<Arc<Vec<Worse>>, Wrong> {
    // Whatever is imported or pruned changes one of the two, but for a run that goes on.
    let key = (latest.run_id.clone(), track.runs);
    if let Some(known) = view.shared.worse.get(&key) {
        return Ok(known);
    }
    let store = &view.shared.store;
    let figures = store.figures(&track.branch, &track.place, LATEST).await?;
    let mut found: Vec<(usize, Worse)> = Vec::new();
    for info in store.series(&track.branch, &track.place).await? {
        let Some(points) = figures.get(&info.name) else { continue };
        if let Some(last) = changes(view, points).await.last().filter(|last| last.after > last.before && last.at > 0) {
            let around = points[last.at - 1..=last.at].to_vec();
            found.push((points.len() - last.at, (info, around, ChangePoint { at: 1, ..*last })));
        }
    }
    found.sort_by_key(|(ago, _)| *ago);
    let found = Arc::new(found.into_iter().map(|(_, worse)| worse).collect::<Vec<_>>());
    if latest.complete {
        view.shared.worse.put(key, found.clone());
    }
    Ok(found)
}

/// `▲ +12.0 % since c27 (chance 0.1 %)`.
pub(super) fn told(view: &View, points: &[SeriesPoint], change: &ChangePoint, unit: &str) -> Markup {
    let words = view.words;
    let Some(at) = points.get(change.at) else { return html! {} };
    let worse = change.after > change.before;
    let before = change.at.checked_sub(1).and_then(|before| points.get(before));
    html! {
        p {
            span class={ "chip " (if worse { "fail" } else { "pass" }) } { (if worse { "▲ " } else { "▼ " }) (part::change(change.before, change.after)) }
            " " (part::amount(change.before, unit)) " → " (part::amount(change.after, unit)) " "
            (words.since) " " a href=(part::run_path(&at.run_id)) { (part::text(&at.build)) } " "
            @if let Some(before) = before { a href=(super::compare::path(&before.run_id, &at.run_id)) { (words.compare) } " " }
            span.quiet { (fill(words.chance, &[&format!("{:.1}", change.chance * 100.0)])) }
        }
    }
}
