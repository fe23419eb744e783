//! What the servers do where the specification is silent: a behaviour table, never a verdict (R3).

use super::{Page, anchor, part};
use fedproof_results::Verdict;
use maud::{Markup, html};

pub(super) fn observations(page: &Page<'_>) -> Option<Markup> {
    let observed: Vec<_> = page
        .record
        .cases
        .iter()
        .flat_map(|result| result.subjects.iter().map(move |subject| (&result.case, subject)))
        .filter(|(_, subject)| subject.verdict == Verdict::Observed)
        .collect();
    if observed.is_empty() {
        return None;
    }
    Some(part::wide(
        "Observations",
        html! {
            table {
                thead { tr { th scope="col" { "case" } th scope="col" { "homeserver" } th scope="col" { "what was seen" } } }
                tbody {
                    @for (case, subject) in observed {
                        tr {
                            th scope="row" {
                                a href={ "#" (anchor::case(&case.id)) } { (part::text(&case.id)) }
                                div.quiet { (part::text(&case.title)) }
                            }
                            td { (part::text(&subject.server)) }
                            td {
                                (part::text(&subject.reason))
                                @if !subject.phases.is_empty() {
                                    div { @for phase in &subject.phases { (part::phase(page, phase)) " " } }
                                }
                            }
                        }
                    }
                }
            }
        },
    ))
}
