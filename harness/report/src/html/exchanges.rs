//! The appendix: the exchanges that the cells and the failures lead to.

use super::{Page, anchor};
use crate::{
    archive::TRANSCRIPT,
    wire::{ending, ends, pretty_body, request_line},
    words::duration_us,
};
use fedproof_core::transcript::{Api, Exchange};
use maud::{Markup, html};
use serde_json::Value;

/// Bodies are shown up to so many bytes, to keep a page with hundreds of exchanges light.
const BODY: usize = 4 * 1024;

pub(super) fn exchanges(page: &Page<'_>) -> Option<Markup> {
    let evidence = &page.record.evidence;
    (!evidence.is_empty()).then(|| {
        html! {
            p.quiet {
                "The exchanges that this page refers to, in order of completion. All of the run are in "
                code { (TRANSCRIPT) } ". Secrets were blanked when they were recorded."
            }
            @for exchange in evidence.values() { (one(exchange)) }
        }
    })
}

fn one(exchange: &Exchange) -> Markup {
    html! {
        details.exchange {
            summary {
                span.quiet { "#" (exchange.id) } " "
                code { (request_line(exchange, 160)) } " "
                span.quiet { (ends(exchange)) } " "
                strong { (ending(exchange)) }
            }
            // The place is within: a browser opens a closed element whose inside is linked to.
            div.inside id=(anchor::exchange(exchange.id)) {
                dl {
                    dt { "request" } dd { code { (request_line(exchange, 4_000)) } }
                    dt { "from → to" } dd { (ends(exchange)) }
                    dt { "API" } dd { @match exchange.api { Api::Client => "client-server", Api::Federation => "server-server", Api::Agent => "client under test" } }
                    dt { "ended" } dd { (ending(exchange)) }
                    dt { "time" } dd {
                        "began " (duration_us(exchange.started_us)) " into the run, took " (duration_us(exchange.duration_us))
                    }
                }
                (body("Sent", &exchange.request))
                (body("Answer", &exchange.response))
            }
        }
    }
}

fn body(title: &str, body: &Value) -> Markup {
    let Some((text, whole)) = pretty_body(body, BODY) else {
        return html! { p.quiet { (title) ": no body" } };
    };
    html! {
        h4 { (title) }
        pre tabindex="0" { (text) @if whole.is_some() { "…" } }
        @if let Some(bytes) = whole {
            p.quiet { "Cut: the whole has " (bytes) " bytes." }
        }
    }
}
