//! Builds from a checkout or an unpacked source distribution: the rebase under test.
//!
//! Compiling takes minutes, and most rebases touch Python only. So if the checkout names a released version, and what
//! the compiled parts are made of is byte for byte that release's, the release is installed and the checkout's package
//! laid over it; otherwise pip builds the checkout.

use crate::{
    DeploymentError, Spec,
    adapter::Overlay,
    cache::{self, Entry},
    command,
    install::{Installed, Installer},
    python,
};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// Installs the checkout at `dir`, or finds that the same files are installed.
pub(crate) async fn ensure(installer: &Installer<'_>, dir: &Path) -> Result<(Installed, Entry), DeploymentError> {
    let Installer { adapter, python, notify, .. } = installer;
    let source = &adapter.data.install.source;
    let version = version_of(installer, dir)?;
    let label = format!("{version}-path");
    let files = cache::digest_of_files(dir, &source.inputs)?;
    let constraints = adapter.constraints(&version).ok();
    let pins = match &constraints {
        Some(file) => crate::yaml::text(file)?,
        None => String::new(),
    };
    let parts = [&adapter.name, &label, &files, &pins, &python.version];
    let digest = cache::digest(parts.map(|part| part.as_bytes()));
    if let (Some(overlay), Some(_)) = (&source.overlay, &constraints) {
        let compiled = cache::digest_of_files(dir, &overlay.inputs)?;
        if adapter.compiled_digest(&version).is_some_and(|released| released == compiled) {
            return lay_over(installer, dir, overlay, &version, &label, digest).await;
        }
        notify(None, format!("compiling {}: {compiled} is not what {version} was compiled of", dir.display()));
    } else if constraints.is_none() {
        notify(None, format!("no constraints for {version}: it gets the newest of what it depends on"));
    }
    let absolute = std::path::absolute(dir).map_err(DeploymentError::io("find", dir))?;
    installer.environment(&label, digest, absolute.as_os_str(), constraints.as_deref()).await
}

/// Lays the checkout's package over the release's.
async fn lay_over(
    installer: &Installer<'_>,
    dir: &Path,
    overlay: &Overlay,
    version: &str,
    label: &str,
    digest: String,
) -> Result<(Installed, Entry), DeploymentError> {
    let (release, release_entry) = installer.ensure_version(version).await?;
    drop(release_entry);
    let entry = Entry::lock(installer.cache, &installer.key(label, &digest), installer.notify).await?;
    let place = entry.place().to_owned();
    let packages = place.join("packages");
    if !packages.is_dir() {
        let what = format!("{} {label}", installer.adapter.name);
        (installer.notify)(None, format!("installing {what}: {} over {version}", dir.display()));
        let made = entry.begin()?;
        let package = made.path().join("packages").join(&overlay.package);
        copy(&dir.join(&overlay.package), &package, &cache::files(&dir.join(&overlay.package))?)?;
        let environment = python::Environment::at(&release.place.join("venv"));
        let from = environment.packages()?.join(&overlay.package);
        copy(&from, &package, &compiled(&from, &overlay.compiled)?)?;
        let mut command = Command::new(&release.python);
        // Whether or not Python may write byte code beside the source later: without, each start costs seconds.
        command.args(["-m", "compileall", "-q"]).arg(made.path());
        command::run(&what, command, |_| {}).await?;
        entry.complete(made)?;
    }
    Ok((Installed { python: release.python, python_path: vec![packages], digest, place, image: None }, entry))
}

/// The version that `pyproject.toml` in `dir` names.
fn version_of(installer: &Installer<'_>, dir: &Path) -> Result<String, DeploymentError> {
    let spec = Spec::Path { implementation: installer.adapter.name.clone(), dir: dir.to_owned() };
    let bad = |message: String| DeploymentError::Spec { spec: spec.to_string(), message };
    let file = dir.join("pyproject.toml");
    let text = std::fs::read_to_string(&file).map_err(|error| bad(format!("{}: {error}", file.display())))?;
    let mut in_project = false;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            in_project = line == "[project]" || line == "[tool.poetry]";
        } else if in_project
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == "version"
        {
            let version: String = value.trim().trim_matches(['"', '\'']).to_owned();
            // It becomes part of a file name.
            if !version.is_empty() && version.chars().all(|c| c.is_ascii_alphanumeric() || "._+-".contains(c)) {
                return Ok(version);
            }
        }
    }
    Err(bad(format!("{} names no version under [project] or [tool.poetry]", file.display())))
}

/// Files below `package` whose names match one of `patterns` (`*` and a suffix).
fn compiled(package: &Path, patterns: &[String]) -> Result<Vec<PathBuf>, DeploymentError> {
    let entries = std::fs::read_dir(package).map_err(DeploymentError::io("read", package))?;
    let matches = |name: &str| patterns.iter().any(|pattern| name.ends_with(pattern.trim_start_matches('*')));
    Ok(entries.flatten().filter(|e| matches(&e.file_name().to_string_lossy())).map(|entry| entry.path()).collect())
}

/// Copies `files`, which are below `from`, to the same places below `to`.
fn copy(from: &Path, to: &Path, files: &[PathBuf]) -> Result<(), DeploymentError> {
    for file in files {
        let target = to.join(file.strip_prefix(from).unwrap_or(file));
        let parent = target.parent().unwrap_or(to);
        std::fs::create_dir_all(parent).map_err(DeploymentError::io("create", parent))?;
        std::fs::copy(file, &target).map_err(DeploymentError::io("write", &target))?;
    }
    Ok(())
}
