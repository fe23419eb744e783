//! The handle of one homeserver of a deployment.
//!
//! Operations wait for one another and are idempotent: starting what runs, or killing what is down, does nothing.

use crate::{
    DeploymentError, Notify, log,
    port::{self, Port},
    proc,
    process::{Process, To},
    server::{self, Server},
    template::Values,
};
use fedproof_client::Endpoint;
use fedproof_core::ServerName;
use fedproof_gateway::Gateway;
use nix::sys::signal::Signal;
use serde::Serialize;
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex as Lock, MutexGuard as Guard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// How long the kernel may take to stop a process that is to be paused.
const PAUSE_LIMIT: Duration = Duration::from_secs(5);

/// A homeserver of a running deployment. Cheap to clone; the deployment's end is its end.
#[derive(Clone)]
pub struct Homeserver(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) server: Server,
    pub(crate) server_name: ServerName,
    pub(crate) spec: String,
    pub(crate) gateway: Gateway,
    pub(crate) notify: Notify,
    /// Everything but the port.
    pub(crate) values: Lock<Values>,
    pub(crate) port: Lock<Port>,
    /// Operations take it: one at a time. True while paused.
    pub(crate) paused: Mutex<bool>,
    pub(crate) process: Lock<Option<Running>>,
    pub(crate) version: Lock<String>,
    /// Processor time of earlier processes, in milliseconds.
    pub(crate) past_cpu_ms: AtomicU64,
    /// Set when the deployment ended: nothing starts any more.
    pub(crate) over: std::sync::atomic::AtomicBool,
}

/// A process, where its part of the log begins, and its processor time when last read.
#[derive(Clone)]
pub(crate) struct Running {
    process: Arc<Process>,
    log_from: u64,
    cpu_ms: Arc<AtomicU64>,
}

/// What a homeserver has used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// Processor time, user and system, in milliseconds (read in steps of 10), over all its restarts.
    pub cpu_ms: u64,
    /// Resident memory now, in bytes.
    pub rss_bytes: u64,
}

/// Which mutant, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct MutantSwitch {
    /// Id in the adapter's mutants file, such as `acl/no-check-make_join`.
    pub mutant: String,
    /// Glob over the origins that it applies to; all if there is none.
    pub origin: Option<String>,
    /// The room that it applies to; all if there is none.
    pub room: Option<String>,
}

impl Homeserver {
    /// Its short name in the deployment, such as `alpha`.
    pub fn name(&self) -> &str {
        &self.0.server.name
    }

    /// Its host name in the federation.
    pub fn server_name(&self) -> &ServerName {
        &self.0.server_name
    }

    /// The specification of its build, as given.
    pub fn spec(&self) -> &str {
        &self.0.spec
    }

    /// Name of its adapter.
    pub fn implementation(&self) -> &str {
        &self.0.server.adapter.name
    }

    /// The version that it reports of itself.
    pub fn version(&self) -> String {
        held(&self.0.version).clone()
    }

    /// Identity of the build: its code, its dependencies and its Python; hex.
    pub fn digest(&self) -> &str {
        &self.0.server.installed.digest
    }

    /// Its client API.
    pub fn endpoint(&self) -> Endpoint {
        let Inner { server, server_name, gateway, .. } = &*self.0;
        let base_url = format!("http://{}", self.address());
        Endpoint::new(server.http.clone(), &base_url, server_name.clone(), gateway.transcript().clone())
    }

    /// Its plain-HTTP listener on loopback, client and federation API alike.
    pub fn address(&self) -> SocketAddr {
        held(&self.0.port).address()
    }

    /// Its log, over all its restarts.
    pub fn log_path(&self) -> &Path {
        &self.0.server.log
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running().map(|running| running.process.pid)
    }

    /// Whether its process runs (paused or not).
    pub fn is_running(&self) -> bool {
        self.running().is_some()
    }

    /// How its last process ended, with the last lines of its log, if that was not asked for.
    pub fn died(&self) -> Option<String> {
        let running = held(&self.0.process).clone()?;
        let status = running.process.ended_unexpectedly()?;
        let log = log::tail(self.log_path(), running.log_from);
        Some(format!("homeserver {} ended with {status}; the end of its log:\n{log}", self.name()))
    }

    /// Waits until it ends without having been asked to; for ever if it does not.
    pub async fn death(&self) -> String {
        loop {
            let running = held(&self.0.process).clone();
            match running {
                Some(running) => drop(running.process.wait().await),
                None => std::future::pending().await,
            }
            if let Some(death) = self.died() {
                return death;
            }
            // An end that was asked for: wait for the operation, then look at what it started.
            drop(self.0.paused.lock().await);
            if !self.is_running() {
                std::future::pending::<()>().await;
            }
        }
    }

    /// What it has used so far.
    pub fn usage(&self) -> Usage {
        let past = self.0.past_cpu_ms.load(Ordering::SeqCst);
        match held(&self.0.process).clone() {
            Some(running) => Usage {
                cpu_ms: past + running.read_cpu(),
                rss_bytes: running.process.ended().map_or_else(|| proc::resident_bytes(running.process.pid), |_| 0),
            },
            None => Usage { cpu_ms: past, rss_bytes: 0 },
        }
    }

    /// Starts it, unless it runs, and waits until it is ready.
    ///
    /// # Errors
    /// When it ends instead, or is not ready in time.
    pub async fn start(&self) -> Result<(), DeploymentError> {
        let mut paused = self.0.paused.lock().await;
        self.start_held(&mut paused).await
    }

    /// Asks it to end, and kills it if it does not.
    ///
    /// # Errors
    /// None so far.
    pub async fn stop(&self) -> Result<(), DeploymentError> {
        let mut paused = self.0.paused.lock().await;
        self.stop_held(&mut paused).await;
        Ok(())
    }

    /// Stops and starts it.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn restart(&self) -> Result<(), DeploymentError> {
        let mut paused = self.0.paused.lock().await;
        self.stop_held(&mut paused).await;
        self.start_held(&mut paused).await
    }

    /// Kills it (`SIGKILL`): what a crash or a lost machine looks like.
    ///
    /// # Errors
    /// None so far.
    pub async fn kill(&self) -> Result<(), DeploymentError> {
        let mut paused = self.0.paused.lock().await;
        if let Some(running) = self.running() {
            running.read_cpu();
            running.process.kill().await;
        }
        *paused = false;
        Ok(())
    }

    /// Stops it in its tracks (`SIGSTOP`): connections stay open, nothing answers.
    ///
    /// # Errors
    /// When it is not running.
    pub async fn pause(&self) -> Result<(), DeploymentError> {
        let mut paused = self.0.paused.lock().await;
        let not_running = || DeploymentError::NotRunning { name: self.name().to_owned(), action: "pause" };
        let running = self.running().ok_or_else(not_running)?;
        *paused = true;
        running.process.signal(Signal::SIGSTOP, To::Server);
        // A signal is delivered some time after it was sent; whoever paused it relies on the silence.
        let began = Instant::now();
        while began.elapsed() < PAUSE_LIMIT && running.process.ended().is_none() {
            if proc::Stat::of(running.process.pid).is_some_and(|stat| stat.state == 'T') {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        *paused = false;
        running.process.signal(Signal::SIGCONT, To::Server);
        Err(not_running())
    }

    /// Lets it go on, if it is paused.
    ///
    /// # Errors
    /// When it is not running.
    pub async fn resume(&self) -> Result<(), DeploymentError> {
        let mut paused = self.0.paused.lock().await;
        let not_running = || DeploymentError::NotRunning { name: self.name().to_owned(), action: "resume" };
        self.running().ok_or_else(not_running)?.process.signal(Signal::SIGCONT, To::Server);
        *paused = false;
        Ok(())
    }

    /// Switches a mutant on; in force when this returns. A restart switches all off.
    ///
    /// # Errors
    /// When it is not running or paused, or its launcher refuses.
    pub async fn mutate(&self, switch: &MutantSwitch) -> Result<(), DeploymentError> {
        self.order("mutate", json!(switch)).await
    }

    /// Switches a mutant off wherever it was switched on.
    ///
    /// # Errors
    /// When it is not running or paused, or its launcher refuses.
    pub async fn heal_mutant(&self, mutant: &str) -> Result<(), DeploymentError> {
        self.order("heal", json!({"mutant": mutant})).await
    }

    /// Switches a mutant off where exactly this `switch` switched it on.
    ///
    /// # Errors
    /// When it is not running or paused, or its launcher refuses.
    pub async fn heal_switch(&self, switch: &MutantSwitch) -> Result<(), DeploymentError> {
        self.order("heal", json!(switch)).await
    }

    async fn order(&self, verb: &'static str, arguments: Value) -> Result<(), DeploymentError> {
        let not_running = || DeploymentError::NotRunning { name: self.name().to_owned(), action: verb };
        let running = {
            let paused = self.0.paused.lock().await;
            self.running().filter(|_| !*paused).ok_or_else(not_running)?
        };
        running.process.order(verb, arguments).await
    }

    /// Kills it without waiting: the end of the deployment.
    pub(crate) fn kill_now(&self) {
        self.0.over.store(true, Ordering::SeqCst);
        if let Some(running) = self.running() {
            running.process.expect_end();
            running.process.signal(Signal::SIGKILL, To::Group);
        }
    }

    fn running(&self) -> Option<Running> {
        held(&self.0.process).clone().filter(|running| running.process.ended().is_none())
    }

    async fn stop_held(&self, paused: &mut bool) {
        if let Some(running) = self.running() {
            running.read_cpu();
            server::stop(&running.process).await;
        }
        *paused = false;
    }

    async fn start_held(&self, paused: &mut bool) -> Result<(), DeploymentError> {
        if self.running().is_some() {
            return Ok(());
        }
        *paused = false;
        let first = held(&self.0.process).is_none();
        match self.boot().await {
            // Ours was reserved, so this takes somebody who binds it in spite of that. A later start keeps the port,
            // since clients have its address.
            Err(DeploymentError::PortInUse { .. }) if first => {
                *held(&self.0.port) = Port::reserve()?;
                self.boot().await
            }
            result => result,
        }
    }

    async fn boot(&self) -> Result<(), DeploymentError> {
        let Inner { server, gateway, server_name, .. } = &*self.0;
        let over = || DeploymentError::NotRunning { name: self.name().to_owned(), action: "start, after the end," };
        let address = self.address();
        let values = {
            let mut values = held(&self.0.values);
            values.set("port", address.port());
            values.clone()
        };
        server.configure(&values)?;
        let began = Instant::now();
        let log_from = std::fs::metadata(&server.log).map_or(0, |file| file.len());
        let process = match server.boot(&values, address).await {
            Err(DeploymentError::EndedAtStart { .. }) if port::is_taken(address).await => {
                return Err(DeploymentError::PortInUse { name: self.name().to_owned(), port: address.port() });
            }
            result => Arc::new(result?),
        };
        *held(&self.0.version) = server.version(address).await;
        gateway.route_real(server_name.clone(), address);
        if let Some(earlier) = held(&self.0.process).replace(Running { process, log_from, cpu_ms: Arc::default() }) {
            self.0.past_cpu_ms.fetch_add(earlier.cpu_ms.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        if self.0.over.load(Ordering::SeqCst) {
            self.kill_now();
            return Err(over());
        }
        let message = format!("{} {} is ready", server.adapter.name, self.version());
        (self.0.notify)(Some(self.name()), format!("{message} after {:.1} s", began.elapsed().as_secs_f64()));
        Ok(())
    }
}

impl Running {
    /// Processor time so far; the last reading if it ended.
    fn read_cpu(&self) -> u64 {
        if self.process.ended().is_none()
            && let Some(stat) = proc::Stat::of(self.process.pid)
        {
            self.cpu_ms.fetch_max(stat.cpu_ms, Ordering::SeqCst);
        }
        self.cpu_ms.load(Ordering::SeqCst)
    }
}

/// Locks; a panic elsewhere leaves these values whole.
pub(crate) fn held<T>(lock: &Lock<T>) -> Guard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
