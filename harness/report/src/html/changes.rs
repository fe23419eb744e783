//! What differs from the accepted verdicts.

use super::{Page, anchor, part};
use crate::changes::{course, headline, kind};
use fedproof_results::{Change, ChangeKind, Verdict};
use maud::{Markup, html};

pub(super) fn changes(page: &Page<'_>) -> Option<Markup> {
    let comparison = page.record.comparison.as_ref()?;
    Some(html! {
        p { (part::text(&headline(comparison))) "." }
        @for note in &comparison.notes { p.quiet { (part::text(note)) } }
        @if !comparison.is_empty() {
            p.quiet {
                "A difference of any kind wants acceptance, a new pass as well, because from then on it is guarded: "
                code { "fedproof baseline accept" } "."
            }
            (part::wide("Differences", html! {
                table {
                    thead { tr { th scope="col" { "difference" } th scope="col" { "case" } th scope="col" { "verdict" } } }
                    tbody { @for change in &comparison.changes { (row(page, change)) } }
                }
            }))
        }
    })
}

fn row(page: &Page<'_>, change: &Change) -> Markup {
    let known = page.record.cases.iter().any(|result| result.case.id == change.case);
    // Good or bad news decides the colour, the words say what it is.
    let class = match (change.change, change.after) {
        (_, Some(Verdict::Fail)) => Verdict::Fail,
        (_, Some(Verdict::Inconclusive)) => Verdict::Inconclusive,
        (ChangeKind::NewPass, _) => Verdict::Pass,
        _ => Verdict::Observed,
    };
    html! {
        tr {
            th scope="row" { span class={ "v " (class) } { (kind(change.change)) } }
            td.long {
                @if known { a href={ "#" (anchor::case(&change.case)) } { (part::text(&change.case)) } }
                @else { (part::text(&change.case)) }
                span.quiet { " " (change.level) " on " (part::text(&change.server)) }
                @if !change.detail.is_empty() { div { (part::text(&change.detail)) } }
            }
            td { (course(change)) }
        }
    }
}
