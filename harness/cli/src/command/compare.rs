//! `fedproof compare`: what is different between two sets of verdicts.

use crate::{
    args::{Compare, ListFormat},
    error::CliError,
    stdout,
    verdicts::Stored,
};
use fedproof_report::{changes_markdown, changes_text};
use fedproof_results::{Comparison, Line, exit};

/// Like `diff`: exit code 0 if nothing is different, 1 if something is; 3 if nothing is as far as the runs came.
pub(crate) fn compare(args: &Compare) -> Result<u8, CliError> {
    let (before, after) = (Stored::read(&args.before)?, Stored::read(&args.after)?);
    // Where the two were asked about different cases, only what both were asked about can be compared.
    let shared = |lines: Vec<Line>, other: &Stored| -> Vec<Line> {
        lines.into_iter().filter(|line| other.is_about(&line.case)).collect()
    };
    let (old, new) = (shared(before.lines(), &after), shared(after.lines(), &before));
    let reason = |line: &Line| match &after {
        Stored::Run(run) => run.reason(line),
        Stored::Baseline(_) => String::new(),
    };
    let complete = (before.is_complete(), after.is_complete());
    let mut comparison = Comparison::new(args.before.display().to_string(), &old, &new, complete, &reason);
    comparison.notes = notes(&before, &after);
    match args.format {
        ListFormat::Json => stdout::json(&comparison),
        ListFormat::Text => stdout::print(&changes_text(&comparison, usize::MAX)),
        ListFormat::Markdown => stdout::print(changes_markdown(&comparison).trim_end()),
    }
    Ok(match complete {
        _ if !comparison.is_empty() => exit::NOT_QUALIFIED,
        (true, true) => exit::QUALIFIED,
        _ => exit::INCONCLUSIVE,
    })
}

/// What makes the two hard to compare.
fn notes(before: &Stored, after: &Stored) -> Vec<String> {
    let mut notes = Vec::new();
    let ((old_deployment, old_profile), (deployment, profile)) = (before.place(), after.place());
    for (what, old, new) in [("deployment", old_deployment, deployment), ("profile", old_profile, profile)] {
        if old != new {
            notes.push(format!("{what} {old} before, {new} after"));
        }
    }
    for (when, side) in [("before", before), ("after", after)] {
        if !side.is_complete() {
            notes.push(format!("the run {when} stopped early"));
        }
    }
    notes
}
