//! `fedproof report`: the reports of a stored run, rendered again.

use crate::{args::Report, error::CliError, stdout};
use fedproof_report::{Archive, PAGE, render};

/// Renders anew; the exit code is that of the stored run.
pub(crate) fn report(args: &Report) -> Result<u8, CliError> {
    let record = Archive::read(&args.archive).map_err(|error| CliError::bad_input(format!("failed to {error}")))?;
    render(&args.archive, &record)?;
    stdout::print(&format!("{} {}", record.verdict.title(), args.archive.join(PAGE).display()));
    Ok(record.verdict.exit_code())
}
