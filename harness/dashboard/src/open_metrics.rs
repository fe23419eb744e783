//! `/metrics`: the latest run of the latest tracks as OpenMetrics text, for Prometheus.

use crate::{
    page::compare::changed,
    view::{Tab, View, Wrong},
};
use axum::response::{IntoResponse, Response};
use fedproof_history::Kind;
use fedproof_report::open_metrics_family as family;
use fedproof_results::ChangeKind;
use http::header;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// Tracks that are told, those with the latest runs: each is some hundred series to whoever collects them.
const TRACKS: usize = 50;

/// A sample: labels and value.
type Sample = (Vec<(&'static str, String)>, f64);

/// The samples of each family.
#[derive(Default)]
struct Families {
    runs: Vec<Sample>,
    good: Vec<Sample>,
    latest: Vec<Sample>,
    started: Vec<Sample>,
    cases: Vec<Sample>,
    changes: Vec<Sample>,
    figures: Vec<Sample>,
}

pub(crate) async fn metrics(view: View) -> Response {
    match text(&view).await {
        Ok(text) => ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text)
            .into_response(),
        Err(wrong) => view.answer(Tab::None, Err(wrong)),
    }
}

async fn text(view: &View) -> Result<String, Wrong> {
    let store = &view.shared.store;
    let mut of = Families::default();
    let mut tracks = store.lines().await?;
    // Where every merge request is a branch, only those that last are worth a series.
    tracks.retain(|track| view.asked("branch").is_none_or(|branch| branch == track.branch));
    for track in tracks.into_iter().take(TRACKS) {
        let labels = vec![("branch", track.branch.clone()), ("place", track.place.clone())];
        let with = |more: &[(&'static str, &str)]| {
            let more = more.iter().map(|(name, value)| (*name, (*value).to_owned()));
            labels.iter().cloned().chain(more).collect::<Vec<_>>()
        };
        of.runs.push((labels.clone(), track.runs as f64));
        let latest = store.runs_of_line(&track.branch, &track.place, 2).await?;
        let Some(run) = latest.first() else { continue };
        of.good.push((labels.clone(), f64::from(u8::from(run.is_good()))));
        of.latest.push((with(&[("run", &run.run_id), ("build", &run.build), ("verdict", run.word())]), 1.0));
        if let Ok(at) = OffsetDateTime::parse(&run.started_at, &Rfc3339) {
            of.started.push((labels.clone(), at.unix_timestamp() as f64));
        }
        for (verdict, count) in &run.counts {
            of.cases.push((with(&[("verdict", &verdict.to_string())]), *count as f64));
        }
        if let (Kind::Cases, Some(before)) = (run.kind, latest.get(1)) {
            let comparison = changed(view, before, run).await?;
            for kind in ChangeKind::ALL {
                let word = serde_json::to_value(kind).ok();
                let word = word.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
                of.changes.push((with(&[("change", &word)]), comparison.of(kind).count() as f64));
            }
        }
        for figure in store.figures_of_run(&run.run_id).await? {
            of.figures.push((with(&[("series", &figure.name), ("unit", &figure.unit)]), figure.value));
        }
    }
    let mut text = String::new();
    family(&mut text, "fedproof_track_runs", "Runs of a branch and place in the history.", of.runs);
    family(
        &mut text,
        "fedproof_latest_good",
        "1 if the latest run is qualified, or the latest load held, and its gate let it pass.",
        of.good,
    );
    family(&mut text, "fedproof_latest_run", "The latest run: its id, build and word.", of.latest);
    family(&mut text, "fedproof_latest_started_seconds", "When the latest run began, in Unix time.", of.started);
    family(&mut text, "fedproof_latest_cases", "Cases of the latest run by verdict.", of.cases);
    let about = "What the latest run changed against the one before it, by kind of change.";
    family(&mut text, "fedproof_latest_changes", about, of.changes);
    family(&mut text, "fedproof_latest_figure", "Figures of the latest run; more is worse.", of.figures);
    Ok(text + "# EOF\n")
}
