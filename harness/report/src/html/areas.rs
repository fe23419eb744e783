//! Areas × homeservers: where it is well, and where not.

use super::{Page, anchor, part};
use crate::{
    tally::{Area, Tally},
    words::{mark, word},
};
use maud::{Markup, html};

pub(super) fn areas(page: &Page<'_>) -> Markup {
    part::wide(
        "Areas by homeserver",
        html! {
            table {
                thead {
                    tr {
                        th scope="col" { "area" }
                        th scope="col" { "cases" }
                        @for server in &page.servers { th scope="col" { (part::text(server)) } }
                    }
                }
                tbody {
                    @for area in &page.areas { (row(page, area)) }
                }
            }
        },
    )
}

fn row(page: &Page<'_>, area: &Area<'_>) -> Markup {
    html! {
        tr {
            th scope="row" { a href={ "#" (anchor::area(area.name)) } { (part::text(area.name)) } }
            td.number { (area.cases.len()) }
            @for server in &page.servers { td { (cell(area, &area.tally_of(server))) } }
        }
    }
}

fn cell(area: &Area<'_>, tally: &Tally) -> Markup {
    html! {
        a.tally href={ "#" (anchor::area(area.name)) } {
            @for (verdict, count) in tally.present() {
                span class={ "v " (verdict) } { (part::sign(mark(verdict))) " " (count) " " (word(verdict)) }
            }
            @if tally.total() < area.cases.len() {
                span.quiet { (area.cases.len() - tally.total()) " not run here" }
            }
        }
    }
}
