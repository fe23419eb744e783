//! Cases × the latest runs of a track: since when does it fail?

use crate::{
    part,
    track::Choice,
    view::{Body, View, Wrong},
    words::fill,
};
use fedproof_history::{Kind, MatrixCell, RunHead};
use fedproof_report::words::{ORDER, mark};
use fedproof_results::{Verdict, area};
use maud::{Markup, html};
use std::collections::{BTreeMap, BTreeSet};

/// Columns.
const RUNS: u32 = 20;

/// What became of a case on a kind of homeserver, run by run; the latest first, as the columns are.
struct Row<'a> {
    case: &'a str,
    server: &'a str,
    cells: Vec<Option<&'a MatrixCell>>,
}

impl Row<'_> {
    fn latest(&self) -> Option<Verdict> {
        self.cells.first().copied().flatten().map(|cell| cell.verdict)
    }

    fn changes(&self) -> bool {
        let mut verdicts = self.cells.iter().flatten().map(|cell| cell.verdict);
        verdicts.next().is_some_and(|first| verdicts.any(|verdict| verdict != first))
    }
}

pub(crate) async fn matrix(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let Some(choice) = Choice::of(&view, Some(Kind::Cases)).await? else {
        return Ok(super::empty(&view, words.matrix));
    };
    let track = choice.track();
    let runs = view.shared.store.runs(Some(&track.branch), Some(&track.place), RUNS).await?;
    let ids: Vec<String> = runs.iter().map(|run| run.run_id.clone()).collect();
    let cells = view.shared.store.matrix(&ids).await?;
    let mut rows = rows(&runs, &cells);
    let areas: BTreeSet<&str> = rows.iter().map(|row| area(row.case)).collect();
    let wanted = (view.asked("area"), view.asked("verdict"), view.asked("changes"));
    let all = rows.len();
    rows.retain(|row| {
        wanted.0.is_none_or(|name| area(row.case) == name)
            && wanted.1.is_none_or(|verdict| row.latest().is_some_and(|latest| latest.to_string() == verdict))
            && wanted.2.is_none_or(|_| row.changes())
    });
    let filters = html! {
        label { span { (words.area) } select name="area" {
            option value="" { (words.any) }
            @for name in &areas { option value=(name) selected[wanted.0 == Some(*name)] { (part::text(name)) } }
        } }
        label { span { (words.verdict) } select name="verdict" {
            option value="" { (words.any) }
            @for verdict in ORDER { option value=(verdict) selected[wanted.1 == Some(verdict.to_string().as_str())] { (mark(verdict)) " " (words.verdict(verdict)) } }
        } }
        label.check { input type="checkbox" name="changes" value="1" checked[wanted.2.is_some()]; " " (words.only_changes) }
    };
    let markup = html! {
        h1 { (words.matrix) }
        (choice.form(&view, "/matrix", filters))
        p.legend { @for verdict in ORDER { a href=(part::href("/matrix", &[("track", &choice.key()), ("verdict", &verdict.to_string())])) { (part::verdict(words, verdict)) } " " } span { "~ " (words.known_deviation) } }
        p.quiet { (fill(words.n_of_m_cases, &[&rows.len(), &all])) " " (words.latest_left) }
        (part::wide(words.matrix, table(&view, &runs, &rows)))
    };
    Ok(Body { title: words.matrix.to_owned(), markup })
}

fn rows<'a>(runs: &[RunHead], cells: &'a [MatrixCell]) -> Vec<Row<'a>> {
    let columns: BTreeMap<&str, usize> = runs.iter().enumerate().map(|(at, run)| (run.run_id.as_str(), at)).collect();
    let mut rows: BTreeMap<(&str, &str), Row<'_>> = BTreeMap::new();
    for cell in cells {
        let Some(at) = columns.get(cell.run_id.as_str()) else { continue };
        let empty = || Row { case: &cell.case, server: &cell.server, cells: vec![None; runs.len()] };
        rows.entry((&cell.case, &cell.server)).or_insert_with(empty).cells[*at] = Some(cell);
    }
    rows.into_values().collect()
}

fn table(view: &View, runs: &[RunHead], rows: &[Row<'_>]) -> Markup {
    let words = view.words;
    let columns = runs.len() + 1;
    html! {
        table.over-time {
            thead {
                tr {
                    th scope="col" { (words.case) }
                    @for run in runs {
                        @let (mark, class) = part::run_mark(run);
                        @let told = format!("{}, {}", run.build, run.started_at);
                        th scope="col" { a class={ "v " (class) } href=(part::run_path(&run.run_id)) title=(part::text(&told)) { (mark) span.build { (part::text(&short(&run.build))) } } }
                    }
                }
            }
            @for rows in rows.chunk_by(|one, other| area(one.case) == area(other.case)) {
                tbody {
                    tr.area { th scope="colgroup" colspan=(columns) { span { (part::text(area(rows[0].case))) } } }
                    @for row in rows {
                        tr {
                            th scope="row" {
                                a href=(part::case_path(row.case)) { (part::id(rest(row.case))) }
                                span.quiet { " " (part::text(row.server)) }
                            }
                            @for cell in &row.cells {
                                @match cell {
                                    Some(cell) => { td class=(cell.verdict) { @if cell.accepted { "~" } (mark(cell.verdict)) } }
                                    None => { td {} }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The id without its area, which stands above.
fn rest(case: &str) -> &str {
    case.strip_prefix(area(case)).and_then(|rest| rest.strip_prefix('/')).unwrap_or(case)
}

/// Enough of a build to tell it from its neighbours.
fn short(build: &str) -> String {
    let last = build.rsplit(' ').next().unwrap_or(build);
    last.chars().take(9).collect()
}
