//! The builds that a description names: their adapters, found before anything takes its time, and what installing and
//! preparing them comes to.

use crate::{
    Backend, DatabaseKind, DeploymentError, Description, Postgresql, Setting, Spec,
    adapter::Adapter,
    database::{Prepared, Preparing},
    engine::Project,
    image,
    install::{Installed, Installer},
    python::Python,
};
use indexmap::{IndexMap, map::Entry};
use std::{path::Path, sync::Arc};

/// A build with all that a start copies.
pub(crate) struct Build {
    pub(crate) adapter: Arc<Adapter>,
    pub(crate) installed: Installed,
    pub(crate) prepared: Prepared,
}

/// The adapters that the description names, by implementation. Bad input is found here, before anything takes its time.
pub(crate) fn adapters(
    description: &Description,
    fixtures: &Path,
) -> Result<IndexMap<String, Arc<Adapter>>, DeploymentError> {
    let mut adapters: IndexMap<String, Arc<Adapter>> = IndexMap::new();
    for written in description.specs() {
        let spec: Spec = written.parse()?;
        let adapter = match adapters.entry(spec.implementation().to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(Arc::new(Adapter::read(fixtures, spec.implementation())?)),
        };
        match &spec {
            Spec::Path { .. } if description.backend == Backend::Compose => return Err(image::no_checkout(&spec)),
            Spec::Image { .. } if description.backend == Backend::Process => return Err(image::no_container(&spec)),
            // Where it runs in a container, the engine knows which releases there are.
            Spec::Image { .. } => {}
            Spec::Version { .. } if description.backend == Backend::Compose => {}
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

/// Checks that the adapters have the workers that the description asks for.
pub(crate) fn workers_exist(
    description: &Description,
    adapters: &IndexMap<String, Arc<Adapter>>,
) -> Result<(), DeploymentError> {
    for (name, homeserver) in &description.homeservers {
        let spec: Spec = homeserver.spec.parse()?;
        let adapter = adapters.get(spec.implementation());
        let known: Vec<&String> =
            adapter.iter().filter_map(|adapter| adapter.workers.as_ref()).flat_map(|data| data.kinds.keys()).collect();
        if let Some(unknown) = homeserver.workers.keys().find(|kind| !known.contains(kind)) {
            let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
            let message = format!("workers: of {name}: there is no kind {unknown:?} (known: {})", known.join(", "));
            return Err(DeploymentError::Description { deployment: description.name.clone(), message });
        }
    }
    Ok(())
}

/// What builds are installed and prepared with.
pub(crate) struct Around<'a> {
    pub(crate) python: &'a Python,
    pub(crate) postgresql: Option<&'a Arc<Postgresql>>,
    pub(crate) project: Option<&'a Arc<Project>>,
}

/// Installs every build of the description once, by specification, and prepares the databases it begins with.
pub(crate) async fn builds(
    description: &Description,
    setting: &Setting,
    adapters: &IndexMap<String, Arc<Adapter>>,
    &Around { python, postgresql, project }: &Around<'_>,
) -> Result<IndexMap<String, Build>, DeploymentError> {
    let mut builds = IndexMap::new();
    let cache = setting.cache.join("homeservers");
    for written in description.specs() {
        let spec: Spec = written.parse()?;
        let Some(adapter) = adapters.get(spec.implementation()) else { continue };
        if builds.contains_key(written) {
            continue;
        }
        let installer = Installer { adapter, python, cache: &cache, notify: &setting.notify, project };
        let (mut installed, entry) = installer.ensure(&spec).await?;
        let Setting { http, notify, .. } = setting;
        let ca_pem = setting.gateway.ca_pem();
        let preparing = Preparing { adapter, installed: &installed, entry: &entry, ca_pem, http, notify };
        let on = |kind| description.builds_on(kind).any(|spec| spec == written);
        let sqlite = if on(DatabaseKind::Sqlite) { Some(preparing.sqlite().await?) } else { None };
        let (driver, postgresql) = match postgresql.filter(|_| on(DatabaseKind::Postgresql)) {
            Some(server) => {
                let (driver, template) = preparing.postgresql(server).await?;
                (driver, Some((server.clone(), template)))
            }
            None => (None, None),
        };
        installed.python_path.extend(driver);
        let prepared = Prepared { sqlite, postgresql };
        builds.insert(written.clone(), Build { adapter: adapter.clone(), installed, prepared });
    }
    Ok(builds)
}
