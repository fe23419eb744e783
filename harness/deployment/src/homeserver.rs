//! The handle of one homeserver of a deployment: what is known of it. What can be done to it: `operations`.

use crate::{
    Metrics, Notify, Postgresql, log, port::Port, proc, process::Process, redis::Redis, server::Server,
    template::Values, workers::Staff,
};
use fedproof_client::Endpoint;
use fedproof_core::ServerName;
use fedproof_gateway::Gateway;
use futures::future::select_all;
use serde::Serialize;
use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex as Lock, MutexGuard as Guard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::Mutex;

/// A homeserver of a running deployment. Cheap to clone; the deployment's end is its end.
#[derive(Clone)]
pub struct Homeserver(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) server: Server,
    pub(crate) server_name: ServerName,
    pub(crate) spec: String,
    pub(crate) shut: bool,
    pub(crate) gateway: Gateway,
    pub(crate) notify: Notify,
    /// Everything but the port.
    pub(crate) values: Lock<Values>,
    pub(crate) port: Lock<Port>,
    /// Operations take it: one at a time. True while paused.
    pub(crate) paused: Mutex<bool>,
    /// Its workers, with the Redis that they need, if it has any.
    pub(crate) staff: Option<(Staff, Arc<Redis>)>,
    /// Its processes since it was started last, the main one first.
    pub(crate) processes: Lock<Vec<Running>>,
    pub(crate) version: Lock<String>,
    /// Mutants in force: a restart brings them back.
    pub(crate) switches: Lock<Vec<MutantSwitch>>,
    /// Processor time of earlier processes, in milliseconds.
    pub(crate) past_cpu_ms: AtomicU64,
    /// The cores that it is kept on, if it is.
    pub(crate) cores: Lock<Option<BTreeSet<usize>>>,
    /// Set when the deployment ended: nothing starts any more.
    pub(crate) over: std::sync::atomic::AtomicBool,
}

/// A process, its log and where its part of it begins, and its processor time when last read.
#[derive(Clone)]
pub(crate) struct Running {
    pub(crate) process: Arc<Process>,
    /// Of the homeserver itself.
    pub(crate) pid: u32,
    pub(crate) log: PathBuf,
    pub(crate) log_from: u64,
    pub(crate) cpu_ms: Arc<AtomicU64>,
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

    /// The specification of its build, as given; that it was upgraded does not change it.
    pub fn spec(&self) -> &str {
        &self.0.spec
    }

    /// Whether its allow-list is empty, so that nobody but scenarios that ask for it can use it.
    pub fn is_shut(&self) -> bool {
        self.0.shut
    }

    /// Specification and identity of the build that it can be upgraded to, if there is one.
    pub fn upgrade_to(&self) -> Option<(&str, &str)> {
        let (spec, installed) = self.0.server.upgrade.as_ref()?;
        Some((spec, &installed.digest))
    }

    /// Name of its adapter.
    pub fn implementation(&self) -> &str {
        &self.0.server.adapter.name
    }

    /// The version that it reports of itself.
    pub fn version(&self) -> String {
        held(&self.0.version).clone()
    }

    /// Identity of the build: its code, its dependencies and its Python; hex. That it was upgraded does not change it.
    pub fn digest(&self) -> &str {
        &self.0.server.installed.digest
    }

    /// Where it counts its own work, if it does.
    pub fn metrics(&self) -> Option<&Metrics> {
        self.0.server.adapter.data.metrics.as_ref()
    }

    /// Its client API.
    pub fn endpoint(&self) -> Endpoint {
        let Inner { server, server_name, gateway, .. } = &*self.0;
        let base_url = format!("http://{}", self.address());
        Endpoint::new(server.http.clone(), &base_url, server_name.clone(), gateway.transcript().clone())
    }

    /// Its plain-HTTP listener on loopback, client and federation API alike; its front's, if it has workers.
    pub fn address(&self) -> SocketAddr {
        self.0.staff.as_ref().map_or_else(|| self.main_address(), |(staff, _)| staff.address())
    }

    /// The listener of its main process.
    pub(crate) fn main_address(&self) -> SocketAddr {
        held(&self.0.port).address()
    }

    /// Names of its workers, such as `generic-1`; none if it is one process.
    pub fn workers(&self) -> Vec<&str> {
        let workers = self.0.staff.iter().flat_map(|(staff, _)| &staff.workers);
        workers.map(|worker| worker.name.as_str()).collect()
    }

    /// Names of its processes that can answer such a request, workers before the main one (`main`); none if it is one
    /// process. A request with the header [`PROCESS`](fedproof_gateway::PROCESS) is answered by the one that is named.
    pub fn processes_that_answer(&self, method: &str, path: &str) -> Vec<String> {
        self.0.staff.as_ref().map_or_else(Vec::new, |(staff, _)| staff.that_answer(method, path))
    }

    /// Its log, over all its restarts.
    pub fn log_path(&self) -> &Path {
        &self.0.server.log
    }

    /// The files that it keeps its data in, or will; none if that is in PostgreSQL.
    pub fn data_files(&self) -> Vec<PathBuf> {
        let Server { folder, adapter, .. } = &self.0.server;
        let file = folder.join(&adapter.data.database.file);
        // What SQLite has not yet moved into the file stands beside it.
        let log = PathBuf::from(format!("{}-wal", file.display()));
        if self.postgresql().is_some() { Vec::new() } else { vec![file, log] }
    }

    /// The process id, of the main one if there are several, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.running().map(|running| running.pid)
    }

    /// Whether it runs, and is neither paused nor about to be.
    pub(crate) fn should_answer(&self) -> bool {
        self.running().is_some() && self.0.paused.try_lock().is_ok_and(|paused| !*paused)
    }

    /// Process ids of all its processes that run, the main one first.
    pub fn pids(&self) -> Vec<u32> {
        self.all_running().iter().map(|running| running.pid).collect()
    }

    /// Whether its (main) process runs (paused or not).
    pub fn is_running(&self) -> bool {
        self.running().is_some()
    }

    /// The PostgreSQL that its data is in, and the database's name there; `None` if it is in a file.
    pub fn postgresql(&self) -> Option<(&Postgresql, &str)> {
        self.0.server.store.postgresql().map(|(server, database)| (&**server, database))
    }

    /// How its last process, or the PostgreSQL that its data is in, ended, with the last lines of the log, if that was not
    /// asked for.
    pub fn died(&self) -> Option<String> {
        if let Some(death) = self.postgresql().and_then(|(server, _)| server.died()) {
            return Some(death);
        }
        if let Some(death) = self.0.staff.as_ref().and_then(|(_, redis)| redis.died()) {
            return Some(death);
        }
        let processes = held(&self.0.processes).clone();
        let (status, ended) =
            processes.iter().find_map(|running| Some((running.process.ended_unexpectedly()?, running)))?;
        let log = log::tail(&ended.log, ended.log_from);
        Some(format!("homeserver {} ended with {status}; the end of its log:\n{log}", ended.process.name()))
    }

    /// Waits until it ends without having been asked to; for ever if it does not.
    pub async fn death(&self) -> String {
        loop {
            let processes = held(&self.0.processes).clone();
            if processes.is_empty() {
                std::future::pending::<()>().await;
            }
            select_all(processes.iter().map(|running| Box::pin(running.process.wait()))).await;
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
        let mut usage = Usage { cpu_ms: self.0.past_cpu_ms.load(Ordering::SeqCst), rss_bytes: 0 };
        for running in held(&self.0.processes).iter() {
            usage.cpu_ms += running.read_cpu();
            usage.rss_bytes += running.process.ended().map_or_else(|| proc::resident_bytes(running.pid), |_| 0);
        }
        usage
    }

    pub(crate) fn running(&self) -> Option<Running> {
        let main = held(&self.0.processes).first().cloned();
        main.filter(|running| running.process.ended().is_none())
    }

    /// All its processes that run, the main one first.
    pub(crate) fn all_running(&self) -> Vec<Running> {
        let processes = held(&self.0.processes);
        processes.iter().filter(|running| running.process.ended().is_none()).cloned().collect()
    }
}

impl Running {
    /// Processor time so far; the last reading if it ended.
    pub(crate) fn read_cpu(&self) -> u64 {
        if self.process.ended().is_none()
            && let Some(stat) = proc::Stat::of(self.pid)
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
