//! Two runs side by side: what is different, in verdicts and in figures.

use crate::{
    part::{self, href},
    view::{Body, View, Wrong},
    words::{Words, fill},
};
use fedproof_history::{Figure, Outcome, RunHead};
use fedproof_results::{Change, ChangeKind, Comparison, Line, Verdict};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Runs that the form proposes.
const PROPOSED: u32 = 30;

pub(crate) async fn compare(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let proposed = view.shared.store.runs(None, None, PROPOSED).await?;
    if proposed.is_empty() {
        return Ok(super::empty(&view, words.compare));
    }
    let compared = match (view.asked("a"), view.asked("b")) {
        (Some(a), Some(b)) => {
            let (a, b) = (view.shared.store.run(a).await?, view.shared.store.run(b).await?);
            Some(compared(&view, &a, &b).await?)
        }
        _ => None,
    };
    let markup = html! {
        h1 { (words.compare) }
        form.filter action="/compare" {
            @for (name, label) in [("a", words.before), ("b", words.after)] {
                label.grow { span { (label) } input name=(name) list="runs" required value=[view.asked(name)] placeholder=(words.run_id); }
            }
            button { (words.compare) }
            datalist id="runs" {
                @for run in &proposed { option value=(run.run_id) { (part::text(&run.build)) " · " (part::text(&run.branch)) " · " (run.started_at) } }
            }
        }
        @match compared {
            Some(compared) => { (compared) }
            None => {
                // The latest runs, each against the one before it on its track.
                ul.found {
                    @for (at, run) in proposed.iter().enumerate() {
                        @if let Some(before) = proposed[at + 1..].iter().find(|one| (&one.branch, &one.place) == (&run.branch, &run.place)) {
                            li {
                                (part::run_verdict(words, run)) " " a href=(path(&before.run_id, &run.run_id)) { (part::text(&before.build)) " → " (part::text(&run.build)) }
                                " · " (part::time(&run.started_at)) span.quiet { " " (part::text(&run.branch)) ": " (part::text(&run.place)) }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(Body { title: words.compare.to_owned(), markup })
}

/// What a run is held against, in words: the run before it, or the branch that it is not on.
pub(crate) fn against(words: &Words, run: &RunHead, before: Option<&RunHead>) -> String {
    match before.filter(|before| before.branch != run.branch) {
        Some(other) => fill(words.against, &[&part::text(&other.branch)]),
        None => words.against_the_one_before.to_owned(),
    }
}

/// The page of a comparison.
pub(crate) fn path(before: &str, after: &str) -> String {
    href("/compare", &[("a", before), ("b", after)])
}

async fn compared(view: &View, before: &RunHead, after: &RunHead) -> Result<Markup, Wrong> {
    let words = view.words;
    let comparison = changed(view, before, after).await?;
    Ok(html! {
        div.cards {
            @for (label, run) in [(words.before, before), (words.after, after)] {
                section class={ "card " (part::run_mark(run).1) } {
                    h2 { (label) ": " (part::run_verdict(words, run)) }
                    p { (part::build(view, &run.build)) " · " (part::time(&run.started_at)) }
                    p { (words.run) " " a href=(part::run_path(&run.run_id)) { (part::text(&run.run_id)) } }
                    p { (part::place(run)) }
                }
            }
        }
        @if before.place != after.place { p.banner role="note" { (words.other_place) } }
        p { a href=(path(&after.run_id, &before.run_id)) { (words.the_other_way_round) } }
        h2 { (words.verdicts) }
        @if comparison.is_empty() { p { (words.no_difference) } } @else { (counts(words, &comparison)) (changes(view, &comparison, after)) }
        h2 { (words.figures) }
        (figures(view, before, after, None).await?)
    })
}

/// What is different in verdicts.
pub(crate) async fn changed(view: &View, before: &RunHead, after: &RunHead) -> Result<Comparison, Wrong> {
    let store = &view.shared.store;
    let new = store.differing(&after.run_id, &before.run_id).await?;
    let old = store.differing(&before.run_id, &after.run_id).await?;
    let reason = |line: &Line| {
        let same = |outcome: &&Outcome| (outcome.case.as_str(), outcome.server.as_str()) == line.key();
        new.iter().find(same).map(|outcome| outcome.reason.clone()).unwrap_or_default()
    };
    let lines = |outcomes: &[Outcome]| outcomes.iter().map(line).collect::<Vec<_>>();
    let complete = (before.complete, after.complete);
    Ok(Comparison::new(before.run_id.clone(), &lines(&old), &lines(&new), complete, &reason))
}

fn line(outcome: &Outcome) -> Line {
    Line {
        case: outcome.case.clone(),
        server: outcome.server.clone(),
        level: outcome.level,
        verdict: outcome.verdict,
        seen: outcome.seen.clone(),
    }
}

/// Counts by kind.
pub(crate) fn counts(words: &Words, comparison: &Comparison) -> Markup {
    let counted = ChangeKind::ALL.map(|kind| (kind, comparison.of(kind).count()));
    html! {
        p.counts {
            @for (kind, count) in counted.into_iter().filter(|(_, count)| *count > 0) {
                span class={ "chip " (class(kind)) } { (words.change(kind)) ": " (count) } " "
            }
        }
    }
}

/// The changes, room versions of a row together.
fn changes(view: &View, comparison: &Comparison, after: &RunHead) -> Markup {
    type Of<'a> = (ChangeKind, &'a str, &'a str, Option<Verdict>, Option<Verdict>);
    fn of<'a>(change: &&'a Change) -> Of<'a> {
        (change.change, part::row(&change.case).0, &change.server, change.before, change.after)
    }
    let mut changes: Vec<&Change> = comparison.changes.iter().collect();
    changes.sort_by(|one, other| of(one).cmp(&of(other)));
    html! { ul.changes { @for row in changes.chunk_by(|one, other| of(one) == of(other)) { li { (one(view, row, after)) } } } }
}

fn class(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::NewFailure => "fail",
        ChangeKind::NewPass => "pass",
        _ => "inconclusive",
    }
}

/// Changes of one row. Never none.
fn one(view: &View, changes: &[&Change], after: &RunHead) -> Markup {
    let (words, change) = (view.words, changes[0]);
    html! {
        strong { (words.change(change.change)) } ": "
        a href=(part::case_in(&change.case, &after.run_id)) { (part::id(part::row(&change.case).0)) }
        @for (at, change) in changes.iter().enumerate() {
            @let version = part::row(&change.case).1;
            @if at == 0 { " " (version) } @else { " " a href=(part::case_in(&change.case, &after.run_id)) { (version) } }
        }
        " (" (part::text(&change.server)) "), "
        @match change.before { Some(verdict) => (part::verdict(words, verdict)), None => (words.not_there) }
        " → "
        @match change.after { Some(verdict) => (part::verdict(words, verdict)), None => (words.not_there) }
        @if !change.detail.is_empty() { div.quiet { (part::text(&change.detail)) } }
    }
}

/// Figures of two runs; with a limit those that changed most.
pub(crate) async fn figures(
    view: &View,
    before: &RunHead,
    after: &RunHead,
    limit: Option<usize>,
) -> Result<Markup, Wrong> {
    let words = view.words;
    let old = view.shared.store.figures_of_run(&before.run_id).await?;
    let old: BTreeMap<&str, f64> = old.iter().map(|figure| (figure.name.as_str(), figure.value)).collect();
    let new = view.shared.store.figures_of_run(&after.run_id).await?;
    let both = new.iter().filter_map(|figure| Some((figure, *old.get(figure.name.as_str())?)));
    let mut both: Vec<(&Figure, f64)> = both.collect();
    if let Some(limit) = limit {
        let moved = |(figure, before): &(&Figure, f64)| ((figure.value - before) / before.abs()).abs();
        both.sort_by(|one, other| moved(other).total_cmp(&moved(one)));
        both.truncate(limit);
    }
    Ok(html! {
        @if both.is_empty() { p.quiet { (words.no_figures) } } @else {
            (part::wide(words.figures, html! {
                table {
                    thead { tr { th scope="col" { (words.figure) } th.number scope="col" { (words.before) } th.number scope="col" { (words.after) } th.number scope="col" { (words.difference) } } }
                    tbody {
                        @for (figure, before) in &both {
                            tr {
                                th scope="row" { a href=(super::series::path(&after.branch, &after.place, &figure.name)) { (part::text(&figure.name)) } }
                                td.number { (part::amount(*before, &figure.unit)) }
                                td.number { (part::amount(figure.value, &figure.unit)) }
                                td.number { (part::change(*before, figure.value)) }
                            }
                        }
                    }
                }
            }))
        }
    })
}
