//! A running deployment.

use crate::{
    Backend, Cores, DatabaseKind, DeploymentError, Description, Homeserver, LOOPBACK, Notify, Postgresql,
    builds::{Around, adapters, builds, workers_exist},
    container, cores,
    engine::Project,
    homeserver::Inner,
    port::Port,
    postgresql,
    python::Python,
    record::Record,
    redis::Redis,
    server::{self, Server},
    template::for_each_instance,
    workers::{Hiring, Staff},
};
use fedproof_core::ServerName;
use fedproof_gateway::Gateway;
use futures::future::{join_all, try_join_all};
use serde_json::Value;
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::sync::Mutex;

/// What starting a deployment needs besides its description.
#[derive(Clone)]
pub struct Setting {
    /// Carries all traffic between servers; its transcript records the clients' too.
    pub gateway: Gateway,
    /// The folder with `homeservers/` and `mutants/`.
    pub fixtures: PathBuf,
    /// Where installations are kept, for all runs: see [`default_cache`](crate::default_cache).
    pub cache: PathBuf,
    /// Where each homeserver gets a folder of its own (`NAME/`); whoever chose it removes it.
    pub work: PathBuf,
    /// Where each homeserver's log goes: `NAME.log`.
    pub logs: PathBuf,
    /// Told of progress, with the name of the homeserver if it is about one.
    pub notify: Notify,
    /// Ids of all instances that may come to be: `${instance}` in lists of settings.
    pub instances: Vec<String>,
    /// What the homeservers listen at: [`LOOPBACK`](crate::LOOPBACK), unless somebody else is to reach them.
    pub bind: IpAddr,
    /// For requests to the homeservers. It must know no proxy, or the environment's would get them.
    pub http: reqwest::Client,
}

/// Homeservers that run, until this is stopped or dropped.
pub struct Deployment {
    homeservers: Vec<Homeserver>,
    postgresql: Option<Arc<Postgresql>>,
    redis: Option<Arc<Redis>>,
    project: Option<Arc<Project>>,
    _record: Record,
}

impl Deployment {
    /// Installs what is missing and boots all homeservers side by side.
    ///
    /// # Errors
    /// When one of them cannot be installed or does not start: then none is left running.
    pub async fn start(description: &Description, mut setting: Setting) -> Result<Self, DeploymentError> {
        description.check()?;
        // A homeserver runs in its own folder, where nothing relative would be found.
        for path in [&mut setting.fixtures, &mut setting.cache, &mut setting.work, &mut setting.logs] {
            *path = std::path::absolute(&*path).map_err(DeploymentError::io("find", &*path))?;
        }
        let adapters = adapters(description, &setting.fixtures)?;
        workers_exist(description, &adapters)?;
        let names: Vec<&str> = description.homeservers.keys().map(String::as_str).collect();
        std::fs::create_dir_all(&setting.logs).map_err(DeploymentError::io("create", &setting.logs))?;
        let python = Python::find().await?;
        let mut record = Record::begin(&setting.work, &names)?;
        let project = match description.backend {
            Backend::Process | Backend::Attach => None,
            Backend::Compose => {
                let name = format!("fedproof-{}", record.id());
                Some(Arc::new(Project::begin(name, &setting.fixtures).await?))
            }
        };
        let postgresql = match description.uses(DatabaseKind::Postgresql) {
            true => Some(Arc::new(start_postgresql(&setting, &python, &mut record).await?)),
            false => None,
        };
        let redis = match description.has_workers() {
            true => Some(Arc::new(Redis::start(&python, &setting.logs, &mut record).await?)),
            false => None,
        };
        if let (Some(project), Some(postgresql)) = (&project, &postgresql) {
            container::admit(postgresql.socket(), project.user)?;
        }
        let around = Around { python: &python, postgresql: postgresql.as_ref(), project: project.as_ref() };
        let builds = builds(description, &setting, &adapters, &around).await?;
        let mut homeservers = Vec::new();
        for (index, (name, described)) in description.homeservers.iter().enumerate() {
            let Some(build) = builds.get(&described.spec) else { continue };
            let Some(store) = build.prepared.store(description.database_of(described), name) else { continue };
            let folder = setting.work.join(name);
            let server_name = ServerName::new(&described.server_name);
            let port = Port::reserve(setting.bind)?;
            let staff = match redis.as_ref().filter(|_| !described.workers.is_empty()) {
                Some(redis) => {
                    let hiring = Hiring {
                        adapter: &build.adapter,
                        name,
                        server_name: &server_name,
                        wanted: &described.workers,
                        main: port.address(),
                        bind: setting.bind,
                        logs: &setting.logs,
                        redis: (redis.socket(), index),
                    };
                    Some((Staff::hire(hiring, |name| record.state_file(name))?, redis.clone()))
                }
                None => None,
            };
            let own =
                [store.settings(&build.adapter), staff.as_ref().map_or(Value::Null, |(staff, _)| staff.settings())];
            let described_settings = [description.settings.clone(), described.settings.clone()];
            let mut settings: Vec<Value> = own.into_iter().chain(described_settings).collect();
            settings.iter_mut().for_each(|settings| for_each_instance(settings, &setting.instances));
            // Where the homeserver reaches this process, and nobody else does.
            let here = project.as_ref().map_or(LOOPBACK, |project| project.gateway);
            let proxy = setting.gateway.open_proxy_at(server_name.clone(), (here, 0).into()).await;
            let proxy = proxy.map_err(|source| DeploymentError::Gateway { name: name.clone(), source })?;
            let ca_pem = setting.gateway.ca_pem();
            let mut values =
                server::values(name, server_name.as_str(), &folder, ca_pem, &build.installed, &port, proxy)?;
            store.describe(&mut values);
            if let Some((staff, _)) = &staff {
                staff.describe(&mut values);
            }
            let server = Server {
                name: name.clone(),
                adapter: build.adapter.clone(),
                installed: build.installed.clone(),
                store,
                upgrade: described
                    .upgrade_to
                    .as_ref()
                    .and_then(|next| Some((next.clone(), builds.get(next)?.installed.clone()))),
                upgraded: false.into(),
                log: setting.logs.join(format!("{name}.log")),
                // A process id in a container means nothing outside.
                state: project.as_ref().map_or_else(|| record.state_file(name), |_| folder.join("state.json")),
                bind: setting.bind,
                folder,
                settings,
                environment: description.environment.clone(),
                http: setting.http.clone(),
            };
            server.begin_anew().await?;
            homeservers.push(Homeserver(Arc::new(Inner {
                server,
                server_name,
                spec: described.spec.clone(),
                shut: described.shut,
                gateway: setting.gateway.clone(),
                notify: setting.notify.clone(),
                values: values.into(),
                port: port.into(),
                paused: Mutex::new(false),
                staff,
                processes: Vec::new().into(),
                version: String::new().into(),
                switches: Vec::new().into(),
                past_cpu_ms: 0.into(),
                cores: None.into(),
                over: false.into(),
            })));
        }
        // From here on, leaving early kills what was started.
        let deployment = Self { homeservers, postgresql, redis, project, _record: record };
        try_join_all(deployment.homeservers.iter().map(Homeserver::start)).await?;
        Ok(deployment)
    }

    /// Checks that the description can be started anywhere: adapters, versions and folders are there. Starts nothing.
    ///
    /// # Errors
    /// What is wrong with the description; always bad input.
    pub fn check(description: &Description, fixtures: &Path) -> Result<(), DeploymentError> {
        description.check()?;
        let adapters = adapters(description, fixtures)?;
        workers_exist(description, &adapters)
    }

    /// The homeservers, in the order of the description.
    pub fn homeservers(&self) -> &[Homeserver] {
        &self.homeservers
    }

    /// The homeserver with the short name `name`.
    pub fn homeserver(&self, name: &str) -> Option<&Homeserver> {
        self.homeservers.iter().find(|homeserver| homeserver.name() == name)
    }

    /// The PostgreSQL of its own, if a homeserver has its data there.
    pub fn postgresql(&self) -> Option<&Postgresql> {
        self.postgresql.as_deref()
    }

    /// Keeps homeservers and PostgreSQL on some cores and this process on the others, from now on.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn separate(&self, cores: &Cores) -> Result<(), DeploymentError> {
        self.homeservers.iter().try_for_each(|homeserver| homeserver.keep_on(&cores.servers))?;
        self.database_processes().into_iter().try_for_each(|pid| cores::keep(pid, &cores.servers))?;
        cores::keep(std::process::id(), &cores.generator)
    }

    /// Looks whether everybody is where [`separate`](Self::separate) put them.
    ///
    /// # Errors
    /// Who is not.
    pub fn are_separate(&self, cores: &Cores) -> Result<(), DeploymentError> {
        let servers = self.homeservers.iter().flat_map(Homeserver::pids).chain(self.database_processes());
        let placed = servers.map(|pid| (pid, &cores.servers)).chain([(std::process::id(), &cores.generator)]);
        match placed.filter_map(|(pid, cores)| cores::strays(pid, cores)).next() {
            Some(strays) => Err(DeploymentError::Cores { message: format!("{strays} run elsewhere") }),
            None => Ok(()),
        }
    }

    fn database_processes(&self) -> Vec<u32> {
        self.postgresql.as_ref().map_or_else(Vec::new, |postgresql| postgresql.processes())
    }

    /// Asks all homeservers to end and waits until they have, and PostgreSQL after them.
    pub async fn stop(&self) {
        join_all(self.homeservers.iter().map(Homeserver::stop)).await;
        if let Some(postgresql) = &self.postgresql {
            postgresql.stop().await;
        }
        if let Some(redis) = &self.redis {
            redis.stop().await;
        }
        if let Some(project) = self.project.clone() {
            // What it could not remove is found by the next cleanup.
            let _ = tokio::task::spawn_blocking(move || project.remove()).await;
        }
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.homeservers.iter().for_each(Homeserver::kill_now);
        if let Some(postgresql) = &self.postgresql {
            postgresql.end_now();
        }
        if let Some(redis) = &self.redis {
            redis.end_now();
        }
        if let Some(project) = &self.project {
            project.remove();
        }
    }
}

async fn start_postgresql(
    setting: &Setting,
    python: &Python,
    record: &mut Record,
) -> Result<Postgresql, DeploymentError> {
    let settings = setting.fixtures.join("databases/postgresql.conf");
    let Setting { cache, logs, notify, .. } = setting;
    Postgresql::start(postgresql::Start { python, cache, settings: &settings, logs, record, notify }).await
}
