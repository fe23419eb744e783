//! The endpoint matrix: rows of the catalogue × room version and phase, a cell per answer.
//!
//! A table holds the cases of one scenario on one kind of homeserver, because those share their phases.

use super::{Page, anchor, part, patterns};
use crate::{kinds::Kind, tally::Area};
use fedproof_results::{CaseResult, PhaseOutcome, Role, SubjectResult};
use maud::{Markup, html};

/// Cases of one scenario on one kind of homeserver, as a grid.
struct Grid<'a> {
    /// What the columns of one room version are.
    phases: Vec<&'a str>,
    /// Room versions, numbers in order; `None` for cases without one.
    versions: Vec<Option<&'a str>>,
    /// Rows of the catalogue.
    rows: Vec<&'a str>,
    cases: Vec<(&'a CaseResult, &'a SubjectResult)>,
}

pub(super) fn matrix(page: &Page<'_>) -> Option<Markup> {
    let mut tables = Vec::new();
    for area in &page.areas {
        for scenario in scenarios(area) {
            for kind in &page.kinds {
                if let Some(grid) = Grid::new(area, scenario, kind) {
                    tables.push(table(page, area, &kind.names(), &grid));
                }
            }
        }
    }
    (!tables.is_empty()).then(|| {
        html! {
            p.quiet {
                "Each cell is the status of the deciding request and leads to its exchange. "
                (part::sign("✓")) " as expected, " (part::sign("✗")) " not as expected, "
                (part::sign("?")) " a control or the preparation did not hold, "
                (part::sign("–")) " not put to the test."
            }
            @for table in &tables { (table) }
        }
    })
}

fn scenarios<'a>(area: &Area<'a>) -> Vec<&'a str> {
    let mut files: Vec<&str> = Vec::new();
    for result in &area.cases {
        if !files.contains(&result.case.scenario.as_str()) {
            files.push(&result.case.scenario);
        }
    }
    files
}

impl<'a> Grid<'a> {
    /// `None` if no case there has a phase with an answer to show.
    fn new(area: &Area<'a>, scenario: &str, kind: &Kind) -> Option<Self> {
        let cases: Vec<(&'a CaseResult, &'a SubjectResult)> = area
            .cases
            .iter()
            .filter(|result| result.case.scenario == scenario && !patterns::is_pattern(result))
            .filter_map(|result| kind.subject(result).map(|subject| (*result, subject)))
            .collect();
        let mut grid = Self { phases: Vec::new(), versions: Vec::new(), rows: Vec::new(), cases };
        for (result, subject) in &grid.cases {
            push_new(&mut grid.rows, result.case.row());
            push_new(&mut grid.versions, result.case.room_version.as_deref());
            for phase in subject.phases.iter().filter(|phase| phase.role != Role::Setup && phase.status.is_some()) {
                push_new(&mut grid.phases, phase.phase.as_str());
            }
        }
        grid.versions
            .sort_by_key(|version| version.map(|version| (version.parse::<u32>().unwrap_or(u32::MAX), version)));
        (!grid.phases.is_empty()).then_some(grid)
    }

    fn case(&self, row: &str, version: Option<&str>) -> Option<(&'a CaseResult, &'a SubjectResult)> {
        let here = |result: &CaseResult| result.case.row() == row && result.case.room_version.as_deref() == version;
        self.cases.iter().find(|(result, _)| here(result)).copied()
    }
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

fn table(page: &Page<'_>, area: &Area<'_>, server: &str, grid: &Grid<'_>) -> Markup {
    let versioned = grid.versions.iter().any(Option::is_some);
    let spans = grid.phases.len();
    let caption = format!("{} on {}", area.name, server);
    part::wide(
        &part::text(&caption),
        html! {
            table.matrix {
                caption { (part::text(&caption)) }
                thead {
                    @if versioned {
                        tr {
                            td {}
                            @for version in &grid.versions {
                                th.edge scope="colgroup" colspan=(spans) {
                                    @match version { Some(version) => { "room version " (part::text(version)) }, None => "no room version" }
                                }
                            }
                        }
                    }
                    tr {
                        th scope="col" { "row" }
                        @for _ in &grid.versions {
                            @for (index, phase) in grid.phases.iter().enumerate() {
                                th.edge[index == 0] scope="col" { (part::text(phase)) }
                            }
                        }
                    }
                }
                tbody {
                    @for row in &grid.rows {
                        tr {
                            th scope="row" { (short(row, area)) }
                            @for version in &grid.versions { (cells(page, grid, row, *version)) }
                        }
                    }
                }
            }
        },
    )
}

/// The row without its area, which the caption names.
fn short(row: &str, area: &Area<'_>) -> String {
    part::text(row.strip_prefix(area.name).and_then(|rest| rest.strip_prefix('/')).unwrap_or(row))
}

fn cells(page: &Page<'_>, grid: &Grid<'_>, row: &str, version: Option<&str>) -> Markup {
    let Some((result, subject)) = grid.case(row, version) else {
        return html! { td.edge.none colspan=(grid.phases.len()) { (part::sign("–")) span.hear { "no such case" } } };
    };
    let shown = |name: &str| subject.phases.iter().find(|phase| phase.phase == name);
    if !grid.phases.iter().any(|name| shown(name).is_some()) {
        return html! {
            td.edge.none colspan=(grid.phases.len()) title=(part::text(&subject.reason)) {
                a href={ "#" (anchor::case(&result.case.id)) } { (part::verdict(subject.verdict)) }
            }
        };
    }
    html! {
        @for (index, name) in grid.phases.iter().enumerate() {
            @match shown(name) {
                Some(phase) => (cell(page, phase, index == 0)),
                None => { td.none.edge[index == 0] { (part::sign("–")) span.hear { "not put to the test" } } }
            }
        }
    }
}

fn cell(page: &Page<'_>, phase: &PhaseOutcome, edge: bool) -> Markup {
    let (mark, words, class) = part::phase_mark(phase);
    let errcode = phase.errcode.as_deref().map(part::text);
    let label = html! { @match phase.status { Some(status) => (status), None => "no answer" } };
    html! {
        td class={ "cell " (class) @if edge { " edge" } } title=[errcode.as_deref()] {
            @match phase.exchange {
                Some(id) => (part::exchange(page, id, label)),
                None => (label),
            }
            " " (part::sign(mark)) span.hear { (words) }
            @if !phase.ok { @if let Some(errcode) = &errcode { br; small { (errcode) } } }
        }
    }
}
