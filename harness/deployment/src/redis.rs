//! A Redis of the run's own, through which the processes of a homeserver with workers tell each other what is new.
//!
//! It listens on a socket in a folder that only its user can enter, and on no port. Each homeserver has a database of its
//! own in it: Synapse's keys do not say whose they are, so that of two in one database each sends events to servers in the
//! other's rooms. It keeps nothing, and lives as long as its standard input is open, like the homeservers.

use crate::{DeploymentError, lifeline, log, process::Process, python::Python, record::Record};
use nix::sys::signal::Signal;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::interval,
};

/// How long it may take to be ready.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How often it is asked whether it is.
const READY_EVERY: Duration = Duration::from_millis(20);
/// How many databases there are.
const DATABASES: usize = 256;
/// Its name in records. No homeserver can be called so.
const NAME: &str = ".redis";
/// Debian's name of the program.
pub(crate) const PROGRAM: &str = "redis-server";

/// A running Redis.
pub(crate) struct Redis {
    process: Process,
    log: PathBuf,
    /// The socket is in it.
    folder: TempDir,
}

impl Redis {
    /// Starts one and waits until it answers. `record` and `logs` are the deployment's.
    ///
    /// # Errors
    /// When it is not installed, or does not start.
    pub(crate) async fn start(python: &Python, logs: &Path, record: &mut Record) -> Result<Self, DeploymentError> {
        let program = program()?;
        let temporary = std::env::temp_dir();
        // The path of a socket may have no more than 107 bytes.
        let made = tempfile::Builder::new().prefix("fedproof-redis-").tempdir_in(&temporary);
        let folder = made.map_err(DeploymentError::io("create a folder in", &temporary))?;
        record.adopt(NAME, folder.path())?;
        let log = logs.join("redis.log");
        let (file, log_from) = log::open(&log)?;
        let databases = DATABASES.to_string();
        let words = [
            "--databases",
            &databases,
            "--port",
            "0",
            "--unixsocketperm",
            "700",
            "--save",
            "",
            "--appendonly",
            "no",
            "--unixsocket",
        ];
        let service = [program].into_iter().chain(words.map(PathBuf::from)).chain([socket(folder.path())]);
        let mut command = lifeline::command(python.program(), None, &record.state_file(NAME), service);
        command.stderr(file);
        let process = Process::spawn_ending_with(Signal::SIGTERM, "Redis", command)?;
        let started = Self { process, log, folder };
        let message = tokio::select! {
            () = started.ready() => return Ok(started),
            status = started.process.wait() => format!("it ended with {status}"),
            () = tokio::time::sleep(START_LIMIT) => format!("not ready after {START_LIMIT:?}"),
        };
        Err(failed(format!("{message}; the end of its log:\n{}", log::tail(&started.log, log_from))))
    }

    async fn ready(&self) {
        let mut ticks = interval(READY_EVERY);
        while !self.answers().await {
            ticks.tick().await;
        }
    }

    async fn answers(&self) -> bool {
        let Ok(mut stream) = UnixStream::connect(self.socket()).await else { return false };
        let mut answer = [0; 5];
        let asked = async {
            stream.write_all(b"PING\r\n").await?;
            stream.read_exact(&mut answer).await
        };
        asked.await.is_ok() && &answer == b"+PONG"
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        socket(self.folder.path())
    }

    /// How it ended, if nobody meant it to.
    pub(crate) fn died(&self) -> Option<String> {
        let status = self.process.ended_unexpectedly()?;
        Some(format!("Redis ended with {status}; the end of its log:\n{}", log::tail(&self.log, 0)))
    }

    /// Ends it.
    pub(crate) async fn stop(&self) {
        self.process.kill().await;
    }

    /// Has it end, without waiting: where a deployment is dropped.
    pub(crate) fn end_now(&self) {
        self.process.expect_end();
        self.process.signal(Signal::SIGKILL, crate::process::To::Group);
    }
}

/// The program, where the path has it.
///
/// # Errors
/// When it does not.
pub(crate) fn program() -> Result<PathBuf, DeploymentError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(PROGRAM)).find(|file| file.is_file());
    found.ok_or_else(|| failed(format!("there is no {PROGRAM} on the path")))
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.sock")
}

fn failed(message: String) -> DeploymentError {
    DeploymentError::Redis { message }
}
