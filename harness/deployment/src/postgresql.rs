//! A PostgreSQL of the run's own, with a database for each homeserver that asks for one.
//!
//! It listens on a socket in a folder that only its user (and root) can enter, and on no port: no password, and nothing on
//! the machine can meet it by accident. It lives as long as its standard input is open, like the homeservers.

mod cluster;
mod programs;
mod statements;
mod usage;

pub use statements::Statement;
pub use usage::PostgresqlUsage;

pub(crate) use cluster::USER;
pub(crate) use programs::{Account, Programs, account, clean};

use crate::{
    DeploymentError, Notify,
    homeserver::held,
    lifeline, log, proc,
    process::{Process, To},
    python::Python,
    record::Record,
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    path::{Path, PathBuf},
    sync::Mutex,
    time::Duration,
};
use tempfile::TempDir;
use tokio::{process::Command, time::interval};
use usage::Tally;

/// How long it may take to be ready.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often it is looked at whether it is.
const READY_EVERY: Duration = Duration::from_millis(20);
/// How long an immediate shutdown may take.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// How long one statement of ours may take, such as the schema of a homeserver.
const SQL_LIMIT: Duration = Duration::from_secs(120);
/// Its name in records and logs. No homeserver can be called so.
const NAME: &str = ".postgresql";

/// A running PostgreSQL.
pub struct Postgresql {
    programs: Programs,
    process: Process,
    start_time: u64,
    log: PathBuf,
    /// `data` and the socket are in it. Taken when it is removed.
    folder: Mutex<Option<TempDir>>,
    socket: PathBuf,
    counts_statements: bool,
    tally: Mutex<Tally>,
}

/// What starting one takes.
pub(crate) struct Start<'a> {
    pub(crate) python: &'a Python,
    pub(crate) cache: &'a Path,
    /// Settings, as `postgresql.conf` has them.
    pub(crate) settings: &'a Path,
    pub(crate) logs: &'a Path,
    pub(crate) record: &'a mut Record,
    pub(crate) notify: &'a Notify,
}

impl Postgresql {
    /// Starts one and waits until it is ready.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub(crate) async fn start(with: Start<'_>) -> Result<Self, DeploymentError> {
        let programs = Programs::find().await?;
        let account = programs::account()?;
        // A folder of its own: others than its user must be able to work there if fedproof is root, and the path of a
        // socket may have no more than 107 bytes.
        let temporary = std::env::temp_dir();
        let made = tempfile::Builder::new().prefix("fedproof-postgresql-").tempdir_in(&temporary);
        let folder = made.map_err(DeploymentError::io("create a folder in", &temporary))?;
        let place = folder.path().to_owned();
        cluster::own(&place, account).map_err(DeploymentError::io("hand over", &place))?;
        with.record.adopt(NAME, &place)?;
        let data = place.join("data");
        cluster::make(&programs, account, with.cache, &data, with.notify).await?;
        let counts_statements = programs.counts_statements();
        configure(&data, with.settings, counts_statements)?;
        let log = with.logs.join("postgresql.log");
        let (file, log_from) = log::open(&log)?;
        let server = [programs.path("postgres"), "-D".into(), data.clone(), "-k".into(), place.clone()];
        let mut command = lifeline::command(with.python.program(), account, &with.record.state_file(NAME), server);
        command.stderr(file);
        let process = Process::spawn_ending_with(Signal::SIGQUIT, "PostgreSQL", command)?;
        let start_time = proc::Stat::of(process.pid).map_or(0, |stat| stat.start_time);
        let folder = Mutex::new(Some(folder));
        let tally = Mutex::default();
        let started = Self { programs, process, start_time, log, folder, socket: place, counts_statements, tally };
        started.ready(&data, log_from).await?;
        if counts_statements {
            started.sql("postgres", "CREATE EXTENSION pg_stat_statements").await?;
        }
        Ok(started)
    }

    async fn ready(&self, data: &Path, log_from: u64) -> Result<(), DeploymentError> {
        // The eighth line of its lock file says how far it is: what pg_ctl goes by.
        let lock = data.join("postmaster.pid");
        let is_ready = || {
            let text = std::fs::read_to_string(&lock).unwrap_or_default();
            text.lines().nth(7).is_some_and(|status| status.trim() == "ready")
        };
        let until_ready = async {
            let mut ticks = interval(READY_EVERY);
            while !is_ready() {
                ticks.tick().await;
            }
        };
        let message = tokio::select! {
            () = until_ready => return Ok(()),
            status = self.process.wait() => format!("it ended with {status}"),
            () = tokio::time::sleep(START_LIMIT) => format!("not ready after {START_LIMIT:?}"),
        };
        Err(self
            .failed("start PostgreSQL", &format!("{message}; the end of its log:\n{}", log::tail(&self.log, log_from))))
    }

    /// Its version, such as `15.18`.
    pub fn version(&self) -> &str {
        &self.programs.version
    }

    /// The folder of its socket: what clients call its host.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Process id of its first process, the parent of all others.
    pub fn pid(&self) -> u32 {
        self.process.pid
    }

    /// Its log.
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// What it has used so far.
    pub fn usage(&self) -> PostgresqlUsage {
        held(&self.tally).read(self.process.pid, USER)
    }

    /// How it ended, if nobody meant it to.
    pub fn died(&self) -> Option<String> {
        let status = self.process.ended_unexpectedly()?;
        Some(format!("PostgreSQL ended with {status}; the end of its log:\n{}", log::tail(&self.log, 0)))
    }

    /// Runs `sql` in `database`; what it answers, without headings.
    pub(crate) async fn sql(&self, database: &str, sql: &str) -> Result<String, DeploymentError> {
        self.psql(database, &["--command", sql]).await
    }

    /// Runs the file `script` in `database`, all of it or nothing.
    pub(crate) async fn script(&self, database: &str, script: &Path) -> Result<(), DeploymentError> {
        let script = script.to_string_lossy();
        self.psql(database, &["--single-transaction", "--file", &script]).await.map(|_| ())
    }

    async fn psql(&self, database: &str, arguments: &[&str]) -> Result<String, DeploymentError> {
        let mut command = self.programs.command("psql");
        command
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"])
            .args(["--username", USER, "--dbname", database, "--host"])
            .arg(&self.socket)
            .args(arguments);
        self.output("run psql", command).await
    }

    /// Writes everything in `database` to `file`, as a script.
    pub(crate) async fn dump(&self, database: &str, file: &Path) -> Result<(), DeploymentError> {
        let mut command = self.programs.command("pg_dump");
        command.args(["--no-owner", "--no-privileges", "--username", USER, "--dbname", database, "--host"]);
        command.arg(&self.socket).arg("--file").arg(file);
        self.output("run pg_dump", command).await.map(|_| ())
    }

    async fn output(&self, what: &str, mut command: Command) -> Result<String, DeploymentError> {
        let output = match tokio::time::timeout(SQL_LIMIT, command.output()).await {
            Ok(output) => output.map_err(|error| self.failed(what, &error.to_string()))?,
            Err(_) => return Err(self.failed(what, &format!("nothing after {SQL_LIMIT:?}"))),
        };
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(self.failed(what, String::from_utf8_lossy(&output.stderr).trim()))
    }

    /// Makes `database` anew, as a copy of `template`. Sessions in the old one are ended.
    pub(crate) async fn create(&self, database: &str, template: &str) -> Result<(), DeploymentError> {
        self.sql("postgres", &format!("DROP DATABASE IF EXISTS \"{database}\" WITH (FORCE)")).await?;
        self.sql("postgres", &format!("CREATE DATABASE \"{database}\" TEMPLATE \"{template}\"")).await.map(|_| ())
    }

    /// The first number of its version.
    pub(crate) fn major(&self) -> u32 {
        self.programs.major()
    }

    /// All its processes, for whoever places them on cores.
    pub(crate) fn processes(&self) -> Vec<u32> {
        proc::children(self.process.pid).into_iter().chain([self.process.pid]).collect()
    }

    /// Ends it and removes its data.
    pub(crate) async fn stop(&self) {
        self.process.expect_end();
        // Nobody reads the data again, so nothing is worth a checkpoint.
        self.process.signal(Signal::SIGQUIT, To::Server);
        if tokio::time::timeout(STOP_LIMIT, self.process.wait()).await.is_err() {
            self.process.kill().await;
        }
        drop(held(&self.folder).take());
    }

    /// Ends it without the runtime's help, and removes its data: where a deployment is dropped.
    pub(crate) fn end_now(&self) {
        let Some(folder) = held(&self.folder).take() else { return };
        self.process.expect_end();
        let pid = i32::try_from(self.process.pid).map(Pid::from_raw);
        let is_alive = || proc::is_alive(self.process.pid, self.start_time);
        if let Ok(pid) = pid
            && is_alive()
        {
            let _ = kill(pid, Signal::SIGQUIT);
        }
        proc::wait_for_end(self.process.pid, self.start_time, STOP_LIMIT);
        drop(folder);
    }

    pub(crate) fn failed(&self, action: &str, message: &str) -> DeploymentError {
        DeploymentError::Postgresql { action: action.to_owned(), message: message.to_owned() }
    }
}

impl Drop for Postgresql {
    fn drop(&mut self) {
        self.end_now();
    }
}

/// Adds the settings of `file` to those of `initdb`.
fn configure(data: &Path, file: &Path, counts_statements: bool) -> Result<(), DeploymentError> {
    let target = data.join("postgresql.conf");
    let read = |path: &Path| std::fs::read_to_string(path).map_err(DeploymentError::io("read", path));
    let mut text = format!("{}\n{}\nlisten_addresses = ''\n", read(&target)?, read(file)?);
    if counts_statements {
        text.push_str("shared_preload_libraries = 'pg_stat_statements'\n");
    }
    std::fs::write(&target, text).map_err(DeploymentError::io("write", &target))
}
