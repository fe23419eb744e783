//! Which build of which homeserver: `synapse@1.163.2`, `synapse@path:DIR`, `synapse@image:REF`.

use crate::DeploymentError;
use std::{fmt, path::PathBuf, str::FromStr};

/// The build of a homeserver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Spec {
    /// A release, from the implementation's package index.
    Version {
        /// Name of the adapter.
        implementation: String,
        /// The release.
        version: String,
    },
    /// A checkout or an unpacked source distribution.
    Path {
        /// Name of the adapter.
        implementation: String,
        /// Its folder.
        dir: PathBuf,
    },
    /// A container image, for the backend `compose`.
    Image {
        /// Name of the adapter.
        implementation: String,
        /// As the engine knows it.
        reference: String,
    },
}

impl Spec {
    /// Name of the adapter.
    pub fn implementation(&self) -> &str {
        match self {
            Self::Version { implementation, .. }
            | Self::Path { implementation, .. }
            | Self::Image { implementation, .. } => implementation,
        }
    }
}

impl FromStr for Spec {
    type Err = DeploymentError;

    fn from_str(spec: &str) -> Result<Self, DeploymentError> {
        let bad = |message: &str| DeploymentError::Spec { spec: spec.to_owned(), message: message.to_owned() };
        if spec.starts_with("url:") {
            return Err(bad("a homeserver that is already running (url:) belongs to a later issue"));
        }
        let (implementation, build) = spec
            .split_once('@')
            .ok_or_else(|| bad("an implementation, @ and a build, such as synapse@1.163.2 or synapse@path:DIR"))?;
        // Both become part of file names.
        let plain = |text: &str, extra: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.chars().all(|c| c.is_ascii_alphanumeric() || extra.contains(c))
        };
        if !plain(implementation, "-_") {
            return Err(bad("before the @ stands the name of an implementation: letters, digits, - and _"));
        }
        let implementation = implementation.to_owned();
        if let Some(dir) = build.strip_prefix("path:") {
            if dir.is_empty() {
                return Err(bad("after path: stands a folder"));
            }
            return Ok(Self::Path { implementation, dir: dir.into() });
        }
        if let Some(reference) = build.strip_prefix("image:") {
            if !plain(reference, ".-_:/@") {
                return Err(bad(
                    "after image: stands the reference of a container image, such as fedproof/synapse:1.163.2",
                ));
            }
            return Ok(Self::Image { implementation, reference: reference.to_owned() });
        }
        if !plain(build, ".-_+") || !build.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(bad("after the @ stands a version such as 1.163.2, path:DIR or image:REF"));
        }
        Ok(Self::Version { implementation, version: build.to_owned() })
    }
}

impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version { implementation, version } => write!(f, "{implementation}@{version}"),
            Self::Path { implementation, dir } => write!(f, "{implementation}@path:{}", dir.display()),
            Self::Image { implementation, reference } => write!(f, "{implementation}@image:{reference}"),
        }
    }
}
