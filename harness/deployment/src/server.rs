//! A homeserver's folder and its start: what both a deployment and the making of a prepared database need.

use crate::{
    DeploymentError,
    adapter::Adapter,
    cache,
    container::{self, Container, Service},
    database::Store,
    install::Installed,
    log,
    port::Port,
    process::Process,
    template::{Values, merge},
    yaml,
};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::Read,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    process::Command,
    time::{Instant, MissedTickBehavior, interval},
};

/// How long a homeserver may take until it is ready. Three seconds are usual; a machine that is busy needs more.
const BOOT_LIMIT: Duration = Duration::from_secs(120);
/// How long it may take to end when asked to, before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(15);
/// How often it is asked whether it is ready.
const READY_EVERY: Duration = Duration::from_millis(25);
/// How long one such question may take.
const READY_ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// The gateway's certificate, in a homeserver's folder.
const CA: &str = "gateway-ca.pem";

/// One of the processes that a homeserver consists of.
pub(crate) struct Part<'a> {
    /// For messages.
    pub(crate) name: &'a str,
    pub(crate) log: &'a Path,
    /// Where the launcher records it.
    pub(crate) state: &'a Path,
    /// After the launcher's own.
    pub(crate) arguments: &'a [String],
    /// Paths that answer 200 once it is ready.
    pub(crate) ready: &'a [String],
    /// Its listener.
    pub(crate) address: SocketAddr,
}

/// What it takes to start a homeserver.
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) adapter: Arc<Adapter>,
    pub(crate) installed: Installed,
    /// Where it keeps its data, and what it begins with.
    pub(crate) store: Store,
    /// The build that it can be upgraded to, and its specification.
    pub(crate) upgrade: Option<(String, Installed)>,
    /// Whether the next boot is of that build.
    pub(crate) upgraded: AtomicBool,
    pub(crate) folder: PathBuf,
    /// Address that others reach it at.
    pub(crate) bind: IpAddr,
    pub(crate) log: PathBuf,
    /// Where the launcher records its process.
    pub(crate) state: PathBuf,
    /// Merged over the first of the adapter's files, in this order.
    pub(crate) settings: Vec<Value>,
    /// Beside the adapter's variables.
    pub(crate) environment: BTreeMap<String, String>,
    pub(crate) http: reqwest::Client,
}

impl Server {
    /// Writes the configuration, with `values` filled in.
    pub(crate) fn configure(&self, values: &Values) -> Result<(), DeploymentError> {
        for (index, (name, template)) in self.adapter.data.files.iter().enumerate() {
            let file = self.adapter.folder.join(template);
            let mut content: Value = yaml::read(&file)?;
            if index == 0 {
                self.settings.iter().for_each(|settings| merge(&mut content, settings));
            }
            values.fill(&file, &mut content)?;
            let target = self.folder.join(name);
            // JSON is YAML, and leaves no reader in doubt about what is a text and what is `on`.
            std::fs::write(&target, format!("{content:#}\n")).map_err(DeploymentError::io("write", &target))?;
        }
        Ok(())
    }

    /// The build that runs, or will.
    fn current(&self) -> &Installed {
        let upgrade = self.upgrade.as_ref().filter(|_| self.upgraded.load(Ordering::SeqCst));
        upgrade.map_or(&self.installed, |(_, installed)| installed)
    }

    /// Puts the first build in its place, with an empty database. It must not run.
    pub(crate) async fn begin_anew(&self) -> Result<(), DeploymentError> {
        self.upgraded.store(false, Ordering::SeqCst);
        self.store.begin_anew(&self.folder.join(&self.adapter.data.database.file)).await
    }

    /// The process that it consists of, or the main one of several, at `address`.
    pub(crate) fn main(&self, address: SocketAddr) -> Part<'_> {
        let Self { name, log, state, .. } = self;
        let (arguments, ready) = (&self.adapter.data.start.arguments, &self.adapter.data.ready);
        Part { name, log, state, arguments, ready, address }
    }

    /// Starts `part` of it and waits until it is ready. Dropping the future kills it.
    pub(crate) async fn boot(&self, values: &Values, part: &Part<'_>) -> Result<Process, DeploymentError> {
        let (log, log_from) = log::open(part.log)?;
        let (command, container) = self.command(values, part, log)?;
        let process = Process::spawn(part.name, command, container)?;
        let began = Instant::now();
        let mut last = "no answer".to_owned();
        let name = || part.name.to_owned();
        tokio::select! {
            () = self.ready(part, &mut last) => Ok(process),
            status = process.wait() => {
                let log = log::tail(part.log, log_from);
                Err(DeploymentError::EndedAtStart { name: name(), status, log })
            }
            () = tokio::time::sleep_until(began + BOOT_LIMIT) => {
                process.kill().await;
                let log = log::tail(part.log, log_from);
                Err(DeploymentError::NotReady { name: name(), limit: BOOT_LIMIT, last: last.clone(), log })
            }
        }
    }

    /// What starts a part, and its container if it runs in one.
    fn command(
        &self,
        values: &Values,
        part: &Part<'_>,
        log: std::fs::File,
    ) -> Result<(Command, Option<Container>), DeploymentError> {
        let start = &self.adapter.data.start;
        let adapter = self.adapter.folder.join("adapter.yaml");
        let inside = |path: &Path| match &self.current().image {
            Some(image) => image.inside(&self.folder, path),
            None => path.to_owned(),
        };
        let path = |path: &Path| inside(path).to_string_lossy().into_owned();
        let mut words = vec![path(&self.adapter.folder.join(&start.launcher)), "--state".to_owned(), path(part.state)];
        if let Some(mutants) = start.mutants.as_ref().map(|file| self.adapter.folder.join(file))
            && mutants.is_file()
        {
            words.extend(["--mutants".to_owned(), path(&mutants)]);
        }
        words.push("--".to_owned());
        for argument in part.arguments {
            words.push(values.fill_text(&adapter, argument)?);
        }
        let mut environment = BTreeMap::new();
        for (name, value) in &start.environment {
            environment.insert(name.clone(), values.fill_text(&adapter, value)?);
        }
        environment.extend(self.environment.clone());
        let modules = start.modules.iter().map(|folder| inside(&self.adapter.folder.join(folder)));
        let packages: Vec<PathBuf> = self.current().python_path.iter().cloned().chain(modules).collect();
        if !packages.is_empty() {
            let joined = std::env::join_paths(&packages).map_err(std::io::Error::other);
            let joined = joined.map_err(DeploymentError::io("look for packages in", &self.folder))?;
            environment.insert("PYTHONPATH".to_owned(), joined.to_string_lossy().into_owned());
        }
        let (mut command, container) = match &self.current().image {
            Some(image) => {
                let folders = self.store.postgresql().map(|(server, _)| server.socket().to_owned());
                let (command, container) = image.command(&Service {
                    name: part.name,
                    words,
                    environment,
                    folder: &self.folder,
                    folders: folders.into_iter().collect(),
                    published: SocketAddr::new(self.bind, part.address.port()),
                    ready: part.ready.first().map_or("/", String::as_str),
                })?;
                (command, Some(container))
            }
            None => (self.on_this_machine(words, environment), None),
        };
        command.stderr(log);
        Ok((command, container))
    }

    fn on_this_machine(&self, words: Vec<String>, environment: BTreeMap<String, String>) -> Command {
        let mut command = Command::new(&self.current().python);
        let removed = &self.adapter.data.start.environment_removed;
        for (name, _) in std::env::vars_os() {
            let shown = name.to_string_lossy().to_lowercase();
            if removed.iter().any(|pattern| matches(&pattern.to_lowercase(), &shown)) {
                command.env_remove(&name);
            }
        }
        command.args(words).envs(environment).current_dir(&self.folder);
        command
    }

    /// Returns once every ready path answered 200.
    async fn ready(&self, part: &Part<'_>, last: &mut String) {
        let mut ticks = interval(READY_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for path in part.ready {
            loop {
                ticks.tick().await;
                match self.get(part.address, path).await {
                    Ok(response) if response.status() == 200 => break,
                    Ok(response) => *last = format!("{} from {path}", response.status()),
                    Err(error) => *last = format!("no answer from {path} ({})", error.without_url()),
                }
            }
        }
    }

    /// Which version the homeserver at `address` says it is; empty if it does not say.
    pub(crate) async fn version(&self, address: SocketAddr) -> String {
        let query = &self.adapter.data.version;
        let Ok(response) = self.get(address, &query.path).await else { return String::new() };
        let answer: Value = response.json().await.unwrap_or_default();
        answer.pointer(&query.pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    async fn get(&self, address: SocketAddr, path: &str) -> Result<reqwest::Response, reqwest::Error> {
        self.http.get(format!("http://{address}{path}")).timeout(READY_ANSWER_LIMIT).send().await
    }
}

/// Asks `process` to end, lets it, and kills it if it does not.
pub(crate) async fn stop(process: &Process) {
    process.expect_end();
    process.ask_to_end().await;
    if tokio::time::timeout(STOP_LIMIT, process.wait()).await.is_err() {
        process.kill().await;
    }
}

/// Whether `text` is `pattern`, in which `*` at the start or the end stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => text == pattern,
    }
}

/// The values of the placeholders; writes the gateway's certificate where they say.
pub(crate) fn values(
    name: &str,
    server_name: &str,
    folder: &Path,
    ca_pem: &str,
    installed: &Installed,
    port: &Port,
    proxy: SocketAddr,
) -> Result<Values, DeploymentError> {
    let ca = folder.join(CA);
    std::fs::write(&ca, ca_pem).map_err(DeploymentError::io("write", &ca))?;
    let mut values = Values::default();
    values.set("name", name);
    values.set("server_name", server_name);
    values.set("port", port.address().port());
    values.set("public_port", port.address().port());
    // A container has an address of its own, which is published where others are to reach it.
    let bind = if installed.image.is_some() { Ipv4Addr::UNSPECIFIED.into() } else { port.ip() };
    values.set("bind", bind.to_string());
    values.set("proxy_host", proxy.ip().to_string());
    values.set("proxy_port", proxy.port());
    let folder = if installed.image.is_some() { Path::new(container::FOLDER) } else { folder };
    values.set("gateway_ca", folder.join(CA).to_string_lossy());
    values.set("folder", folder.to_string_lossy());
    // What a signing key is called matters to nobody, as long as two keys of one name are told apart.
    values.set("key_id", cache::hex(&random::<4>()?));
    values.set("signing_key", STANDARD_NO_PAD.encode(random::<32>()?));
    values.set("secret", cache::hex(&random::<32>()?));
    Ok(values)
}

/// Random bytes from the kernel.
fn random<const N: usize>() -> Result<[u8; N], DeploymentError> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; N];
    std::fs::File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(DeploymentError::io("read", source))?;
    Ok(bytes)
}
