//! Homeservers in pairs: does each work with each, and how long does it take. Of the latest run of a track.

use crate::{
    part,
    track::Choice,
    view::{Body, View, Wrong},
    words::{Words, fill},
};
use fedproof_history::{Kind, change::median};
use fedproof_report::words::mark;
use fedproof_results::{CaseResult, Measurement, RunRecord, SubjectResult, Verdict};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

/// A case as it went between two homeservers.
struct Meeting<'a> {
    pair: (&'a str, &'a str),
    result: &'a CaseResult,
    went: &'a SubjectResult,
}

pub(crate) async fn interop(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let Some(choice) = Choice::of(&view, Some(Kind::Cases)).await? else {
        return Ok(super::empty(&view, words.interop));
    };
    let track = choice.track();
    let latest = view.shared.store.runs(Some(&track.branch), Some(&track.place), 1).await?;
    let mut shown = html! { p.quiet { (words.pruned) } };
    if let Some(run) = latest.first()
        && let Some(record) = view.record(&run.run_id).await?
    {
        let met = meetings(&record);
        shown = html! {
            p { (words.run) " " a href=(part::run_path(&run.run_id)) { (part::text(&run.run_id)) } " · " (part::build(&view, &run.build)) " · " (part::time(&run.started_at)) }
            @if met.is_empty() { p.quiet { (words.no_meetings) } } @else {
                (part::wide(words.interop, pairs(words, &record, &met)))
                h2 { (words.cases) }
                (part::wide(words.cases, cases(words, &met)))
            }
        };
    }
    let markup = html! {
        h1 { (words.interop) }
        (choice.form(&view, "/interop", html! {}))
        p.quiet { (words.interop_hint) }
        (shown)
    };
    Ok(Body { title: words.interop.to_owned(), markup })
}

fn meetings(record: &RunRecord) -> Vec<Meeting<'_>> {
    let cases = record.cases.iter().filter(|result| result.case.id.starts_with("interop/"));
    cases
        .flat_map(|result| result.subjects.iter().map(move |went| (result, went)))
        // What needs another deployment says nothing of a pair.
        .filter(|(_, went)| !matches!(went.verdict, Verdict::Skipped | Verdict::NotApplicable))
        .map(|(result, went)| {
            let other = went.facts.get("other").unwrap_or(&went.server);
            Meeting { pair: (&went.server, other), result, went }
        })
        .collect()
}

fn pairs(words: &Words, record: &RunRecord, met: &[Meeting<'_>]) -> Markup {
    let subjects: BTreeSet<&str> = met.iter().map(|one| one.pair.0).collect();
    let others: BTreeSet<&str> = met.iter().map(|one| one.pair.1).collect();
    html! {
        table.kinds {
            thead { tr { th scope="col" { (words.under_test) } @for other in &others { th scope="col" { (words.with) " " (named(record, other)) } } } }
            tbody {
                @for subject in &subjects {
                    tr {
                        th scope="row" { (named(record, subject)) }
                        @for other in &others { (pair(words, &met.iter().filter(|one| one.pair == (*subject, *other)).collect::<Vec<_>>())) }
                    }
                }
            }
        }
    }
}

/// `alpha` and what runs there.
fn named(record: &RunRecord, name: &str) -> Markup {
    let info = record.servers.iter().find(|server| server.name == name);
    html! { (part::text(name)) @if let Some(info) = info { br; span.quiet { (part::text(&info.implementation)) " " (part::text(&info.version)) } } }
}

fn pair(words: &Words, met: &[&Meeting<'_>]) -> Markup {
    let Some(worst) = met.iter().map(|one| one.went.verdict).max() else {
        return html! { td.none { (part::sign("–")) span.hear { (words.did_not_meet) } } };
    };
    let passed = met.iter().filter(|one| one.went.verdict == Verdict::Pass).count();
    html! {
        td class={ "cell " (worst) } {
            (part::sign(mark(worst))) " " (fill(words.n_of_m_passed, &[&passed, &met.len()]))
            @for (name, told) in medians(met.iter().flat_map(|one| &one.went.measurements)) { div.quiet { (part::text(&name)) " " (told) } }
        }
    }
}

/// The median of each thing that was measured.
fn medians<'a>(measured: impl Iterator<Item = &'a Measurement>) -> Vec<(String, String)> {
    let mut by_name: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
    for one in measured {
        by_name.entry((&one.name, &one.unit)).or_default().push(one.value as f64);
    }
    let told = by_name.into_iter().map(|((name, unit), values)| (name.to_owned(), part::amount(median(&values), unit)));
    told.collect()
}

fn cases(words: &Words, met: &[Meeting<'_>]) -> Markup {
    let pairs: BTreeSet<(&str, &str)> = met.iter().map(|one| one.pair).collect();
    let ids: BTreeSet<&str> = met.iter().map(|one| one.result.case.id.as_str()).collect();
    html! {
        table.kinds {
            thead { tr { th scope="col" { (words.case) } @for (subject, other) in &pairs { th scope="col" { (part::text(subject)) " " (words.with) " " (part::text(other)) } } } }
            tbody {
                @for id in &ids {
                    tr {
                        th scope="row" { a href=(part::case_path(id)) { (part::id(id)) } }
                        @for pair in &pairs {
                            @match met.iter().find(|one| one.result.case.id == *id && one.pair == *pair) {
                                Some(one) => { td class={ "cell " (one.went.verdict) } {
                                    (part::verdict(words, one.went.verdict))
                                    @for measured in &one.went.measurements { div.quiet { (part::text(&measured.name)) " " (part::amount(measured.value as f64, &measured.unit)) } }
                                } }
                                None => { td.none { (part::sign("–")) span.hear { (words.did_not_meet) } } }
                            }
                        }
                    }
                }
            }
        }
    }
}
