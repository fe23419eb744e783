//! What can go wrong with a deployment, and whose fault it is.

use std::{io, path::PathBuf, time::Duration};

/// Whose fault an error is: decides the exit code of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A description, specification or override that cannot work anywhere (exit code 2).
    BadInput,
    /// This machine, its network or the homeserver under test (exit code 3).
    Environment,
}

/// Why a deployment could not be described, installed, started or driven.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// A YAML file of the deployment or of an adapter is not what it should be.
    #[error("read {}{}: {message}", file.display(), position.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default())]
    Yaml {
        /// The file.
        file: PathBuf,
        /// Line and column, from 1.
        position: Option<(u64, u64)>,
        /// What is wrong.
        message: String,
    },
    /// A file that should be there is not.
    #[error("read {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The description reads well and makes no sense.
    #[error("use deployment {deployment}: {message}")]
    Description {
        /// Its name.
        deployment: String,
        /// What is wrong.
        message: String,
    },
    /// An override names a homeserver that the deployment does not have.
    #[error("replace homeserver {name}: the deployment has {}", known.join(", "))]
    UnknownHomeserver {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A specification such as `synapse@1.163.2` cannot be understood.
    #[error("understand the homeserver specification {spec:?}: {message}")]
    Spec {
        /// As it was given.
        spec: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// There is no adapter of that name.
    #[error("find the homeserver implementation {name}: there is {}", known.join(", "))]
    UnknownImplementation {
        /// The name asked for.
        name: String,
        /// The adapters there are.
        known: Vec<String>,
    },
    /// The version has no constraints file.
    #[error(
        "install {implementation} {version}: there is no constraints file for it (there are {}); in a virtual environment in which that version starts, `pip freeze > {}`",
        known.join(", "), add.display()
    )]
    UnknownVersion {
        /// The implementation.
        implementation: String,
        /// The version asked for.
        version: String,
        /// The versions that have one.
        known: Vec<String>,
        /// Where to add one.
        add: PathBuf,
    },
    /// A placeholder of a template has no value.
    #[error("fill in {}: nothing is called ${{{placeholder}}} (known: {})", file.display(), known.join(", "))]
    Placeholder {
        /// The template.
        file: PathBuf,
        /// The unknown name.
        placeholder: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// A file or folder could not be written, copied or locked.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// There is no usable Python.
    #[error("use {program}: {message} (fedproof needs Python 3.9 or newer with its venv module)")]
    Python {
        /// The program tried.
        program: String,
        /// What happened.
        message: String,
    },
    /// A step of an installation ended badly.
    #[error("install {what}: `{command}` ended with {status}:\n{output}")]
    Install {
        /// What was being installed.
        what: String,
        /// The command.
        command: String,
        /// How it ended.
        status: String,
        /// The last lines it wrote.
        output: String,
    },
    /// The homeserver's process could not be started at all.
    #[error("start {program} for {name}: {source}")]
    Spawn {
        /// The homeserver.
        name: String,
        /// The program.
        program: PathBuf,
        /// The system's word.
        source: io::Error,
    },
    /// The homeserver ended before it was ready.
    #[error("start homeserver {name}: it ended with {status}; the end of its log:\n{log}")]
    EndedAtStart {
        /// The homeserver.
        name: String,
        /// How it ended.
        status: String,
        /// Its last log lines.
        log: String,
    },
    /// Somebody else listens on the port that was chosen for it.
    #[error("start homeserver {name}: port {port} is in use by another program")]
    PortInUse {
        /// The homeserver.
        name: String,
        /// The port.
        port: u16,
    },
    /// The homeserver runs and does not answer.
    #[error("start homeserver {name}: not ready after {limit:?}, last {last}; the end of its log:\n{log}")]
    NotReady {
        /// The homeserver.
        name: String,
        /// How long it had.
        limit: Duration,
        /// What the last check saw.
        last: String,
        /// Its last log lines.
        log: String,
    },
    /// Something was asked of a homeserver that is not running.
    #[error("{action} homeserver {name}: it is not running")]
    NotRunning {
        /// The homeserver.
        name: String,
        /// What was asked, as a verb.
        action: &'static str,
    },
    /// It is no container.
    #[error("cut homeserver {name} off: only a container has a network of its own (`--backend compose`)")]
    NoNetwork {
        /// The homeserver.
        name: String,
    },
    /// There is nothing to upgrade it to, or it was upgraded before.
    #[error("upgrade homeserver {name}: the deployment says no (further) `upgrade_to` of it")]
    NoUpgrade {
        /// The homeserver.
        name: String,
    },
    /// Its deployment ended.
    #[error("start homeserver {name}: its deployment has ended")]
    Over {
        /// The homeserver.
        name: String,
    },
    /// The launcher did not carry out an order.
    #[error("{order} on homeserver {name}: {message}")]
    Order {
        /// The homeserver.
        name: String,
        /// What was asked.
        order: String,
        /// What the launcher said, or that it said nothing.
        message: String,
    },
    /// A signal could not be sent.
    #[error("signal homeserver {name}: {source}")]
    Signal {
        /// The homeserver.
        name: String,
        /// The system's word.
        source: nix::errno::Errno,
    },
    /// PostgreSQL is asked for, and cannot be used on this machine.
    #[error(
        "use PostgreSQL, which a homeserver of this deployment is to have: {message} \
         (Debian: apt-get install postgresql; or set FEDPROOF_POSTGRESQL to the folder of its programs)"
    )]
    NoPostgresql {
        /// What is lacking.
        message: String,
    },
    /// The run's PostgreSQL did not do as it was told.
    #[error("{action}: {message}")]
    Postgresql {
        /// What was asked, as a verb.
        action: String,
        /// What it said.
        message: String,
    },
    /// The run's Redis is not installed, or does not start.
    #[error("use Redis, which homeservers with workers need: {message} (Debian: apt-get install redis-server)")]
    Redis {
        /// What is lacking.
        message: String,
    },
    /// The front of a homeserver with workers could not be opened.
    #[error("open the front of {name}: {source}")]
    Front {
        /// The homeserver.
        name: String,
        /// The gateway's word.
        source: fedproof_gateway::GatewayError,
    },
    /// The container engine, or Compose, is not there or refused.
    #[error("{action}: {message}")]
    Engine {
        /// What was asked of it, as a verb.
        action: String,
        /// What it said.
        message: String,
    },
    /// The engine has no such image.
    #[error(
        "start {reference}: the container engine has no such image (fixtures/images/build.sh builds one; or pull it)"
    )]
    NoImage {
        /// The image.
        reference: String,
    },
    /// Processes could not be given cores of their own.
    #[error("give homeservers and fedproof cores of their own: {message}")]
    Cores {
        /// What stands against it.
        message: String,
    },
    /// The gateway would not open a proxy port.
    #[error("open a proxy port for {name}: {source}")]
    Gateway {
        /// The homeserver.
        name: String,
        /// The gateway's word.
        source: fedproof_gateway::GatewayError,
    },
}

impl DeploymentError {
    /// Whose fault it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Yaml { .. }
            | Self::Unreadable { .. }
            | Self::Description { .. }
            | Self::UnknownHomeserver { .. }
            | Self::Spec { .. }
            | Self::UnknownImplementation { .. }
            | Self::UnknownVersion { .. }
            | Self::Placeholder { .. } => Kind::BadInput,
            _ => Kind::Environment,
        }
    }

    /// Wraps an I/O error with what was tried on which path.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
