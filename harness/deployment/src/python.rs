//! Python on this machine, and virtual environments made with it.

use crate::{DeploymentError, Notify, command::run};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// Asks an interpreter for its version and what it lacks, without importing more than that takes: every start asks.
const ASK: &str = "\
import sys, importlib.util
lack = [name for name in ('venv', 'ensurepip') if not importlib.util.find_spec(name)]
if sys.version_info < (3, 9): lack.insert(0, 'being 3.9')
print('.'.join(map(str, sys.version_info[:3])), ' and '.join(lack))
";

/// A Python interpreter.
#[derive(Clone, Debug)]
pub(crate) struct Python {
    program: PathBuf,
    /// Such as `3.11.7`.
    pub(crate) version: String,
}

impl Python {
    /// The one to use: `$FEDPROOF_PYTHON`, or `python3` on the path.
    ///
    /// # Errors
    /// When it is missing, too old, or has no `venv`.
    pub(crate) async fn find() -> Result<Self, DeploymentError> {
        let program = std::env::var_os("FEDPROOF_PYTHON").filter(|set| !set.is_empty()).unwrap_or("python3".into());
        Self::at(program.into()).await
    }

    /// The one at `program`, checked.
    pub(crate) async fn at(program: PathBuf) -> Result<Self, DeploymentError> {
        let bad = |message: String| DeploymentError::Python { program: program.display().to_string(), message };
        let output = Command::new(&program)
            .args(["-I", "-S", "-c", ASK])
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| bad(error.to_string()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(bad(said.lines().last().unwrap_or("it says nothing").to_owned()));
        }
        let said = String::from_utf8_lossy(&output.stdout);
        match said.trim_end_matches('\n').split_once(' ') {
            Some((version, "")) => Ok(Self { program, version: version.to_owned() }),
            Some((version, lack)) => Err(bad(format!("version {version} lacks {lack}"))),
            None => Err(bad(format!("it answers {said:?}"))),
        }
    }

    /// Its program.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// Creates a virtual environment with pip at `place`.
    pub(crate) async fn create_environment(&self, place: &Path) -> Result<Environment, DeploymentError> {
        let mut command = Command::new(&self.program);
        command.args(["-m", "venv"]).arg(place);
        run("a virtual environment", command, |_| {}).await?;
        Ok(Environment::at(place))
    }
}

/// A virtual environment. Its scripts hold absolute paths, so everything is run as `python -m …`, which lets it move.
#[derive(Clone, Debug)]
pub(crate) struct Environment {
    place: PathBuf,
}

impl Environment {
    /// The one at `place`.
    pub(crate) fn at(place: &Path) -> Self {
        Self { place: place.to_owned() }
    }

    /// Its interpreter.
    pub(crate) fn python(&self) -> PathBuf {
        self.place.join("bin/python")
    }

    /// Whether it can be used still: the interpreter it is made of may be gone.
    pub(crate) fn is_usable(&self) -> bool {
        self.python().is_file()
    }

    /// `pip install` with `arguments`. pip's own configuration and environment apply.
    pub(crate) async fn pip_install(
        &self,
        what: &str,
        arguments: &[&std::ffi::OsStr],
        notify: &Notify,
    ) -> Result<(), DeploymentError> {
        let mut command = Command::new(self.python());
        command
            .args(["-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"])
            .args(arguments);
        run(what, command, |line| {
            let line = line.trim();
            if ["Collecting ", "Building ", "Installing "].iter().any(|start| line.starts_with(start)) {
                let short = line.split(['(', ':', '=', '<', '>', '!']).next().unwrap_or(line);
                notify(None, format!("{what}: {}", short.trim_end()));
            }
        })
        .await
    }

    /// The folder of installed packages.
    pub(crate) fn packages(&self) -> Result<PathBuf, DeploymentError> {
        let lib = self.place.join("lib");
        let found = std::fs::read_dir(&lib).map_err(DeploymentError::io("read", &lib))?.flatten();
        let mut packages = found.map(|entry| entry.path().join("site-packages")).filter(|path| path.is_dir());
        packages.next().ok_or_else(|| {
            DeploymentError::io("find site-packages in", lib)(std::io::Error::from(std::io::ErrorKind::NotFound))
        })
    }
}
