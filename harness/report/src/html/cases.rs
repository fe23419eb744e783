//! Every case, by area. With JavaScript a filter; without, the same list.

use super::{Page, anchor, part};
use crate::{
    tally::Area,
    words::{ORDER, duration, mark, word},
};
use fedproof_results::{CaseResult, SubjectResult, Verdict};
use maud::{Markup, html};

pub(super) fn cases(page: &Page<'_>) -> Markup {
    html! {
        // Shown by the script, which alone can make it work.
        form.filter hidden {
            label { "Filter " input type="search" name="words" placeholder="id, title, reason"; }
            label {
                "Verdict "
                select name="verdict" {
                    option value="" { "any" }
                    @for verdict in ORDER { option value=(verdict) { (mark(verdict)) " " (word(verdict)) } }
                }
            }
            output aria-live="polite" {}
        }
        @for area in &page.areas { (group(page, area)) }
    }
}

fn group(page: &Page<'_>, area: &Area<'_>) -> Markup {
    let tally = area.tally();
    // What passed as a whole needs no room until somebody asks.
    let open = tally.of(Verdict::Fail) + tally.of(Verdict::Inconclusive) > 0 || page.record.cases.len() < 40;
    html! {
        details.group id=(anchor::area(area.name)) open[open] {
            summary {
                h3 { (part::text(area.name)) }
                span.tally {
                    @for (verdict, count) in tally.present() {
                        span class={ "v " (verdict) } { (part::sign(mark(verdict))) " " (count) " " (word(verdict)) }
                    }
                }
            }
            table.cases {
                thead { tr { th scope="col" { "verdict" } th scope="col" { "case" } th scope="col" { "level" } th scope="col" { "time" } } }
                tbody { @for result in &area.cases { (row(page, result)) } }
            }
        }
    }
}

fn row(page: &Page<'_>, result: &CaseResult) -> Markup {
    let case = &result.case;
    html! {
        tr id=(anchor::case(&case.id)) data-verdict=(result.verdict) {
            td { (part::verdict(result.verdict)) }
            th scope="row" {
                div { span.id { (part::text(&case.id)) } " " (part::text(&case.title)) }
                @if result.subjects.is_empty() { div.quiet { (part::text(&result.reason)) } }
                @for subject in &result.subjects { (judged(page, result, subject)) }
            }
            td title=(part::text(&case.requirement)) { (case.level) }
            td.number { (duration(result.duration_ms)) }
        }
    }
}

fn judged(page: &Page<'_>, result: &CaseResult, subject: &SubjectResult) -> Markup {
    let wrong = matches!(subject.verdict, Verdict::Fail | Verdict::Inconclusive) && !subject.is_known_deviation();
    html! {
        div.judged {
            @if result.subjects.len() > 1 { (part::text(&subject.server)) ": " (part::verdict(subject.verdict)) " " }
            @for phase in &subject.phases { (part::phase(page, phase)) " " }
            @if !subject.reason.is_empty() { span.quiet { (part::text(&subject.reason)) " " } }
            @if subject.is_known_deviation() && let Some(known) = &subject.deviation {
                strong { "known deviation: " } (part::text(&known.to_string()))
            }
            @if wrong { a href={ "#" (anchor::trouble(&result.case.id, &subject.server)) } { "explained above" } }
        }
    }
}
