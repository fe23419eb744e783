//! What went wrong, each with all that a reader needs to judge it.

use super::{Page, anchor, part};
use crate::{
    trouble::{Trouble, known_deviations, troubles as all, unreached},
    wire::{course, request_line, short_body},
    words::{plural, replay},
};
use fedproof_results::Failure;
use maud::{Markup, html};

/// So many are laid open; the rest are closed, one line each.
const OPEN: usize = 10;

pub(super) fn troubles(page: &Page<'_>) -> Option<Markup> {
    let troubles = all(page.record);
    let unreached = unreached(page.record).len();
    let known = known_deviations(page.record);
    if troubles.is_empty() && unreached == 0 && known.is_empty() {
        return None;
    }
    Some(html! {
        @for (index, trouble) in troubles.iter().enumerate() { (card(page, trouble, index < OPEN)) }
        @if !known.is_empty() {
            h3 { "Known deviations" }
            ul {
                @for (what, deviation) in &known {
                    li { strong { (part::text(what)) } ": " (part::text(&deviation.to_string())) }
                }
            }
        }
        @if unreached > 0 {
            p { (plural(unreached, "case was", "cases were")) " never reached: " a href="#cases" { "see all cases" } "." }
        }
    })
}

fn card(page: &Page<'_>, trouble: &Trouble<'_>, open: bool) -> Markup {
    let Trouble { case, subject } = trouble;
    let strict = page.record.identity.strict;
    html! {
        details class={ "card " (subject.verdict) } id=(anchor::trouble(&case.id, &subject.server)) open[open] {
            summary {
                (part::verdict(subject.verdict)) " "
                strong { (part::text(&case.id)) }
                span.quiet {
                    " " (case.level) @if !case.level.gates(strict) { ", does not gate" }
                    ", on " (part::text(&subject.server))
                }
            }
            p.title { (part::text(&case.title)) }
            (facts(page, trouble))
        }
    }
}

fn facts(page: &Page<'_>, trouble: &Trouble<'_>) -> Markup {
    let Trouble { case, subject } = trouble;
    let exchanges = trouble.exchanges();
    let decisive = part::decisive(page, &exchanges);
    html! {
        dl {
            @match &subject.failure {
                Some(failure) => {
                    (broken(failure))
                    @if !subject.reason.is_empty() { dt { "so" } dd { (part::text(&subject.reason)) } }
                }
                None => { dt { "seen" } dd { (part::text(&subject.reason)) } },
            }
            dt { "asked by" } dd { (part::text(&case.requirement)) }
            @if !subject.phases.is_empty() {
                dt { "phases" } dd { @for phase in &subject.phases { (part::phase(page, phase)) " " } }
            }
            @if let Some(exchange) = decisive {
                dt { "exchange" }
                dd {
                    (part::exchange(page, exchange.id, html! { code { (request_line(exchange, 500)) } })) br;
                    (course(exchange))
                    @if let Some(body) = short_body(&exchange.response, 400) { br; code { (body) } }
                    @if exchanges.len() > 1 {
                        br; "before it: "
                        @for id in &exchanges[..exchanges.len() - 1] {
                            (part::exchange(page, *id, html! { "#" (id) })) " "
                        }
                    }
                }
            }
            dt { "hint" } dd { (part::text(&trouble.hint(decisive))) }
            dt { "replay" } dd { pre { (replay(&page.record.identity, &page.record.servers, &case.id)) } }
        }
    }
}

fn broken(failure: &Failure) -> Markup {
    html! {
        dt { "expected" } dd.expected { (part::text(&failure.expected)) }
        dt { "seen" } dd.seen { (part::text(&failure.seen)) }
        dt { "step" } dd { (part::text(&failure.step)) }
        dt { "at" } dd { code { (part::text(&failure.location.file)) ":" (failure.location.line) } ", phase " (part::text(&failure.phase)) }
    }
}
