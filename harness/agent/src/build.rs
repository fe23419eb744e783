//! Agents are built before they are used, by whatever their adapter says.

use crate::{AgentError, ClientSpec, adapter::Adapter, kept::Kept};
use fedproof_deployment::{CacheEntry, Notify, command};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{process::Command, sync::watch};

/// A built agent: what it takes to start one.
#[derive(Clone, Debug)]
pub struct Program {
    /// Name of its adapter.
    pub name: String,
    pub(crate) start: Vec<String>,
    _kept: Option<Arc<Kept>>,
}

impl Program {
    /// Builds the client `spec` in the cache; `root` is the project's folder. What is up to date is not built again: the
    /// build tool of the SDK knows best.
    ///
    /// # Errors
    /// When the adapter cannot be read, or the build fails.
    pub async fn build(spec: &ClientSpec, root: &Path, cache: &Path, notify: &Notify) -> Result<Self, AgentError> {
        let adapter = Adapter::read(&root.join("fixtures"), &spec.name)?;
        // One at a time: another clone's sources must not come in between.
        let not_built = |source| AgentError::NotBuilt { client: spec.name.clone(), source: Box::new(source) };
        let entry = CacheEntry::lock(&cache.join("clients"), &key(&adapter, spec), notify).await.map_err(not_built)?;
        let place = entry.place();
        let sources = place.join("sources");
        for folder in &adapter.sources {
            mirror(&root.join(folder), &sources.join(folder))?;
        }
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let values = [
            ("${source}", text(&sources.join(&adapter.sources[0]))),
            ("${target}", text(&place.join("target"))),
            ("${checkout}", spec.checkout.as_deref().map(text).unwrap_or_default()),
        ];
        let filled = |texts: &[String]| -> Vec<String> {
            let fill =
                |text: &String| values.iter().fold(text.clone(), |text, (name, value)| text.replace(name, value));
            texts.iter().map(fill).collect()
        };
        let mut build = filled(&adapter.build);
        if spec.checkout.is_some() {
            build.retain(|argument| !adapter.released_only.contains(argument));
            build.extend(filled(&adapter.checkout));
        }
        let mut command = Command::new(&build[0]);
        command.args(&build[1..]).current_dir(&sources);
        let what = format!("the client {}", spec.name);
        let (not_it, mut is_not_it) = watch::channel(String::new());
        let tell = |line: &str| {
            let line = line.trim();
            if adapter.not_the_checkout.iter().any(|text| line.contains(text)) {
                not_it.send_replace(line.to_owned());
            }
            if line.starts_with("Compiling ") || line.starts_with("Downloaded ") {
                notify(None, format!("{what}: {line}"));
            }
        };
        let built = tokio::select! {
            biased;
            Ok(line) = is_not_it.wait_for(|line| !line.is_empty()), if spec.checkout.is_some() => {
                return Err(AgentError::NotTheCheckout { client: spec.name.clone(), line: line.clone() });
            }
            built = command::run(&what, command, tell) => built,
        };
        built.map_err(not_built)?;
        let program = adapter.program.iter().flat_map(|program| filled(std::slice::from_ref(program))).next();
        let kept = program.map(|program| Kept::of(Path::new(&program), place)).transpose()?;
        let mut start = filled(&adapter.start);
        if let Some(kept) = &kept {
            start.iter_mut().for_each(|argument| *argument = argument.replace("${program}", &text(&kept.program)));
        }
        Ok(Self { name: spec.name.clone(), start, _kept: kept.map(Arc::new) })
    }

    /// A program that is there already.
    pub fn ready(name: &str, start: Vec<String>) -> Self {
        Self { name: name.to_owned(), start, _kept: None }
    }
}

/// What building leaves behind: neither taken along nor taken away.
const LEFTOVERS: [&str; 2] = ["target", "node_modules"];

/// Where in the cache a client is built. Adapters of one program share its build. A fork's has a place of its own, or the
/// two would push each other out.
fn key(adapter: &Adapter, spec: &ClientSpec) -> String {
    let source = adapter.sources[0].to_string_lossy();
    let program: String = source.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    match &spec.checkout {
        None => program,
        Some(checkout) => {
            let mut hasher = DefaultHasher::new();
            checkout.hash(&mut hasher);
            format!("{program}-{:016x}", hasher.finish())
        }
    }
}

/// Makes `to` what `from` is. What is equal stays untouched, with its time, so that nothing is built again for it.
fn mirror(from: &Path, to: &Path) -> Result<(), AgentError> {
    std::fs::create_dir_all(to).map_err(AgentError::io("create", to))?;
    let entries = |path: &Path| -> Result<Vec<PathBuf>, AgentError> {
        let read = std::fs::read_dir(path).map_err(AgentError::io("read", path))?;
        Ok(read.flatten().map(|entry| entry.path()).collect())
    };
    for entry in entries(from)? {
        let name = entry.file_name().unwrap_or_default();
        if LEFTOVERS.iter().any(|leftover| name == *leftover) {
            continue;
        }
        if entry.is_dir() {
            mirror(&entry, &to.join(name))?;
            continue;
        }
        let (new, place) = (std::fs::read(&entry).map_err(AgentError::io("read", &entry))?, to.join(name));
        if std::fs::read(&place).is_ok_and(|old| old == new) {
            continue;
        }
        std::fs::write(&place, new).map_err(AgentError::io("write", place))?;
    }
    for entry in entries(to)? {
        let name = entry.file_name().unwrap_or_default();
        if !from.join(name).exists() && LEFTOVERS.iter().all(|leftover| name != *leftover) {
            let removed = if entry.is_dir() { std::fs::remove_dir_all(&entry) } else { std::fs::remove_file(&entry) };
            removed.map_err(AgentError::io("remove", entry))?;
        }
    }
    Ok(())
}
