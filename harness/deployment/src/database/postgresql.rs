//! The template in the run's PostgreSQL that every homeserver of a build copies, and the driver that speaks to it.

use super::{COMPLETE_LIMIT, Preparing, Store, server};
use crate::command;
use crate::{
    DeploymentError, adapter::OnPostgresql, cache, install::Installed, postgresql::Postgresql, process::Process,
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::{process::Command, time::interval};

/// How often it is asked whether the database is complete.
const COMPLETE_EVERY: Duration = Duration::from_millis(250);
/// PostgreSQL's own empty template.
const EMPTY: &str = "template0";

/// The folder with the driver; installs it unless it is there.
///
/// Not in the virtual environment: what homeservers on SQLite run on stays as it is.
pub(super) async fn driver(preparing: &Preparing<'_>) -> Result<PathBuf, DeploymentError> {
    let driver = &on_postgresql(preparing)?.driver;
    let digest = cache::digest(driver.iter().map(|requirement| requirement.as_bytes()));
    let place = preparing.entry.place().join(format!("driver-{}", digest.get(..12).unwrap_or(&digest)));
    if place.is_dir() {
        return Ok(place);
    }
    (preparing.notify)(None, format!("installing {} for {}", driver.join(", "), preparing.key()));
    let made = preparing.entry.begin()?;
    let folder = made.path().join("driver");
    let mut command = Command::new(&preparing.installed.python);
    // What a driver needs beside itself, such as Twisted, is the installation's: a second one must not go before it.
    command.args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-deps", "--target"]);
    command.arg(&folder).args(driver);
    command::run(&driver.join(", "), command, |_| {}).await?;
    std::fs::rename(&folder, &place).map_err(DeploymentError::io("write", &place))?;
    Ok(place)
}

/// Name of the template that holds the schema of the build; makes it, of the script in the cache if there is one.
pub(super) async fn template(
    preparing: &Preparing<'_>,
    driver: Option<&Path>,
    server: &Arc<Postgresql>,
) -> Result<String, DeploymentError> {
    let template = format!("prepared-{}", preparing.key());
    server.create(&template, EMPTY).await?;
    // Newer ones write what older ones do not read.
    let script = preparing.entry.place().join(format!("prepared-postgresql-{}.sql", server.major()));
    if script.is_file() {
        server.script(&template, &script).await?;
        return Ok(template);
    }
    (preparing.notify)(None, format!("preparing the PostgreSQL database of {}", preparing.key()));
    let made = preparing.entry.begin()?;
    let store = Store::Postgresql { server: server.clone(), database: template.clone(), template: EMPTY.to_owned() };
    let mut installed: Installed = preparing.installed.clone();
    installed.python_path.extend(driver.map(Path::to_owned));
    let (homeserver, process) = preparing.boot(made.path(), installed, store).await?;
    match tokio::time::timeout(COMPLETE_LIMIT, complete(preparing, server, &template, &process)).await {
        Ok(complete) => complete?,
        Err(_) => return Err(preparing.incomplete(&homeserver)),
    }
    server::stop(&process).await;
    let dump = made.path().join("prepared.sql");
    server.dump(&template, &dump).await?;
    std::fs::rename(&dump, &script).map_err(DeploymentError::io("write", &script))?;
    Ok(template)
}

async fn complete(
    preparing: &Preparing<'_>,
    server: &Postgresql,
    template: &str,
    process: &Process,
) -> Result<(), DeploymentError> {
    let mut ticks = interval(COMPLETE_EVERY);
    while server.sql(template, &preparing.adapter.data.database.complete).await? != "t" {
        tokio::select! {
            _ = ticks.tick() => {}
            status = process.wait() => {
                let message = format!("{} ended with {status}", preparing.key());
                return Err(server.failed("prepare a database in PostgreSQL", &message));
            }
        }
    }
    Ok(())
}

fn on_postgresql<'a>(preparing: &'a Preparing<'_>) -> Result<&'a OnPostgresql, DeploymentError> {
    let adapter = preparing.adapter;
    adapter.data.database.postgresql.as_ref().ok_or_else(|| DeploymentError::Yaml {
        file: adapter.folder.join("adapter.yaml"),
        position: None,
        message: format!("it does not say how {} uses PostgreSQL, which the deployment asks for", adapter.name),
    })
}
