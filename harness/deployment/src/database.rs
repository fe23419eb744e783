//! The databases of homeservers, and what is made once per build so that each need only copy it.
//!
//! Creating the schema anew costs each homeserver seconds and a minute of background work. So a homeserver fills an empty
//! database once, and what it made is kept beside the installation: a file of SQLite, a script for PostgreSQL.

mod postgresql;
mod sqlite;

use crate::{
    DeploymentError, LOOPBACK, Notify,
    adapter::Adapter,
    cache::Entry,
    description::DatabaseKind,
    install::Installed,
    port::Port,
    postgresql::Postgresql,
    process::Process,
    server::{self, Server},
    template::Values,
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long the homeserver may take to complete its database once it is up.
const COMPLETE_LIMIT: Duration = Duration::from_secs(120);

/// Where a homeserver keeps its data, and what it begins with.
#[derive(Clone)]
pub(crate) enum Store {
    /// In a file.
    Sqlite {
        /// What it begins as a copy of.
        prepared: PathBuf,
    },
    /// In a database of the run's PostgreSQL.
    Postgresql {
        /// The server.
        server: Arc<Postgresql>,
        /// Name of the database.
        database: String,
        /// Name of that which it begins as a copy of.
        template: String,
    },
}

/// What stores of a build are made of.
pub(crate) struct Prepared {
    /// The prepared file, where a homeserver is to have one.
    pub(crate) sqlite: Option<PathBuf>,
    /// The template in the run's PostgreSQL, where a homeserver is to have a database there.
    pub(crate) postgresql: Option<(Arc<Postgresql>, String)>,
}

impl Prepared {
    /// A store of `kind` called `name`.
    pub(crate) fn store(&self, kind: DatabaseKind, name: &str) -> Option<Store> {
        match kind {
            DatabaseKind::Sqlite => Some(Store::Sqlite { prepared: self.sqlite.clone()? }),
            DatabaseKind::Postgresql => {
                let (server, template) = self.postgresql.clone()?;
                Some(Store::Postgresql { server, database: name.to_owned(), template })
            }
        }
    }
}

impl Store {
    /// Makes it empty again; `file` is where it is if it is a file.
    pub(crate) async fn begin_anew(&self, file: &Path) -> Result<(), DeploymentError> {
        match self {
            Self::Sqlite { prepared } => sqlite::begin_anew(prepared, file),
            Self::Postgresql { server, database, template } => server.create(database, template).await,
        }
    }

    /// Sets the placeholders that settings for it have.
    pub(crate) fn describe(&self, values: &mut Values) {
        if let Self::Postgresql { server, database, .. } = self {
            values.set("database", database.as_str());
            values.set("database_socket", server.socket().to_string_lossy());
            values.set("database_user", crate::postgresql::USER);
        }
    }

    /// The adapter's settings for it.
    pub(crate) fn settings(&self, adapter: &Adapter) -> Value {
        match (self, &adapter.data.database.postgresql) {
            (Self::Postgresql { .. }, Some(on)) => on.settings.clone(),
            _ => Value::Null,
        }
    }

    /// The PostgreSQL it is in, and its name there.
    pub(crate) fn postgresql(&self) -> Option<(&Arc<Postgresql>, &str)> {
        match self {
            Self::Postgresql { server, database, .. } => Some((server, database)),
            Self::Sqlite { .. } => None,
        }
    }
}

/// A build whose database is being prepared, its locked place in the cache, and what that takes.
pub(crate) struct Preparing<'a> {
    pub(crate) adapter: &'a Arc<Adapter>,
    pub(crate) installed: &'a Installed,
    pub(crate) entry: &'a Entry,
    pub(crate) ca_pem: &'a str,
    pub(crate) http: &'a reqwest::Client,
    pub(crate) notify: &'a Notify,
}

impl Preparing<'_> {
    /// The prepared file.
    pub(crate) async fn sqlite(&self) -> Result<PathBuf, DeploymentError> {
        sqlite::ensure(self).await
    }

    /// The folder with the driver, and the name of the template that is there then.
    pub(crate) async fn postgresql(
        &self,
        server: &Arc<Postgresql>,
    ) -> Result<(Option<PathBuf>, String), DeploymentError> {
        // An image has its own.
        let driver = match self.installed.image {
            Some(_) => None,
            None => Some(postgresql::driver(self).await?),
        };
        let template = postgresql::template(self, driver.as_deref(), server).await?;
        Ok((driver, template))
    }

    /// Name of the build, which is that of its entry.
    fn key(&self) -> String {
        self.entry.place().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Boots the homeserver on `store`, which is empty, with `folder` for its files.
    async fn boot(
        &self,
        folder: &Path,
        installed: Installed,
        store: Store,
    ) -> Result<(Server, Process), DeploymentError> {
        let settings = vec![store.settings(self.adapter), self.adapter.data.database.settings.clone()];
        let server = Server {
            name: format!("prepare-{}", self.key()),
            adapter: self.adapter.clone(),
            installed,
            store,
            upgrade: None,
            upgraded: false.into(),
            log: folder.join("log"),
            state: folder.join("state.json"),
            bind: LOOPBACK,
            folder: folder.to_owned(),
            settings,
            environment: Default::default(),
            http: self.http.clone(),
        };
        let (port, no_proxy) = (Port::reserve(LOOPBACK)?, Port::reserve(LOOPBACK)?);
        let (address, proxy) = (port.address(), no_proxy.address());
        // Nothing in an empty database depends on the name.
        let mut values =
            server::values("prepare", "prepare.invalid", folder, self.ca_pem, &server.installed, &port, proxy)?;
        server.store.describe(&mut values);
        server.configure(&values)?;
        let process = server.boot(&values, &server.main(address)).await?;
        Ok((server, process))
    }

    /// What preparing failed with, if the database is not complete in time.
    fn incomplete(&self, server: &Server) -> DeploymentError {
        DeploymentError::Install {
            what: self.what(),
            command: self.adapter.data.database.complete.clone(),
            status: format!("nothing after {COMPLETE_LIMIT:?}"),
            output: crate::log::tail(&server.log, 0),
        }
    }

    fn what(&self) -> String {
        format!("the prepared database of {}", self.key())
    }
}
