//! Differences between two sets of verdicts, for a terminal and as Markdown.

use crate::{
    summary::prose,
    words::{one_line, plural, word},
};
use fedproof_results::{Change, ChangeKind, Comparison};

/// So many rows has a table in Markdown: a CI system bounds a step summary.
const IN_TABLE: usize = 300;

/// The differences as lines: a count, then each with what there is to say. At most `limit` differences are named.
pub fn changes_text(comparison: &Comparison, limit: usize) -> String {
    let mut lines = vec![headline(comparison)];
    lines.extend(comparison.notes.iter().map(|note| format!("note: {}", one_line(note, 500))));
    for change in comparison.changes.iter().take(limit) {
        lines.push(format!("  {:18} {} on {}: {}", kind(change.change), id(change), server(change), course(change)));
        if !change.detail.is_empty() {
            lines.push(format!("  {:18} {}", "", one_line(&change.detail, 300)));
        }
    }
    if comparison.changes.len() > limit {
        lines.push(format!("  … and {} more", comparison.changes.len() - limit));
    }
    lines.join("\n")
}

/// The differences as a Markdown table, with a line above that counts them.
pub fn changes_markdown(comparison: &Comparison) -> String {
    let mut text = format!("{}.\n", prose(&headline(comparison)));
    for note in &comparison.notes {
        text += &format!("\n> {}\n", prose(note));
    }
    if comparison.is_empty() {
        return text;
    }
    text += "\n| difference | case | server | level | before | after | |\n|---|---|---|---|---|---|---|\n";
    for change in comparison.changes.iter().take(IN_TABLE) {
        text += &format!(
            "| {} | `{}` | {} | {} | {} | {} | {} |\n",
            kind(change.change),
            id(change).replace('`', "'").replace('|', "\\|"),
            prose(&change.server),
            change.level,
            change.before.map_or("–", word),
            change.after.map_or("–", word),
            prose(&change.detail)
        );
    }
    if comparison.changes.len() > IN_TABLE {
        text += &format!(
            "\n… and {} more: `fedproof compare --format json` has them all.\n",
            comparison.changes.len() - IN_TABLE
        );
    }
    text
}

/// `2 differences to baseline.json (1 new pass, 1 removed case), 80 verdicts unchanged`.
pub(crate) fn headline(comparison: &Comparison) -> String {
    let with = one_line(&comparison.with, 200);
    let unchanged = plural(comparison.unchanged, "verdict", "verdicts");
    let mut line = match comparison.changes.len() {
        0 => format!("no difference to {with}, {unchanged} unchanged"),
        count => {
            let counts = comparison.counts();
            format!("{} to {with} ({counts}), {unchanged} unchanged", plural(count, "difference", "differences"))
        }
    };
    if comparison.unreached > 0 {
        line += &format!(", {} not reached", comparison.unreached);
    }
    line
}

/// What kind of difference, in words.
pub(crate) fn kind(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::NewFailure => "new failure",
        ChangeKind::NewPass => "new pass",
        ChangeKind::Verdict => "changed verdict",
        ChangeKind::Level => "changed level",
        ChangeKind::Behaviour => "changed behaviour",
        ChangeKind::NewCase => "new case",
        ChangeKind::RemovedCase => "removed case",
    }
}

/// `passed → failed`.
pub(crate) fn course(change: &Change) -> String {
    match (change.before, change.after) {
        (Some(before), Some(after)) if before == after => word(after).to_owned(),
        (Some(before), Some(after)) => format!("{} → {}", word(before), word(after)),
        (None, Some(after)) => word(after).to_owned(),
        (Some(before), None) => format!("was {}", word(before)),
        (None, None) => String::new(),
    }
}

fn id(change: &Change) -> String {
    one_line(&change.case, 200)
}

fn server(change: &Change) -> String {
    one_line(&change.server, 60)
}
