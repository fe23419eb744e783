//! Getting a build onto this machine, once.

use crate::{
    DeploymentError, Notify, Spec,
    adapter::Adapter,
    cache::{self, Entry},
    container::Image,
    engine::Project,
    image,
    python::{Environment, Python},
    source, yaml,
};
use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A build that is there.
#[derive(Clone, Debug)]
pub(crate) struct Installed {
    /// The interpreter that runs it.
    pub(crate) python: PathBuf,
    /// Folders that go before the interpreter's own packages.
    pub(crate) python_path: Vec<PathBuf>,
    /// Identity of the build: code, dependencies and Python.
    pub(crate) digest: String,
    /// Its place in the cache, where the prepared database goes too.
    pub(crate) place: PathBuf,
    /// The image that it is, where homeservers run in containers. `python` is this machine's then.
    pub(crate) image: Option<Image>,
}

/// Where builds come from and go to.
pub(crate) struct Installer<'a> {
    pub(crate) adapter: &'a Adapter,
    pub(crate) python: &'a Python,
    pub(crate) cache: &'a Path,
    pub(crate) notify: &'a Notify,
    /// Where homeservers run in containers.
    pub(crate) project: Option<&'a Arc<Project>>,
}

impl Installer<'_> {
    /// Installs `spec` unless it is there. The entry stays locked, for what is prepared in it besides.
    pub(crate) async fn ensure(&self, spec: &Spec) -> Result<(Installed, Entry), DeploymentError> {
        if let Some(project) = self.project {
            return image::ensure(self, project, spec).await;
        }
        match spec {
            Spec::Version { version, .. } => self.ensure_version(version).await,
            Spec::Path { dir, .. } => source::ensure(self, dir).await,
            Spec::Image { .. } => Err(image::no_container(spec)),
        }
    }

    /// Installs a release.
    pub(crate) async fn ensure_version(&self, version: &str) -> Result<(Installed, Entry), DeploymentError> {
        let constraints = self.adapter.constraints(version)?;
        let pins = yaml::text(&constraints)?;
        let name = &self.adapter.name;
        let digest =
            cache::digest([name.as_bytes(), version.as_bytes(), pins.as_bytes(), self.python.version.as_bytes()]);
        let requirement = self.adapter.data.install.requirement.replace("${version}", version);
        if constraints.file_stem() == Some(OsStr::new(version)) {
            return self.environment(version, digest, OsStr::new(&requirement), Some(&constraints)).await;
        }
        // What was frozen names its own release; the one that borrows the file is another.
        let package = requirement.split("==").next().unwrap_or_default();
        let is_own = |line: &&str| line.split("==").next().is_some_and(|name| name.eq_ignore_ascii_case(package));
        let others: Vec<&str> = pins.lines().filter(|line| !is_own(line)).collect();
        let failed = || DeploymentError::io("write a file in", std::env::temp_dir());
        let file = tempfile::NamedTempFile::new().map_err(failed())?;
        std::fs::write(file.path(), others.join("\n")).map_err(failed())?;
        self.environment(version, digest, OsStr::new(&requirement), Some(file.path())).await
    }

    /// A virtual environment with `requirement` in it, as entry of the cache.
    pub(crate) async fn environment(
        &self,
        label: &str,
        digest: String,
        requirement: &OsStr,
        constraints: Option<&Path>,
    ) -> Result<(Installed, Entry), DeploymentError> {
        let entry = Entry::lock(self.cache, &self.key(label, &digest), self.notify).await?;
        let place = entry.place().to_owned();
        let environment = Environment::at(&place.join("venv"));
        if !environment.is_usable() {
            let what = format!("{} {label}", self.adapter.name);
            (self.notify)(None, format!("installing {what} into {}", place.display()));
            let made = entry.begin()?;
            let fresh = self.python.create_environment(&made.path().join("venv")).await?;
            let mut arguments = vec![requirement];
            if let Some(constraints) = constraints {
                arguments.extend([OsStr::new("--constraint"), constraints.as_os_str()]);
            }
            fresh.pip_install(&what, &arguments, self.notify).await?;
            entry.complete(made)?;
        }
        Ok((Installed { python: environment.python(), python_path: Vec::new(), digest, place, image: None }, entry))
    }

    /// Name of an entry of the cache.
    pub(crate) fn key(&self, label: &str, digest: &str) -> String {
        format!("{}-{label}-{}", self.adapter.name, digest.get(..12).unwrap_or(digest))
    }
}

#[cfg(test)]
#[path = "install_tests.rs"]
mod tests;
