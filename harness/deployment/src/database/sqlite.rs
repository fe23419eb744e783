//! The file of SQLite that every start of a build copies.

use super::{COMPLETE_LIMIT, Preparing, Store, server};
use crate::DeploymentError;
use crate::command;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Waits until a query is true.
const UNTIL_TRUE: &str = "\
import sqlite3, sys, time
database = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True, timeout=30)
while not database.execute(sys.argv[2]).fetchone()[0]:
    time.sleep(0.05)
";

/// Writes one file with everything in it, log included.
const COMPACT: &str = "\
import sqlite3, sys
sqlite3.connect(sys.argv[1], timeout=30).execute('VACUUM INTO ?', [sys.argv[2]])
";

/// The prepared file of a build; makes it unless it is there.
pub(super) async fn ensure(preparing: &Preparing<'_>) -> Result<PathBuf, DeploymentError> {
    let Preparing { adapter, installed, entry, .. } = preparing;
    let prepared = entry.place().join("prepared.db");
    if prepared.is_file() {
        return Ok(prepared);
    }
    (preparing.notify)(None, format!("preparing the database of {}", preparing.key()));
    let made = entry.begin()?;
    let folder = made.path();
    // What is made here is what others begin with.
    let store = Store::Sqlite { prepared: PathBuf::new() };
    let (server, process) = preparing.boot(folder, (*installed).clone(), store).await?;
    let data = &adapter.data.database;
    let file = folder.join(&data.file);
    let mut command = Command::new(&installed.python);
    command.args(["-c", UNTIL_TRUE]).arg(&file).arg(&data.complete);
    let what = preparing.what();
    let complete = tokio::time::timeout(COMPLETE_LIMIT, command::run(&what, command, |_| {}));
    complete.await.unwrap_or_else(|_| Err(preparing.incomplete(&server)))?;
    server::stop(&process).await;
    let compact = folder.join("prepared.db");
    let mut command = Command::new(&installed.python);
    command.args(["-c", COMPACT]).arg(&file).arg(&compact);
    command::run(&what, command, |_| {}).await?;
    std::fs::rename(&compact, &prepared).map_err(DeploymentError::io("write", &prepared))?;
    Ok(prepared)
}

/// Makes `file` a copy of `prepared`.
pub(super) fn begin_anew(prepared: &Path, file: &Path) -> Result<(), DeploymentError> {
    // SQLite's log and index beside the old file would be taken for the new one's.
    for suffix in ["-wal", "-shm"] {
        let beside = PathBuf::from(format!("{}{suffix}", file.display()));
        if beside.exists() {
            std::fs::remove_file(&beside).map_err(DeploymentError::io("remove", &beside))?;
        }
    }
    std::fs::copy(prepared, file).map_err(DeploymentError::io("write", file))?;
    Ok(())
}
