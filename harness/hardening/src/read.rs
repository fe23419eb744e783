//! Files into what is judged; which kind a file is, it says itself.

mod compose;
mod config;
mod kubernetes;
mod running;

use crate::{
    error::HardeningError,
    model::{Config, Container, Input, Kind, Place, Resources, Seen, Source},
};
use fedproof_yaml::{Diagnostic, Node, documents, message, place_of};
use std::{collections::BTreeMap, path::Path, sync::Arc};

pub use running::{Inside, inspected};

/// Reads files, and the configuration files that compose files name; those that are not there are named in
/// [`Input::unread`].
///
/// # Errors
/// A file that cannot be read or understood, or is no deployment and no configuration of Synapse.
pub fn read(files: &[impl AsRef<Path>]) -> Result<Vec<Input>, HardeningError> {
    let mut inputs = Vec::new();
    for file in files {
        inputs.extend(read_one(file.as_ref())?);
    }
    Ok(inputs)
}

fn read_one(file: &Path) -> Result<Vec<Input>, HardeningError> {
    let source = open(file)?;
    let mut documents = parse(&source)?;
    let first = documents.first();
    let has = |key: &str| first.is_some_and(|document| document.get(key).is_some());
    if has("services") && !has("kind") {
        if let Some(second) = documents.get(1) {
            let place = second.fields().first().map_or(&second.place, |field| &field.place);
            let help = Some("let compose put the documents together: `docker compose config`".to_owned());
            return Err(wrong(&source, place.written.clone(), "a second document is not followed".to_owned(), help));
        }
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        return compose::read(&source, documents.swap_remove(0), &folder);
    }
    if documents.iter().any(|document| document.get("kind").is_some() && document.get("apiVersion").is_some()) {
        return Ok(vec![kubernetes::read(&source, &documents)]);
    }
    let config = Config::of_file(&source, source.name.clone());
    if config.is_synapse() {
        return Ok(vec![config.into()]);
    }
    let title = "this is no compose file, no Kubernetes manifest and no configuration of Synapse".to_owned();
    let help =
        "a compose file has `services`, a manifest `apiVersion` and `kind`, a configuration `server_name`".into();
    Err(wrong(&source, 0..0, title, Some(help)))
}

fn open(file: &Path) -> Result<Arc<Source>, HardeningError> {
    let text =
        std::fs::read_to_string(file).map_err(|source| HardeningError::Unreadable { file: file.to_owned(), source })?;
    Ok(Arc::new(Source { name: file.display().to_string(), text: text.into() }))
}

fn parse(source: &Source) -> Result<Vec<Node>, HardeningError> {
    documents(&source.text).map_err(|error| {
        let span = place_of(&error, &source.text).unwrap_or_default();
        wrong(source, span, message(&error), None)
    })
}

fn wrong(source: &Source, span: std::ops::Range<usize>, title: String, help: Option<String>) -> HardeningError {
    HardeningError::Wrong(Box::new(Diagnostic::at(&source.name, &source.text, span, title, String::new(), help)))
}

impl Input {
    fn new(kind: Kind, source: &Arc<Source>) -> Self {
        Self {
            kind,
            source: source.clone(),
            containers: Vec::new(),
            services: Vec::new(),
            routes: Vec::new(),
            volumes: Vec::new(),
            configs: Vec::new(),
            accounts: BTreeMap::new(),
            unread: Vec::new(),
            unjudged: Vec::new(),
        }
    }
}

impl From<Config> for Input {
    fn from(config: Config) -> Self {
        Self { configs: vec![config.clone()], ..Self::new(Kind::Configuration, &config.at.source) }
    }
}

impl Container {
    /// One of which nothing is known but its name and place.
    fn new(name: String, at: Place) -> Self {
        Self {
            name,
            pod: at.clone(),
            at,
            ends: false,
            image: None,
            non_root: None,
            user: None,
            group: None,
            groups: Vec::new(),
            read_only: None,
            scratch: Vec::new(),
            dropped: Vec::new(),
            added: Vec::new(),
            privileged: None,
            escalation: None,
            seccomp: None,
            apparmor: None,
            proc: None,
            sysctls: Vec::new(),
            host_paths: Vec::new(),
            devices: Vec::new(),
            old_cgroups: false,
            host_namespaces: Vec::new(),
            ports: Vec::new(),
            limits: Resources::default(),
            requests: Resources::default(),
            liveness: None,
            readiness: None,
            environment: Vec::new(),
            command: Vec::new(),
            log_secrets: Vec::new(),
            secret_files: Vec::new(),
            data_files: Vec::new(),
            account: None,
            token: None,
        }
    }
}

/// Facts out of nodes.
trait Facts {
    fn seen<T>(&self, node: &Node, value: T) -> Seen<T>;
    fn text(&self, node: Option<&Node>) -> Option<Seen<String>>;
    fn flag(&self, node: Option<&Node>) -> Option<Seen<bool>>;
    fn texts(&self, node: Option<&Node>) -> Vec<Seen<String>>;
}

impl Facts for Arc<Source> {
    fn seen<T>(&self, node: &Node, value: T) -> Seen<T> {
        Seen { value, at: self.place(&node.place.written) }
    }

    /// A scalar.
    fn text(&self, node: Option<&Node>) -> Option<Seen<String>> {
        node.and_then(|node| Some(self.seen(node, node.text()?)))
    }

    /// True or false.
    fn flag(&self, node: Option<&Node>) -> Option<Seen<bool>> {
        node.and_then(|node| Some(self.seen(node, node.flag()?)))
    }

    /// The scalars of a list, or the only one.
    fn texts(&self, node: Option<&Node>) -> Vec<Seen<String>> {
        let Some(node) = node else { return Vec::new() };
        let all = if node.items().is_empty() { std::slice::from_ref(node) } else { node.items() };
        all.iter().filter_map(|one| self.text(Some(one))).collect()
    }
}

/// A mode as files give it: octal with a leading zero (`0440`, `0o440`), else decimal.
fn mode(text: &str) -> Option<u32> {
    match text.strip_prefix("0o").or_else(|| text.strip_prefix('0')) {
        Some(octal) if !octal.is_empty() => u32::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}
