//! What can be done to a homeserver: started, stopped, killed, paused, made to misbehave.
//!
//! Operations wait for one another and are idempotent: starting what runs, or killing what is down, does nothing.

use crate::{
    DeploymentError, Homeserver, MutantSwitch, cores,
    homeserver::{Inner, Running, held},
    port::{self, Port},
    process::To,
    server::{self, Part},
    template::Values,
};
use futures::future::{join_all, try_join_all};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

impl Homeserver {
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

    /// Stops it and starts the build that it can be upgraded to, on the same database and with the same configuration.
    ///
    /// # Errors
    /// When there is no such build, it was upgraded before, or as [`start`](Self::start).
    pub async fn upgrade(&self) -> Result<(), DeploymentError> {
        let mut paused = self.0.paused.lock().await;
        let server = &self.0.server;
        if server.upgrade.is_none() || server.upgraded.load(Ordering::SeqCst) {
            return Err(DeploymentError::NoUpgrade { name: self.name().to_owned() });
        }
        self.stop_held(&mut paused).await;
        server.upgraded.store(true, Ordering::SeqCst);
        self.start_held(&mut paused).await
    }

    /// If it was upgraded: puts back the build it began with. No release reads a newer one's database, so that it begins
    /// with an empty one, under its old name and key.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn undo_upgrade(&self) -> Result<(), DeploymentError> {
        let mut paused = self.0.paused.lock().await;
        if !self.0.server.upgraded.load(Ordering::SeqCst) {
            return Ok(());
        }
        self.stop_held(&mut paused).await;
        self.0.server.begin_anew().await?;
        self.start_held(&mut paused).await
    }

    /// Kills it (`SIGKILL`): what a crash or a lost machine looks like.
    ///
    /// # Errors
    /// None so far.
    pub async fn kill(&self) -> Result<(), DeploymentError> {
        let mut paused = self.0.paused.lock().await;
        join_all(self.all_running().iter().map(|running| async {
            running.read_cpu();
            running.process.kill().await;
        }))
        .await;
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
        self.running().ok_or_else(not_running)?;
        let processes = self.all_running();
        *paused = join_all(processes.iter().map(|running| running.process.pause())).await.into_iter().all(|done| done);
        if *paused { Ok(()) } else { Err(not_running()) }
    }

    /// Lets it go on, if it is paused.
    ///
    /// # Errors
    /// When it is not running.
    pub async fn resume(&self) -> Result<(), DeploymentError> {
        let mut paused = self.0.paused.lock().await;
        let not_running = || DeploymentError::NotRunning { name: self.name().to_owned(), action: "resume" };
        self.running().ok_or_else(not_running)?;
        join_all(self.all_running().iter().map(|running| running.process.resume())).await;
        *paused = false;
        Ok(())
    }

    /// Cuts it off from the network, unless it is: it runs on, reaches nobody and is not reached. A restart connects it again.
    ///
    /// # Errors
    /// When it is not running, or not in a container: only that has a network of its own.
    pub async fn cut_off(&self) -> Result<(), DeploymentError> {
        self.connect("disconnect").await
    }

    /// Puts it back onto the network.
    ///
    /// # Errors
    /// As [`cut_off`](Self::cut_off).
    pub async fn reconnect(&self) -> Result<(), DeploymentError> {
        self.connect("connect").await
    }

    async fn connect(&self, verb: &'static str) -> Result<(), DeploymentError> {
        let _turn = self.0.paused.lock().await;
        let not_running = || DeploymentError::NotRunning { name: self.name().to_owned(), action: verb };
        self.running().ok_or_else(not_running)?.process.network(verb).await
    }

    /// Switches a mutant on; in force when this returns, and again after a restart.
    ///
    /// # Errors
    /// When it is not running or paused, or its launcher refuses.
    pub async fn mutate(&self, switch: &MutantSwitch) -> Result<(), DeploymentError> {
        self.order("mutate", json!(switch)).await?;
        held(&self.0.switches).push(switch.clone());
        Ok(())
    }

    /// Switches a mutant off wherever it was switched on.
    ///
    /// # Errors
    /// When it is not running or paused, or its launcher refuses.
    pub async fn heal_mutant(&self, mutant: &str) -> Result<(), DeploymentError> {
        held(&self.0.switches).retain(|switch| switch.mutant != mutant);
        self.order("heal", json!({"mutant": mutant})).await
    }

    /// Switches a mutant off where exactly this `switch` switched it on.
    ///
    /// # Errors
    /// When it is not running or paused, or its launcher refuses.
    pub async fn heal_switch(&self, switch: &MutantSwitch) -> Result<(), DeploymentError> {
        held(&self.0.switches).retain(|on| on != switch);
        self.order("heal", json!(switch)).await
    }

    async fn order(&self, verb: &'static str, arguments: Value) -> Result<(), DeploymentError> {
        let not_running = || DeploymentError::NotRunning { name: self.name().to_owned(), action: verb };
        let processes = {
            let paused = self.0.paused.lock().await;
            self.running().filter(|_| !*paused).ok_or_else(not_running)?;
            self.all_running()
        };
        let orders = processes.iter().map(|running| running.process.order(verb, arguments.clone()));
        try_join_all(orders).await.map(|_| ())
    }

    /// Keeps it on `cores`, after a restart too.
    pub(crate) fn keep_on(&self, cores: &BTreeSet<usize>) -> Result<(), DeploymentError> {
        *held(&self.0.cores) = Some(cores.clone());
        self.pids().into_iter().try_for_each(|pid| cores::keep(pid, cores))
    }

    /// Kills it without waiting: the end of the deployment.
    pub(crate) fn kill_now(&self) {
        self.0.over.store(true, Ordering::SeqCst);
        for running in self.all_running() {
            running.process.expect_end();
            running.process.signal(Signal::SIGKILL, To::Group);
        }
    }

    fn over(&self) -> DeploymentError {
        DeploymentError::Over { name: self.name().to_owned() }
    }

    async fn stop_held(&self, paused: &mut bool) {
        join_all(self.all_running().iter().map(|running| async {
            running.read_cpu();
            server::stop(&running.process).await;
        }))
        .await;
        *paused = false;
    }

    async fn start_held(&self, paused: &mut bool) -> Result<(), DeploymentError> {
        if self.0.over.load(Ordering::SeqCst) {
            return Err(self.over());
        }
        if self.running().is_some() {
            return Ok(());
        }
        *paused = false;
        // The front of a homeserver with workers keeps to the main process's port.
        let first = held(&self.0.processes).is_empty() && self.0.staff.is_none();
        match self.boot().await {
            // Ours was reserved, so this takes somebody who binds it in spite of that. A later start keeps the port,
            // since clients have its address.
            Err(DeploymentError::PortInUse { .. }) if first => {
                let ip = held(&self.0.port).ip();
                *held(&self.0.port) = Port::reserve(ip)?;
                self.boot().await
            }
            result => result,
        }
    }

    async fn boot(&self) -> Result<(), DeploymentError> {
        let Inner { server, gateway, server_name, .. } = &*self.0;
        let (address, public) = (self.main_address(), self.address());
        let values = {
            let mut values = held(&self.0.values);
            values.set("port", address.port());
            values.set("public_port", public.port());
            values.clone()
        };
        server.configure(&values)?;
        let began = Instant::now();
        let main = self.boot_part(&server.main(address), &values).await;
        let main = match main {
            Err(DeploymentError::EndedAtStart { .. }) if port::is_taken(address).await => {
                return Err(DeploymentError::PortInUse { name: self.name().to_owned(), port: address.port() });
            }
            result => result?,
        };
        let workers = match &self.0.staff {
            Some((staff, _)) => {
                let parts = staff.parts(&server.folder, &values)?;
                try_join_all(parts.iter().map(|(part, values)| self.boot_part(part, values))).await?
            }
            None => Vec::new(),
        };
        *held(&self.0.version) = server.version(address).await;
        gateway.route_real(server_name.clone(), public);
        let processes = std::iter::once(main).chain(workers).collect();
        for earlier in std::mem::replace(&mut *held(&self.0.processes), processes) {
            self.0.past_cpu_ms.fetch_add(earlier.cpu_ms.load(Ordering::SeqCst), Ordering::SeqCst);
        }
        if self.0.over.load(Ordering::SeqCst) {
            self.kill_now();
            return Err(self.over());
        }
        let message = format!("{} {} is ready", server.adapter.name, self.version());
        (self.0.notify)(Some(self.name()), format!("{message} after {:.1} s", began.elapsed().as_secs_f64()));
        Ok(())
    }

    /// Starts one of its processes, with the mutants that are in force and on the cores that are its own.
    async fn boot_part(&self, part: &Part<'_>, values: &Values) -> Result<Running, DeploymentError> {
        let log_from = std::fs::metadata(part.log).map_or(0, |file| file.len());
        let process = Arc::new(self.0.server.boot(values, part).await?);
        let pid = process.server_pid().await;
        let switches = held(&self.0.switches).clone();
        for switch in switches {
            process.order("mutate", json!(switch)).await?;
        }
        let cores = held(&self.0.cores).clone();
        if let Some(cores) = cores {
            cores::keep(pid, &cores)?;
        }
        Ok(Running { process, pid, log: part.log.to_owned(), log_from, cpu_ms: Arc::default() })
    }
}
