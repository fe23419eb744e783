//! `fedproof baseline accept`: the verdicts of a run become those that later runs are held against.

use crate::{
    args::Accept,
    error::CliError,
    stdout,
    verdicts::{in_scope, read_baseline, read_run},
};
use fedproof_report::{changes_text, write_atomically};
use fedproof_results::{Baseline, Comparison, Refusal, exit};
use std::path::PathBuf;

/// Writes the baseline in one piece, and says what was accepted. A run that says too little is refused (exit code 3).
pub(crate) fn accept(args: &Accept) -> Result<u8, CliError> {
    let record = read_run(&args.run)?;
    let held_against = record.comparison.as_ref().map(|comparison| PathBuf::from(&comparison.with));
    let Some(file) = args.baseline.clone().or(held_against) else {
        return Err(CliError::bad_input(
            "the run was held against no baseline, so say which file to write: --baseline FILE",
        ));
    };
    let before = if file.exists() { Some(read_baseline(&file)?) } else { None };
    let old = before.as_ref().map(|baseline| baseline.cases.clone()).unwrap_or_default();
    let accepted =
        Baseline::accept(before, &record, &|id| in_scope(&record.identity.selectors, id)).map_err(refused)?;
    let name = file.display().to_string();
    let comparison = Comparison::new(&name, &old, &accepted.cases, (true, true), &|line| record.reason(line));
    write_atomically(&file, accepted.to_text().as_bytes())?;
    if old.is_empty() {
        stdout::print(&format!("{name}: {} verdicts accepted, the first", accepted.cases.len()));
    } else {
        stdout::print(&changes_text(&comparison, usize::MAX));
        stdout::print(&format!("{name}: accepted"));
    }
    Ok(exit::QUALIFIED)
}

fn refused(refusal: Refusal) -> CliError {
    let message = format!("the baseline stays as it is: {refusal}");
    match refusal {
        Refusal::Foreign(..) => CliError::bad_input(message),
        Refusal::StoppedEarly(_) | Refusal::Undecided(_) => CliError::environment(message),
    }
}
