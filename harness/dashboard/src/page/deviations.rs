//! Known deviations: failures that somebody accepted, why, and until when. Of the latest run of each track.

use crate::{
    part,
    view::{Body, View, Wrong},
    words::{Words, fill},
};
use fedproof_history::{Kind, RunHead};
use fedproof_results::{Day, Deviation};
use maud::{Markup, html};
use std::sync::Arc;

/// Tracks of which the latest run is looked into.
const TRACKS: usize = 12;
/// Days before its end at which a deviation is called soon over.
const SOON: i64 = 30;

/// Cases beyond which those of a deviation are folded up.
const MANY: usize = 6;

/// What a deviation covers: case and homeserver, in the order of the record.
pub(crate) struct Covered {
    cases: Vec<(String, String)>,
    deviation: Deviation,
}

/// What one run has accepted.
type Covering<'a> = (&'a RunHead, &'a Covered);

pub(crate) async fn deviations(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let mut all = Vec::new();
    for track in view.shared.store.tracks().await?.into_iter().filter(|track| track.kind == Kind::Cases).take(TRACKS) {
        for run in view.shared.store.runs(Some(&track.branch), Some(&track.place), 1).await? {
            let covered = of_run(&view, &run).await?;
            all.push((run, covered));
        }
    }
    // One acceptance is often of several tracks.
    let mut accepted: Vec<(&Deviation, Vec<Covering>)> = Vec::new();
    for (run, one) in all.iter().flat_map(|(run, covered)| covered.iter().map(move |one| (run, one))) {
        match accepted.iter_mut().find(|(deviation, _)| **deviation == one.deviation) {
            Some((_, covering)) => covering.push((run, one)),
            None => accepted.push((&one.deviation, vec![(run, one)])),
        }
    }
    // What is over first, then what is over next.
    accepted.sort_by_key(|(deviation, _)| deviation.expires);
    let markup = html! {
        h1 { (words.deviations) }
        p.quiet { (words.deviations_hint) }
        @if accepted.is_empty() { p { (words.no_deviations) } } @else {
            div.cards { @for (deviation, covering) in &accepted { (card(words, deviation, covering)) } }
        }
    };
    Ok(Body { title: words.deviations.to_owned(), markup })
}

/// One for each acceptance, with all that it covers.
async fn of_run(view: &View, run: &RunHead) -> Result<Arc<Vec<Covered>>, Wrong> {
    if let Some(known) = view.shared.deviations.get(&run.run_id) {
        return Ok(known);
    }
    let Some(record) = view.shared.store.record(&run.run_id).await? else { return Ok(Arc::default()) };
    let mut covered: Vec<Covered> = Vec::new();
    for result in &record.cases {
        for subject in &result.subjects {
            let Some(deviation) = &subject.deviation else { continue };
            let case = (result.case.id.clone(), subject.server.clone());
            match covered.iter_mut().find(|one| one.deviation == *deviation) {
                Some(one) => one.cases.push(case),
                None => covered.push(Covered { cases: vec![case], deviation: deviation.clone() }),
            }
        }
    }
    let covered = Arc::new(covered);
    if run.complete {
        view.shared.deviations.put(run.run_id.clone(), covered.clone());
    }
    Ok(covered)
}

fn card(words: &Words, deviation: &Deviation, covering: &[Covering]) -> Markup {
    let Deviation { reason, accepted_by, expires, reference, .. } = deviation;
    let left = days_until(*expires);
    let class = match left {
        Some(..0) => "fail",
        Some(..SOON) => "inconclusive",
        _ => "observed",
    };
    html! {
        section class={ "card " (class) } {
            h2 { (part::text(reason)) }
            dl {
                dt { (words.accepted_by) } dd { (part::text(accepted_by)) }
                dt { (words.expires) } dd {
                    (expires) " "
                    @match left {
                        Some(..0) => span.chip.fail { (words.expired) },
                        Some(days) => span class={ "chip " (class) } { (fill(words.days_left, &[&days])) },
                        None => {}
                    }
                }
                dt { (words.reference) } dd { (reference_link(reference)) }
            }
            @for (run, one) in covering {
                p { (part::place(run)) }
                details open[one.cases.len() <= MANY] {
                    summary { (words.cases) " (" (one.cases.len()) ")" }
                    ul.found { @for (id, server) in &one.cases { li { a href=(part::case_in(id, &run.run_id)) { (part::id(id)) } span.quiet { " " (part::text(server)) } } } }
                }
            }
        }
    }
}

fn reference_link(reference: &str) -> Markup {
    let reference = part::text(reference);
    let is_link = reference.starts_with("https://") && !reference.contains(char::is_whitespace);
    html! { @if is_link { a href=(reference) rel="noreferrer" { (reference) } } @else { (reference) } }
}

/// From today; negative if it is over.
fn days_until(day: Day) -> Option<i64> {
    let format = time::macros::format_description!("[year]-[month]-[day]");
    let day = time::Date::parse(&day.to_string(), format).ok()?;
    Some((day - time::OffsetDateTime::now_utc().date()).whole_days())
}
