//! The database with the whole schema in it that every start of a build copies: creating it anew costs each
//! homeserver a second and a minute of background work.

use crate::{
    DeploymentError, Notify,
    adapter::Adapter,
    cache::Entry,
    install::Installed,
    port::Port,
    python,
    server::{self, Server},
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::process::Command;

/// How long the homeserver may take to complete its database once it is up.
const COMPLETE_LIMIT: Duration = Duration::from_secs(120);

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

/// The prepared database of `installed`, whose locked entry of the cache is `entry`; makes it unless it is there.
pub(crate) async fn ensure(
    adapter: &Arc<Adapter>,
    installed: &Installed,
    entry: &Entry,
    ca_pem: &str,
    http: &reqwest::Client,
    notify: &Notify,
) -> Result<PathBuf, DeploymentError> {
    let prepared = entry.place().join("prepared.db");
    if prepared.is_file() {
        return Ok(prepared);
    }
    let key = entry.place().file_name().unwrap_or_default().to_string_lossy().into_owned();
    notify(None, format!("preparing the database of {key}"));
    let made = entry.begin()?;
    let folder = made.path().to_owned();
    let data = &adapter.data.database;
    let server = Server {
        name: format!("prepare-{key}"),
        adapter: adapter.clone(),
        installed: installed.clone(),
        // What is made here is what others begin with.
        database: PathBuf::new(),
        upgrade: None,
        upgraded: false.into(),
        log: folder.join("log"),
        state: folder.join("state.json"),
        folder: folder.clone(),
        settings: vec![data.settings.clone()],
        http: http.clone(),
    };
    let (port, no_proxy) = (Port::reserve()?, Port::reserve()?);
    // Nothing in an empty database depends on the name.
    let values = server::values("prepare", "prepare.invalid", &folder, ca_pem, port.address(), no_proxy.address())?;
    server.configure(&values)?;
    let process = server.boot(&values, port.address()).await?;
    let file = folder.join(&data.file);
    let mut command = Command::new(&installed.python);
    command.args(["-c", UNTIL_TRUE]).arg(&file).arg(&data.complete);
    let what = format!("the prepared database of {key}");
    tokio::time::timeout(COMPLETE_LIMIT, python::run(&what, command, |_| {})).await.unwrap_or_else(|_| {
        Err(DeploymentError::Install {
            what: what.clone(),
            command: data.complete.clone(),
            status: format!("nothing after {COMPLETE_LIMIT:?}"),
            output: crate::log::tail(&server.log, 0),
        })
    })?;
    server::stop(&process).await;
    let compact = folder.join("prepared.db");
    let mut command = Command::new(&installed.python);
    command.args(["-c", COMPACT]).arg(&file).arg(&compact);
    python::run(&what, command, |_| {}).await?;
    std::fs::rename(&compact, &prepared).map_err(DeploymentError::io("write", &prepared))?;
    Ok(prepared)
}
