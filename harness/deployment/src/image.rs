//! Builds that are container images.

use crate::{
    DeploymentError, Spec,
    cache::Entry,
    container::Image,
    engine::{self, Project},
    install::{Installed, Installer},
};
use std::sync::Arc;

/// Finds the image of `spec`. What is prepared with it is kept in the cache, by the image's identity.
pub(crate) async fn ensure(
    installer: &Installer<'_>,
    project: &Arc<Project>,
    spec: &Spec,
) -> Result<(Installed, Entry), DeploymentError> {
    let install = &installer.adapter.data.install;
    let reference = match spec {
        Spec::Image { reference, .. } => reference.clone(),
        Spec::Version { version, .. } => install.image.replace("${version}", version),
        Spec::Path { .. } => return Err(no_checkout(spec)),
    };
    let asked = engine::engine("find the image", &["image", "inspect", "--format", "{{.Id}}", &reference]).await;
    let id = asked.map_err(|_| DeploymentError::NoImage { reference: reference.clone() })?;
    let digest = id.trim_start_matches("sha256:").to_owned();
    let entry = Entry::lock(installer.cache, &installer.key("image", &digest), installer.notify).await?;
    let place = entry.place().to_owned();
    std::fs::create_dir_all(&place).map_err(DeploymentError::io("create", &place))?;
    let installed = Installed {
        python: installer.python.program().to_owned(),
        python_path: Vec::new(),
        digest,
        place,
        image: Some(Image { project: project.clone(), reference }),
    };
    Ok((installed, entry))
}

/// What is wrong with a checkout where homeservers run in containers.
pub(crate) fn no_checkout(spec: &Spec) -> DeploymentError {
    let message = "a checkout runs with the backend `process`; for `compose`, build an image of it and say image:REF";
    DeploymentError::Spec { spec: spec.to_string(), message: message.to_owned() }
}

/// What is wrong with an image where homeservers run as processes.
pub(crate) fn no_container(spec: &Spec) -> DeploymentError {
    let message = "a container image runs with the backend `compose` (--backend compose)";
    DeploymentError::Spec { spec: spec.to_string(), message: message.to_owned() }
}
