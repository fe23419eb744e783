//! The word, the gate, what the run was; and in the way of everything else, what a reader must know first.

use super::{Page, part::text};
use crate::{
    gate_line::GateLine,
    trouble::unreached,
    words::{command_line, duration, plural},
};
use fedproof_results::{RunRecord, RunVerdict};
use maud::{Markup, html};

pub(super) fn head(page: &Page<'_>) -> Markup {
    let record = page.record;
    let gate = GateLine::of(record);
    let (mark, class) = match record.verdict {
        RunVerdict::Qualified => ("✓", "pass"),
        RunVerdict::NotQualified => ("✗", "fail"),
        RunVerdict::Inconclusive => ("?", "inconclusive"),
    };
    html! {
        header {
            p.product { "fedproof run " code { (text(&record.identity.run_id)) } }
            h1 class=(class) { (super::part::sign(mark)) " " (record.verdict.title()) }
            p.gate { strong { (gate.counts()) } ". " (sentence(&text(&gate.reason()))) }
            @if !record.complete { (incomplete(record)) }
            @if !record.warnings.is_empty() {
                div.banner role="note" {
                    strong { (plural(record.warnings.len(), "warning", "warnings")) }
                    ul { @for warning in &record.warnings { li { (text(warning)) } } }
                }
            }
            (identity(record))
        }
    }
}

fn incomplete(record: &RunRecord) -> Markup {
    let missing = unreached(record).len();
    html! {
        div.banner.loud role="alert" {
            strong { "Run stopped early: " } (text(&record.stopped_because)) ". "
            (missing) " of " (plural(record.cases.len(), "case", "cases")) " not reached; what follows is no verdict on them."
        }
    }
}

fn identity(record: &RunRecord) -> Markup {
    let identity = &record.identity;
    html! {
        dl.facts {
            @for server in &record.servers {
                div {
                    dt { "homeserver " (text(&server.name)) }
                    dd {
                        (text(&server.implementation)) " " (text(&server.version)) br;
                        span.quiet { (text(&server.server_name)) ", from " (text(&server.spec)) br; "digest " code { (text(&server.digest)) } }
                        @if let Some(next) = &server.upgrade_to {
                            br; span.quiet { "upgraded to " (text(&next.spec)) ", digest " code { (text(&next.digest)) } }
                        }
                    }
                }
            }
            div { dt { "deployment" } dd { (text(&identity.deployment)) br; span.quiet { "backend " (text(&identity.backend)) ", " (identity.jobs) " at once" } } }
            div { dt { "profile" } dd { (text(&identity.profile)) br; span.quiet { @if identity.strict { "SHOULD gates (--strict)" } @else { "MUST and POLICY gate" } } } }
            div { dt { "suite" } dd { "fedproof " (text(&identity.suite_version)) br; span.quiet { "digest " code { (text(&identity.suite_digest)) } } } }
            div { dt { "started" } dd { (text(&identity.started_at)) br; span.quiet { "took " (duration(record.wall_ms.total)) ", seed " (identity.seed) } } }
            div { dt { "machine" } dd { (text(&identity.machine)) } }
            div.row { dt { "command" } dd { code { (text(&command_line(&identity.command))) } } }
        }
    }
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}
