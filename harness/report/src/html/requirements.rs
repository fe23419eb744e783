//! From the specification to the evidence: requirement, the rows that ask it, what each homeserver did, on the wire.

use super::{Page, anchor, part};
use crate::words::{mark, word};
use fedproof_results::{CaseResult, SubjectResult, Verdict};
use maud::{Markup, html};

/// A section of a specification with what is asked of it.
struct Section<'a> {
    name: &'a str,
    rows: Vec<Row<'a>>,
}

/// A row of the catalogue under one requirement.
struct Row<'a> {
    requirement: &'a str,
    row: &'a str,
    cases: Vec<&'a CaseResult>,
}

pub(super) fn requirements(page: &Page<'_>) -> Markup {
    let sections = sections(page);
    html! {
        p.quiet { "Every mark leads to the exchange that decided it, or to the case where there is none." }
        @for section in &sections {
            @let says_more = section.rows.iter().any(|row| !row.requirement.is_empty());
            @let worst = section.rows.iter().flat_map(|row| &row.cases).map(|result| result.verdict).max();
            details.group open[matches!(worst, Some(Verdict::Fail))] {
                summary {
                    h3 { (part::text(section.name)) }
                    span.quiet { (crate::words::plural(section.rows.len(), "row", "rows")) } " "
                    @if let Some(worst) = worst.filter(|worst| matches!(worst, Verdict::Fail | Verdict::Inconclusive)) { (part::verdict(worst)) }
                }
                (part::wide(section.name, html! {
                    table.kinds {
                        thead { tr { @if says_more { th scope="col" { "requirement" } } th scope="col" { "row" } @for kind in &page.kinds { th scope="col" { (part::kind(kind)) } } } }
                        tbody {
                            @for (index, row) in section.rows.iter().enumerate() {
                                @let said = index > 0 && section.rows[index - 1].requirement == row.requirement;
                                tr {
                                    @if says_more { td { @if said { span.hear { (part::text(row.requirement)) } } @else { (part::text(row.requirement)) } } }
                                    th scope="row" { (part::text(row.row)) span.quiet { " " (levels(row)) } }
                                    @for kind in &page.kinds {
                                        td { @for result in &row.cases { @if let Some(subject) = kind.subject(result) { (evidence(page, result, subject)) " " } } }
                                    }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}

/// Sections by name; in each the requirements together, otherwise in the catalogue's order.
fn sections<'a>(page: &Page<'a>) -> Vec<Section<'a>> {
    let mut sections: Vec<Section<'a>> = Vec::new();
    for result in &page.record.cases {
        let (name, requirement) = result.case.requirement_parts();
        let at = sections.iter().position(|section| section.name == name).unwrap_or_else(|| {
            sections.push(Section { name, rows: Vec::new() });
            sections.len() - 1
        });
        let rows = &mut sections[at].rows;
        match rows.iter_mut().find(|row| row.row == result.case.row() && row.requirement == requirement) {
            Some(row) => row.cases.push(result),
            None => rows.push(Row { requirement, row: result.case.row(), cases: vec![result] }),
        }
    }
    sections.iter_mut().for_each(|section| section.rows.sort_by_key(|row| row.requirement));
    sections.sort_by_key(|section| section.name);
    sections
}

fn levels(row: &Row<'_>) -> String {
    row.cases.first().map(|result| result.case.level.to_string()).unwrap_or_default()
}

/// `✓ v12`, leading to the exchange.
fn evidence(page: &Page<'_>, result: &CaseResult, subject: &SubjectResult) -> Markup {
    let version = result.case.room_version.as_ref().map(|version| format!(" v{}", part::text(version)));
    let label = html! {
        (part::sign(mark(subject.verdict))) span.hear { (word(subject.verdict)) } (version.unwrap_or_default())
    };
    let exchange = part::decisive_id(subject).filter(|id| page.record.evidence.contains_key(id));
    html! {
        span class={ "phase " (subject.verdict) } {
            @match exchange {
                Some(id) => (part::exchange(page, id, label)),
                None => { a href={ "#" (anchor::case(&result.case.id)) } { (label) } }
            }
        }
    }
}
