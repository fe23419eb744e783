//! What the servers do where the specification is silent: a behaviour table, never a verdict (R3).

use super::{Page, anchor, part};
use fedproof_results::{CaseResult, Role, SubjectResult, Verdict};
use maud::{Markup, html};

pub(super) fn observations(page: &Page<'_>) -> Option<Markup> {
    let is_observed = |subject: &SubjectResult| subject.verdict == Verdict::Observed;
    let observed: Vec<&CaseResult> =
        page.record.cases.iter().filter(|result| result.subjects.iter().any(is_observed)).collect();
    if observed.is_empty() {
        return None;
    }
    Some(part::wide(
        "Observations",
        html! {
            table.kinds {
                thead { tr { th scope="col" { "case" } @for kind in &page.kinds { th scope="col" { (part::kind(kind)) } } } }
                tbody {
                    @for result in observed {
                        tr {
                            th scope="row" {
                                a href={ "#" (anchor::case(&result.case.id)) } { (part::text(&result.case.id)) }
                                div.quiet { (part::text(&result.case.title)) }
                            }
                            @for kind in &page.kinds {
                                @match kind.subject(result) {
                                    Some(subject) => (seen(page, subject)),
                                    None => { td.none { (part::sign("–")) span.hear { "not put to the test" } } }
                                }
                            }
                        }
                    }
                }
            }
        },
    ))
}

/// What was seen: the phases, and the words for it where they say more than the phases do.
fn seen(page: &Page<'_>, subject: &SubjectResult) -> Markup {
    let phases = || subject.phases.iter().filter(|phase| phase.role != Role::Setup);
    let told: Vec<String> = phases()
        .filter_map(|phase| {
            let errcode = phase.errcode.as_ref().map(|errcode| format!(" {errcode}")).unwrap_or_default();
            Some(format!("{}: {}{errcode}", phase.phase, phase.status?))
        })
        .collect();
    html! {
        td.long {
            @if subject.verdict != Verdict::Observed { (part::verdict(subject.verdict)) " " }
            @if told.join("; ") != subject.reason { div { (part::text(&subject.reason)) } }
            @for phase in phases() {
                @if subject.verdict == Verdict::Observed { (part::observed_phase(page, phase)) } @else { (part::phase(page, phase)) }
                " "
            }
        }
    }
}
