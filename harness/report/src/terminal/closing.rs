//! The last words: tables, figures, and whether this build may go out.

use super::paint::Paint;
use crate::{
    changes::changes_text,
    gate_line::GateLine,
    tally::{Tally, areas, slowest},
    trouble::{known_deviations, unreached},
    words::{ORDER, duration, memory, one_line, plural, wall_time, word},
};
use fedproof_results::{RunRecord, exit};
use std::path::Path;

/// So many of the slowest cases are named.
const SLOWEST: usize = 5;

/// So many differences to the baseline are named.
const CHANGES: usize = 20;

/// Everything after the last case.
pub(super) fn closing(record: &RunRecord, page: Option<&Path>, exit_code: u8, paint: &Paint) -> String {
    let mut lines = vec![String::new()];
    lines.extend(table(record, paint));
    lines.push(String::new());
    for (what, deviation) in known_deviations(record) {
        lines.push(format!("{} {what}: {}", paint.quiet("known "), one_line(&deviation.to_string(), 500)));
    }
    for result in slowest(record, SLOWEST) {
        lines.push(format!("{} {:>10}  {}", paint.quiet("slow  "), duration(result.duration_ms), result.case.id));
    }
    for server in &record.servers {
        let used = record.usage.iter().find(|usage| usage.name == server.name).map_or_else(String::new, |usage| {
            format!(", CPU {}, memory {}", duration(usage.cpu_ms), memory(usage.rss_bytes))
        });
        let version = one_line(&server.version, 60);
        lines.push(format!("{} {} = {} {version}{used}", paint.quiet("server"), server.name, server.implementation));
    }
    let wall = record.wall_ms;
    lines.push(format!("{} {}", paint.quiet("wall  "), wall_time(wall)));
    if let Some(page) = page {
        lines.push(format!("{} {}", paint.quiet("report"), page.display()));
    }
    lines.push(String::new());
    if !record.complete {
        let missing = unreached(record).len();
        lines.push(paint.warning(&format!(
            "run stopped early: {}; {} of {} not reached",
            one_line(&record.stopped_because, 500),
            missing,
            plural(record.cases.len(), "case", "cases")
        )));
    }
    if let Some(comparison) = &record.comparison {
        lines.push(changes_text(comparison, CHANGES));
        if let Some(folder) = page.and_then(Path::parent).filter(|_| record.complete && !comparison.is_empty()) {
            lines.push(format!("if they are as they should be: fedproof baseline accept {}", folder.display()));
        }
        lines.push(String::new());
    }
    let gate = GateLine::of(record);
    lines.push(format!("{}: {}", paint.word(record.verdict, record.verdict.title()), one_line(&gate.reason(), 500)));
    lines.push(format!("{} (exit code {exit_code}: {})", gate.counts(), meaning(exit_code)));
    lines.join("\n")
}

fn table(record: &RunRecord, paint: &Paint) -> Vec<String> {
    let areas = areas(record);
    let width = areas.iter().map(|area| area.name.chars().count()).max().unwrap_or(0).max(5);
    let heading: Vec<_> = ORDER.iter().map(|&verdict| format!("{:>16}", word(verdict))).collect();
    let mut lines = vec![paint.quiet(&format!("{:width$} {}", "area", heading.join("")))];
    let row = |name: &str, tally: &Tally| {
        let cells: Vec<_> = ORDER
            .iter()
            .map(|&verdict| match tally.of(verdict) {
                0 => format!("{:>16}", "."),
                count => paint.verdict(verdict, &format!("{count:>16}")),
            })
            .collect();
        format!("{name:width$} {}", cells.join(""))
    };
    let mut all = Tally::default();
    for area in &areas {
        all.extend(area.cases.iter().map(|result| result.verdict));
        lines.push(row(area.name, &area.tally()));
    }
    if areas.len() > 1 {
        lines.push(row("all", &all));
    }
    lines
}

fn meaning(exit_code: u8) -> &'static str {
    match exit_code {
        exit::QUALIFIED => "may go out",
        exit::NOT_QUALIFIED => "may not go out",
        exit::INCONCLUSIVE => "nothing can be said, run it again",
        exit::INTERRUPTED => "interrupted",
        _ => "see the message",
    }
}
