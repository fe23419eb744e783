//! What was on the wire.

use crate::{
    part::{sign, text},
    words::Words,
};
use fedproof_core::transcript::{Api, Exchange};
use fedproof_report::{
    wire::{ending, ends, pretty_body, request_line},
    words::duration_us,
};
use fedproof_results::{PhaseOutcome, Role};
use maud::{Markup, html};
use serde_json::Value;

/// Bodies are shown up to so many bytes.
const BODY: usize = 16 * 1024;

/// A phase in brief: `denied 403 M_FORBIDDEN ✓`, leading to its exchange.
pub(super) fn phase(words: &Words, phase: &PhaseOutcome) -> Markup {
    let (mark, told, class) = match (phase.ok, phase.role) {
        (true, _) => ("✓", words.as_expected, "pass"),
        (false, Role::Check) => ("✗", words.not_as_expected, "fail"),
        (false, _) => ("?", words.not_as_expected, "inconclusive"),
    };
    let label = html! {
        (text(&phase.phase))
        @if let Some(status) = phase.status { " " (status) }
        @if let Some(errcode) = &phase.errcode { " " (text(errcode)) }
    };
    html! {
        span class={ "phase " (class) } {
            @match phase.exchange { Some(id) => { a href={ "#x" (id) } { (label) } } None => { (label) } }
            " " (sign(mark)) span.hear { (told) }
        }
    }
}

pub(super) fn one(words: &Words, exchange: &Exchange) -> Markup {
    html! {
        details.exchange {
            summary {
                span.quiet { "#" (exchange.id) } " "
                code { (request_line(exchange, 160)) } " "
                span.quiet { (ends(exchange)) } " "
                strong { (ending(exchange)) }
            }
            // The place is within: a browser opens a closed element whose inside is linked to.
            div.inside id={ "x" (exchange.id) } {
                dl {
                    dt { (words.request) } dd { code { (request_line(exchange, 4_000)) } }
                    dt { (words.from_to) } dd { (ends(exchange)) }
                    dt { "API" } dd { @match exchange.api { Api::Client => "client-server", Api::Federation => "server-server", Api::Agent => (words.client_under_test) } }
                    dt { (words.ended) } dd { (ending(exchange)) ", " (duration_us(exchange.duration_us)) }
                }
                (body(words, words.sent, &exchange.request))
                (body(words, words.answer, &exchange.response))
            }
        }
    }
}

fn body(words: &Words, title: &str, body: &Value) -> Markup {
    let Some((text, whole)) = pretty_body(body, BODY) else {
        return html! { p.quiet { (title) ": " (words.no_body) } };
    };
    html! {
        h4 { (title) }
        pre tabindex="0" { (text) @if whole.is_some() { "…" } }
        @if let Some(bytes) = whole { p.quiet { (words.cut) " " (bytes) " B" } }
    }
}
