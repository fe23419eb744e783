//! `fedproof merge`: the shards of one load, put together.

use super::load::{exit_code, write, written};
use crate::{
    args::{Format, Merge},
    error::CliError,
    stdout,
};
use fedproof_load::{Part, start_of};

/// Merges; the exit code is that of a load. A missing shard makes it incomplete, never smaller.
pub(crate) fn merge(args: &Merge) -> Result<u8, CliError> {
    let failed = |error: fedproof_load::MergeError| CliError::bad_input(format!("failed to merge: {error}"));
    // A shard that died before it could write anything, or that never ran, is as lost as one that nobody names.
    let (there, empty): (Vec<_>, Vec<_>) = args.folders.iter().partition(|folder| folder.join("load.json").exists());
    if there.is_empty() {
        let folders: Vec<String> = args.folders.iter().map(|folder| folder.display().to_string()).collect();
        return Err(CliError::bad_input(format!("failed to merge: no load.json in any of {}", folders.join(", "))));
    }
    for folder in &empty {
        let what = if folder.is_dir() { "holds no results" } else { "does not exist" };
        stdout::complain(&format!("{} {what}: its shard is lost", folder.display()));
    }
    let parts = there.into_iter().map(|folder| Part::read(folder)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let merged = fedproof_load::merge(parts).map_err(failed)?;
    if args.out.join("load.json").exists() {
        let message = format!("{} holds a load run already: choose another folder with --out", args.out.display());
        return Err(CliError::bad_input(message));
    }
    std::fs::create_dir_all(&args.out).map_err(|error| written(&args.out, &error))?;
    let record = merged.record.clone();
    let log = args.out.join("load.hlog");
    merged.write_log(&log, start_of(&record)).map_err(|error| written(&log, &error))?;
    write(&args.out, &record)?;
    match args.format {
        Format::Json => stdout::json(&record),
        Format::Text => stdout::print(fedproof_report::load::summary(&record).trim_end()),
    }
    Ok(exit_code(&record, false))
}
