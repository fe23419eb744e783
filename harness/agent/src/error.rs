//! What can go wrong with an agent.

use std::{path::PathBuf, time::Duration};

/// Why an agent could not be had, or did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// `--client` says what cannot be.
    #[error("{spec:?} names no client: {message}")]
    Spec {
        /// As it was given.
        spec: String,
        /// What is wrong.
        message: String,
    },
    /// The adapter cannot be read.
    #[error("failed to read the adapter {file}: {message}")]
    Adapter {
        /// Its file.
        file: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The agent could not be built. With the last lines of what tried.
    #[error("failed to build the client {client}: {source}")]
    NotBuilt {
        /// Name of the adapter.
        client: String,
        /// What the command said.
        source: Box<fedproof_deployment::DeploymentError>,
    },
    /// What would be built is not the checkout that was asked for.
    #[error("the client {client} would not be built with the checkout: {line}")]
    NotTheCheckout {
        /// Name of the adapter.
        client: String,
        /// What the build said.
        line: String,
    },
    /// A file or folder for it.
    #[error("failed to {what} {path}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// The process is gone.
    #[error("the agent ended ({status}){}", last(.said))]
    Died {
        /// How.
        status: String,
        /// The last it wrote.
        said: String,
    },
    /// It did not answer.
    #[error("the agent did not answer `{order}` within {} s{}", .limit.as_secs(), last(.said))]
    Silent {
        /// What it was told.
        order: String,
        /// How long it was waited for.
        limit: Duration,
        /// The last it wrote.
        said: String,
    },
    /// It says what no agent says.
    #[error("the agent broke the protocol: {message}: {line}")]
    Protocol {
        /// What is wrong.
        message: String,
        /// The line.
        line: String,
    },
    /// It answered that it could not do it.
    #[error("the agent was told to `{order}` and answered: {reason}")]
    Refused {
        /// What it was told.
        order: String,
        /// In its words.
        reason: String,
    },
    /// It has never said that it can do this.
    #[error("{client} cannot `{capability}`")]
    Incapable {
        /// Who.
        client: String,
        /// What it lacks.
        capability: String,
    },
}

fn last(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!("; the last it wrote: {said}") }
}

impl AgentError {
    pub(crate) fn io(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { what, path, source }
    }
}
