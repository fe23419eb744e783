//! What must hold of all traffic, whoever caused it; each breach with the exchange that broke it and the case behind it.

use super::{Page, anchor, part};
use fedproof_results::{CaseResult, SubjectResult, Verdict};
use maud::{Markup, html};

pub(super) fn invariants(page: &Page<'_>) -> Option<Markup> {
    let cases: Vec<&CaseResult> =
        page.record.cases.iter().filter(|result| result.case.id.starts_with("invariant/")).collect();
    if cases.is_empty() {
        return None;
    }
    Some(html! {
        p.quiet { "Judged over every exchange of the run, on requests that real homeservers sent." }
        (part::wide("Invariants", html! {
            table {
                thead { tr { th scope="col" { "invariant" } th scope="col" { "verdict" } th scope="col" { "breach" } } }
                tbody { @for result in cases { (row(page, result)) } }
            }
        }))
    })
}

fn row(page: &Page<'_>, result: &CaseResult) -> Markup {
    let told = result.subjects.iter().filter(|subject| subject.verdict != Verdict::Pass || !subject.facts.is_empty());
    html! {
        tr {
            th scope="row" {
                a href={ "#" (anchor::case(&result.case.id)) } { (part::text(&result.case.id)) }
                div.quiet { (result.case.level) ": " (part::text(&result.case.title)) }
            }
            td { (part::verdict(result.verdict)) }
            td.long {
                @for subject in told { (breach(page, subject)) }
                @if result.subjects.is_empty() { (part::text(&result.reason)) }
            }
        }
    }
}

fn breach(page: &Page<'_>, subject: &SubjectResult) -> Markup {
    let exchanges = subject.failure.iter().flat_map(|failure| &failure.exchanges);
    html! {
        div {
            strong { (part::text(&subject.server)) } " " (part::text(&subject.reason))
            @for id in exchanges { " " (part::exchange(page, *id, html! { "exchange #" (id) })) }
            @for (name, value) in &subject.facts {
                div {
                    span.quiet { (part::text(name)) ": " }
                    @if page.record.cases.iter().any(|result| result.case.id == *value) {
                        a href={ "#" (anchor::case(value)) } { (part::text(value)) }
                    } @else { (part::text(value)) }
                }
            }
        }
    }
}
