//! `fedproof gate`: may this build go out? The decision over a stored run.

use crate::{
    args::{Format, Gate},
    error::CliError,
    stdout,
    verdicts::{asked, read_baseline, read_run},
};
use fedproof_report::{changes_text, gate_lines};
use serde_json::json;

/// Decides as the run did, or against another baseline; the exit code is the decision.
pub(crate) fn gate(args: &Gate) -> Result<u8, CliError> {
    let mut record = read_run(&args.run)?;
    if let Some(file) = &args.baseline {
        let baseline = read_baseline(file)?;
        baseline.fits(&record.identity.deployment, &record.identity.profile).map_err(CliError::bad_input)?;
        let baseline = asked(baseline, &record.identity.selectors);
        record.hold_against(&file.display().to_string(), &baseline.cases);
    }
    let exit_code = record.verdict.exit_code();
    match args.format {
        Format::Json => stdout::json(&json!({
            "run_id": record.identity.run_id, "verdict": record.verdict, "exit_code": exit_code,
            "complete": record.complete, "comparison": record.comparison,
        })),
        Format::Text => {
            if let Some(comparison) = &record.comparison {
                stdout::print(&changes_text(comparison, usize::MAX));
                if !comparison.is_empty() && record.complete {
                    let file = args.baseline.iter().map(|file| format!(" --baseline {}", file.display()));
                    let (run, file) = (args.run.display(), file.collect::<String>());
                    stdout::print(&format!("if they are as they should be: fedproof baseline accept {run}{file}"));
                }
            }
            stdout::print(&gate_lines(&record));
        }
    }
    Ok(exit_code)
}
