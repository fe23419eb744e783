//! Which client, and what its adapter says.

use crate::AgentError;
use serde::Deserialize;
use std::{
    path::{Component, Path, PathBuf},
    str::FromStr,
};

/// Which client is under test: `rust-sdk`, or with a checkout of its SDK `rust-sdk@path:DIR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSpec {
    /// Name of the adapter.
    pub name: String,
    /// The SDK's checkout, if it is not the released one.
    pub checkout: Option<PathBuf>,
}

impl FromStr for ClientSpec {
    type Err = AgentError;

    fn from_str(spec: &str) -> Result<Self, AgentError> {
        let bad = |message: &str| AgentError::Spec { spec: spec.to_owned(), message: message.to_owned() };
        let (name, build) = spec.split_once('@').map_or((spec, None), |(name, build)| (name, Some(build)));
        let is_plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !is_plain {
            return Err(bad("expected the name of a folder in fixtures/clients, such as rust-sdk"));
        }
        let checkout = match build {
            None => None,
            Some(build) => match build.strip_prefix("path:").filter(|dir| !dir.is_empty()) {
                Some(dir) => Some(std::path::absolute(dir).map_err(AgentError::io("find", dir))?),
                None => return Err(bad("after the @ stands path: and the folder of a checkout of the SDK")),
            },
        };
        Ok(Self { name: name.to_owned(), checkout })
    }
}

/// `adapter.yaml`. In all texts `${source}` is the folder of the agent's sources, `${target}` a folder for what is
/// built, and in `checkout` `${checkout}` the SDK's folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Adapter {
    /// What it is, in plain words.
    #[serde(rename = "about")]
    pub(crate) _about: String,
    /// Folders of the project that are built, in the order they are named; the first is `${source}`. They are taken
    /// into the cache with their relative places, so that one build serves every clone and no build touches a clone.
    pub(crate) sources: Vec<PathBuf>,
    /// Program and arguments; run before every use, so it must be quick where nothing has changed.
    pub(crate) build: Vec<String>,
    /// More arguments where the SDK is a checkout.
    #[serde(default)]
    pub(crate) checkout: Vec<String>,
    /// Arguments that a build from a checkout must do without.
    #[serde(default)]
    pub(crate) released_only: Vec<String>,
    /// Texts in the build's output that say that the SDK in it would not be the checkout.
    #[serde(default)]
    pub(crate) not_the_checkout: Vec<String>,
    /// The program that was built, if it is one file: linked to a place of its own, `${program}` in `start`, so that no
    /// later build changes it under a run.
    pub(crate) program: Option<String>,
    /// Program and arguments.
    pub(crate) start: Vec<String>,
}

impl Adapter {
    /// Reads the adapter of that name below `fixtures`.
    pub(crate) fn read(fixtures: &Path, name: &str) -> Result<Self, AgentError> {
        let file = fixtures.join("clients").join(name).join("adapter.yaml");
        let bad = |message: String| AgentError::Adapter { file: file.clone(), message };
        let text = std::fs::read_to_string(&file).map_err(|error| bad(error.to_string()))?;
        let adapter: Self = serde_saphyr::from_str(&text).map_err(|error| bad(error.to_string()))?;
        if adapter.sources.is_empty() || adapter.build.is_empty() || adapter.start.is_empty() {
            return Err(bad("`sources`, `build` and `start` must not be empty".to_owned()));
        }
        let leads_out = |source: &&PathBuf| !source.components().all(|part| matches!(part, Component::Normal(_)));
        if let Some(source) = adapter.sources.iter().find(leads_out) {
            let message = format!("`sources` are folders of the project, without `..`: {} is not", source.display());
            return Err(bad(message));
        }
        Ok(adapter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_lie_within_the_project() {
        let fixtures = tempfile::tempdir().unwrap();
        let folder = fixtures.path().join("clients/x");
        std::fs::create_dir_all(&folder).unwrap();
        for (sources, good) in
            [("[a/b]", true), ("[a, ../b]", false), ("[/etc]", false), ("[a/../..]", false), ("[]", false)]
        {
            let text = format!("about: x\nsources: {sources}\nbuild: [true]\nstart: [true]\n");
            std::fs::write(folder.join("adapter.yaml"), text).unwrap();
            assert_eq!(Adapter::read(fixtures.path(), "x").is_ok(), good, "{sources}");
        }
    }

    #[test]
    fn a_client_is_named_with_or_without_a_checkout() {
        assert_eq!("rust-sdk".parse::<ClientSpec>().unwrap(), ClientSpec { name: "rust-sdk".into(), checkout: None });
        let fork: ClientSpec = "rust-sdk@path:/fork".parse().unwrap();
        assert_eq!(fork.checkout, Some("/fork".into()));
        for wrong in ["", "../x", "rust-sdk@1.0", "rust-sdk@path:"] {
            assert!(wrong.parse::<ClientSpec>().is_err(), "{wrong:?}");
        }
    }
}
