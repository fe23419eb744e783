//! Wall time, CPU time, memory, and the slowest cases, as small pictures with their figures in words.

use super::{Page, anchor, part};
use crate::{
    tally::slowest,
    words::{duration, memory},
};
use maud::{Markup, html};

/// So many of the slowest cases are named.
const SLOWEST: usize = 10;

pub(super) fn figures(page: &Page<'_>) -> Markup {
    let record = page.record;
    let wall = record.wall_ms;
    let most_cpu = record.usage.iter().map(|usage| usage.cpu_ms).max().unwrap_or(0);
    let most_memory = record.usage.iter().map(|usage| usage.rss_bytes).max().unwrap_or(0);
    let slow = slowest(record, SLOWEST);
    let longest = slow.first().map_or(0, |result| result.duration_ms);
    html! {
        div.pictures {
            div {
                h3 { "Wall time " (duration(wall.total)) }
                @if wall.client > 0 {
                    (bar(wall.client, wall.total, html! { "client" }, &duration(wall.client)))
                }
                (bar(wall.boot, wall.total, html! { "boot" }, &duration(wall.boot)))
                (bar(wall.cases, wall.total, html! { "cases" }, &duration(wall.cases)))
            }
            @if !record.usage.is_empty() {
                div {
                    h3 { "CPU time, boot included" }
                    @for usage in &record.usage {
                        (bar(usage.cpu_ms, most_cpu, html! { (part::text(&usage.name)) }, &duration(usage.cpu_ms)))
                    }
                }
                div {
                    h3 { "Memory at the end" }
                    @for usage in &record.usage {
                        (bar(usage.rss_bytes, most_memory, html! { (part::text(&usage.name)) }, &memory(usage.rss_bytes)))
                    }
                }
            }
            @if !slow.is_empty() {
                div.row {
                    h3 { "Slowest cases" }
                    @for result in slow {
                        @let link = html! { a href={ "#" (anchor::case(&result.case.id)) } { (part::text(&result.case.id)) } };
                        (bar(result.duration_ms, longest, link, &duration(result.duration_ms)))
                    }
                }
            }
        }
    }
}

/// One bar: `value` of `most`, labelled and said.
fn bar(value: u64, most: u64, label: Markup, said: &str) -> Markup {
    let width = value as f64 / most.max(1) as f64 * 100.0;
    html! {
        div.bar {
            span.label { (label) }
            svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
                rect.track width="100" height="8" {}
                rect.value width=(format!("{:.2}", width.min(100.0))) height="8" {}
            }
            span.said { (said) }
        }
    }
}
