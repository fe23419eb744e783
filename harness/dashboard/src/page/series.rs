//! One series, large: every point leads to its run, every change of level to what was built then.

use super::performance::{changes, told};
use crate::{
    chart::Chart,
    part::{self, href},
    track::{self, Choice},
    view::{Body, View, Wrong},
};
use maud::html;

/// Runs that are looked at.
const RUNS: u32 = 200;

pub(crate) async fn series(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let name = view.asked("name").unwrap_or_default();
    let missing = || Wrong::Missing(name.to_owned());
    let choice = Choice::of(&view, None).await?.ok_or_else(missing)?;
    let track = choice.track();
    let store = &view.shared.store;
    let points = store.figures_of(&track.branch, &track.place, name, RUNS).await?;
    let series = store.series(&track.branch, &track.place).await?;
    let info = series.iter().find(|info| info.name == name).ok_or_else(missing)?;
    let changes = changes(&view, &points).await;
    let latest = points.iter().rev().map(|point| {
        (point, changes.iter().find(|change| points.get(change.at).is_some_and(|at| at.run_id == point.run_id)))
    });
    let markup = html! {
        p.product { a href=(track::link("/performance", &track.branch, &track.place)) { (part::text(&track.branch)) ": " (part::text(&track.place)) } }
        h1.id { (part::text(name)) }
        p.quiet { (part::figure_kind(words, info.kind)) " · " (words.chart_hint) }
        (Chart { words, name, unit: &info.unit, points: &points, changes: &changes, large: true }.draw())
        h2 { (words.changes_of_level) }
        @if changes.is_empty() { p { (words.no_change_of_level) } }
        @for change in changes.iter().rev() { (told(&view, &points, change, &info.unit)) }
        h2 { (words.values) }
        (part::wide(words.values, html! {
            table {
                thead { tr { th scope="col" { (words.started) } th scope="col" { (words.build) } th.number scope="col" { (words.figure) } th scope="col" { (words.run) } } }
                tbody {
                    @for (point, change) in latest {
                        tr {
                            td { (part::time(&point.started_at)) }
                            td.short { (part::build(&view, &point.build)) }
                            td.number { (part::amount(point.value, &info.unit)) @if let Some(change) = change { " " span.chip { (part::change(change.before, change.after)) } } }
                            td.short { a href=(part::run_path(&point.run_id)) { (part::text(&point.run_id)) } }
                        }
                    }
                }
            }
        }))
    };
    Ok(Body { title: name.to_owned(), markup })
}

/// The page of a series.
pub(crate) fn path(branch: &str, place: &str, name: &str) -> String {
    href("/series", &[("track", &track::key(branch, place)), ("name", name)])
}
