//! A running deployment.

use crate::{
    DeploymentError, Description, Homeserver, Notify, Spec,
    adapter::Adapter,
    database,
    homeserver::Inner,
    install::{Installed, Installer},
    port::Port,
    python::Python,
    record::Record,
    server::{self, Server},
    template::for_each_instance,
};
use fedproof_core::ServerName;
use fedproof_gateway::Gateway;
use futures::future::{join_all, try_join_all};
use indexmap::{IndexMap, map::Entry};
use std::{
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
    /// For requests to the homeservers. It must know no proxy, or the environment's would get them.
    pub http: reqwest::Client,
}

/// Homeservers that run, until this is stopped or dropped.
pub struct Deployment {
    homeservers: Vec<Homeserver>,
    _record: Record,
}

/// A build with all that a start copies.
struct Build {
    adapter: Arc<Adapter>,
    installed: Installed,
    database: PathBuf,
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
        let builds = builds(description, &setting).await?;
        let names: Vec<&str> = description.homeservers.keys().map(String::as_str).collect();
        std::fs::create_dir_all(&setting.logs).map_err(DeploymentError::io("create", &setting.logs))?;
        let record = Record::begin(&setting.work, &names)?;
        let mut homeservers = Vec::new();
        for (name, described) in &description.homeservers {
            let Some(build) = builds.get(&described.spec) else { continue };
            let mut settings = vec![description.settings.clone(), described.settings.clone()];
            settings.iter_mut().for_each(|settings| for_each_instance(settings, &setting.instances));
            let folder = setting.work.join(name);
            let server_name = ServerName::new(&described.server_name);
            let port = Port::reserve()?;
            let proxy = setting.gateway.open_proxy(server_name.clone()).await;
            let proxy = proxy.map_err(|source| DeploymentError::Gateway { name: name.clone(), source })?;
            let ca_pem = setting.gateway.ca_pem();
            let values = server::values(name, server_name.as_str(), &folder, ca_pem, port.address(), proxy)?;
            let server = Server {
                name: name.clone(),
                adapter: build.adapter.clone(),
                installed: build.installed.clone(),
                database: build.database.clone(),
                upgrade: described.upgrade_to.as_ref().and_then(|next| Some(builds.get(next)?.installed.clone())),
                upgraded: false.into(),
                log: setting.logs.join(format!("{name}.log")),
                state: record.state_file(name),
                folder,
                settings,
                http: setting.http.clone(),
            };
            server.begin_anew()?;
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
                process: None.into(),
                version: String::new().into(),
                switches: Vec::new().into(),
                past_cpu_ms: 0.into(),
                over: false.into(),
            })));
        }
        // From here on, leaving early kills what was started.
        let deployment = Self { homeservers, _record: record };
        try_join_all(deployment.homeservers.iter().map(Homeserver::start)).await?;
        Ok(deployment)
    }

    /// Checks that the description can be started anywhere: adapters, versions and folders are there. Starts nothing.
    ///
    /// # Errors
    /// What is wrong with the description; always bad input.
    pub fn check(description: &Description, fixtures: &Path) -> Result<(), DeploymentError> {
        description.check()?;
        adapters(description, fixtures).map(|_| ())
    }

    /// The homeservers, in the order of the description.
    pub fn homeservers(&self) -> &[Homeserver] {
        &self.homeservers
    }

    /// The homeserver with the short name `name`.
    pub fn homeserver(&self, name: &str) -> Option<&Homeserver> {
        self.homeservers.iter().find(|homeserver| homeserver.name() == name)
    }

    /// Asks all homeservers to end and waits until they have.
    pub async fn stop(&self) {
        join_all(self.homeservers.iter().map(Homeserver::stop)).await;
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.homeservers.iter().for_each(Homeserver::kill_now);
    }
}

/// The adapters that the description names, by implementation. Bad input is found here, before anything takes its time.
fn adapters(description: &Description, fixtures: &Path) -> Result<IndexMap<String, Arc<Adapter>>, DeploymentError> {
    let mut adapters: IndexMap<String, Arc<Adapter>> = IndexMap::new();
    for written in description.specs() {
        let spec: Spec = written.parse()?;
        let adapter = match adapters.entry(spec.implementation().to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Arc::new(Adapter::read(fixtures, spec.implementation())?)),
        };
        match &spec {
            Spec::Version { version, .. } => adapter.constraints(version).map(|_| ())?,
            Spec::Path { dir, .. } if dir.join("pyproject.toml").is_file() => {}
            Spec::Path { dir, .. } => {
                let message = format!("{} holds no pyproject.toml: it is no checkout", dir.display());
                return Err(DeploymentError::Spec { spec: written.clone(), message });
            }
        }
    }
    Ok(adapters)
}

/// Installs every build of the description once, by specification.
async fn builds(description: &Description, setting: &Setting) -> Result<IndexMap<String, Build>, DeploymentError> {
    let adapters = adapters(description, &setting.fixtures)?;
    let mut builds = IndexMap::new();
    let cache = setting.cache.join("homeservers");
    let python = Python::find().await?;
    for written in description.specs() {
        let spec: Spec = written.parse()?;
        let Some(adapter) = adapters.get(spec.implementation()) else { continue };
        if builds.contains_key(written) {
            continue;
        }
        let installer = Installer { adapter, python: &python, cache: &cache, notify: &setting.notify };
        let (installed, entry) = installer.ensure(&spec).await?;
        let ca_pem = setting.gateway.ca_pem();
        let database = database::ensure(adapter, &installed, &entry, ca_pem, &setting.http, &setting.notify).await?;
        builds.insert(written.clone(), Build { adapter: adapter.clone(), installed, database });
    }
    Ok(builds)
}
