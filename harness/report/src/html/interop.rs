//! Homeservers in pairs: does each work with each, and how long does it take.

use super::{Page, anchor, part};
use crate::{
    kinds::version,
    words::{duration_us, mark, word},
};
use fedproof_results::{CaseResult, Measurement, SubjectResult, Verdict};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// A case as it went between two homeservers.
struct Meeting<'a> {
    subject: &'a str,
    other: &'a str,
    result: &'a CaseResult,
    went: &'a SubjectResult,
}

pub(super) fn interop(page: &Page<'_>) -> Option<Markup> {
    let cases = page.record.cases.iter().filter(|result| result.case.id.starts_with("interop/"));
    let meetings: Vec<Meeting<'_>> = cases
        .flat_map(|result| result.subjects.iter().map(move |went| (result, went)))
        // What needs another deployment says nothing of a pair.
        .filter(|(_, went)| !matches!(went.verdict, Verdict::Skipped | Verdict::NotApplicable))
        .map(|(result, went)| Meeting {
            subject: &went.server,
            other: went.facts.get(fedproof_results::OTHER).map_or("itself", String::as_str),
            result,
            went,
        })
        .collect();
    if meetings.is_empty() {
        return None;
    }
    let (mut subjects, mut others) = (Vec::new(), Vec::new());
    for meeting in &meetings {
        push_new(&mut subjects, meeting.subject);
        push_new(&mut others, meeting.other);
    }
    let place = |name: &&str| page.record.servers.iter().position(|server| server.name == **name);
    subjects.sort_by_key(place);
    others.sort_by_key(place);
    Some(html! {
        p.quiet { "Each cell: how many cases passed, and the median of what was measured on the way. Measurements are not judged." }
        (part::wide("Homeservers in pairs", html! {
            table.kinds {
                thead { tr { th scope="col" { "under test" } @for other in &others { th scope="col" { "with " (named(page, other)) } } } }
                tbody {
                    @for subject in &subjects {
                        tr {
                            th scope="row" { (named(page, subject)) }
                            @for other in &others {
                                (pair(&meetings.iter().filter(|met| met.subject == *subject && met.other == *other).collect::<Vec<_>>()))
                            }
                        }
                    }
                }
            }
        }))
        (part::wide("Cases in pairs", cases_in_pairs(page, &meetings)))
    })
}

fn push_new<'a>(list: &mut Vec<&'a str>, item: &'a str) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// `alpha` and what runs there.
fn named(page: &Page<'_>, name: &str) -> Markup {
    let info = page.record.servers.iter().find(|server| server.name == name);
    html! { (part::text(name)) @if let Some(info) = info { br; span.quiet { (part::text(&version(info))) } } }
}

fn pair(meetings: &[&Meeting<'_>]) -> Markup {
    let Some(worst) = meetings.iter().map(|met| met.went.verdict).max() else {
        return html! { td.none { (part::sign("–")) span.hear { "did not meet" } } };
    };
    let passed = meetings.iter().filter(|met| met.went.verdict == Verdict::Pass).count();
    html! {
        td class={ "cell " (worst) } {
            (part::sign(mark(worst))) " " (passed) " of " (meetings.len()) " passed"
            @for (name, median) in medians(meetings.iter().flat_map(|met| &met.went.measurements)) {
                div.quiet { (part::text(&name)) " " (median) }
            }
        }
    }
}

/// The median of each thing that was measured.
fn medians<'a>(measurements: impl Iterator<Item = &'a Measurement>) -> Vec<(String, String)> {
    let mut by_name: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
    for measurement in measurements {
        by_name.entry((&measurement.name, &measurement.unit)).or_default().push(measurement.value);
    }
    let median = |mut values: Vec<u64>| {
        values.sort_unstable();
        values[values.len() / 2]
    };
    let told = by_name.into_iter().map(|((name, unit), values)| (name.to_owned(), amount(median(values), unit)));
    told.collect()
}

fn amount(value: u64, unit: &str) -> String {
    if unit == "us" { duration_us(value) } else { format!("{value} {}", part::text(unit)) }
}

/// Row by row, what each pair came to.
fn cases_in_pairs(page: &Page<'_>, meetings: &[Meeting<'_>]) -> Markup {
    let mut pairs: Vec<(&str, &str)> = meetings.iter().map(|met| (met.subject, met.other)).collect();
    pairs.sort_unstable();
    pairs.dedup();
    let mut cases: Vec<&CaseResult> = Vec::new();
    for meeting in meetings {
        if !cases.iter().any(|known| known.case.id == meeting.result.case.id) {
            cases.push(meeting.result);
        }
    }
    html! {
        table.kinds {
            thead {
                tr {
                    th scope="col" { "case" }
                    @for (subject, other) in &pairs { th scope="col" { (part::text(subject)) " with " (part::text(other)) } }
                }
            }
            tbody {
                @for result in cases {
                    tr {
                        th scope="row" { a href={ "#" (anchor::case(&result.case.id)) } { (part::text(&result.case.id)) } }
                        @for pair in &pairs {
                            @let met = meetings.iter().find(|met| met.result.case.id == result.case.id && (met.subject, met.other) == *pair);
                            @match met {
                                Some(met) => {
                                    td class={ "cell " (met.went.verdict) } {
                                        (part::sign(mark(met.went.verdict))) span.hear { (word(met.went.verdict)) }
                                        @if !matches!(met.went.verdict, Verdict::Pass | Verdict::Observed) {
                                            " " (part::deciding(page, met.went, word(met.went.verdict)))
                                        }
                                        @for measured in &met.went.measurements {
                                            span.quiet { " " (part::text(&measured.name)) " " (amount(measured.value, &measured.unit)) }
                                        }
                                    }
                                }
                                None => { td.none { (part::sign("–")) } }
                            }
                        }
                    }
                }
            }
        }
    }
}
