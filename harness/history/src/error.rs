//! What can go wrong with a store. Messages read after "failed to …".

use std::path::PathBuf;

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// It cannot be opened.
    #[error("open the history {url}: {source}")]
    Open {
        /// Where, without a password.
        url: String,
        /// What the database says.
        source: sqlx::Error,
    },
    /// There is no such file.
    #[error("open the history {path:?}: there is no such file; `fedproof history import` makes one")]
    Missing {
        /// Where.
        path: String,
    },
    /// Its tables are of a newer fedproof, or were changed by hand.
    #[error("bring the tables of the history {url} up to date: {source}")]
    Migrate {
        /// Where, without a password.
        url: String,
        /// What is wrong.
        source: sqlx::migrate::MigrateError,
    },
    /// A question or a change failed.
    #[error("{what}: {source}")]
    Ask {
        /// What was tried.
        what: &'static str,
        /// What the database says.
        source: sqlx::Error,
    },
    /// There is another run of the same id.
    #[error(
        "import run {run_id}: the history has another run of that id (its record is not the same); \
         if this is the right one, `fedproof history forget {run_id}` first"
    )]
    Different {
        /// The id.
        run_id: String,
    },
    /// It is there under another name of its branch or build.
    #[error(
        "import run {run_id}: it is in the history as of branch {branch}, build {build}; `fedproof history forget {run_id}` first"
    )]
    OtherLabel {
        /// The id.
        run_id: String,
        /// The branch there.
        branch: String,
        /// The build there.
        build: String,
    },
    /// No run of that id.
    #[error("find run {run_id} in the history: there is none")]
    NoRun {
        /// The id.
        run_id: String,
    },
    /// What is stored cannot be read.
    #[error("read {what} of the history: {source}")]
    Damaged {
        /// What of.
        what: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A document cannot be inflated.
    #[error("read {what} of the history: {source}")]
    Deflated {
        /// Which.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// The folder of an SQLite file cannot be made.
    #[error("make the folder {}: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl HistoryError {
    /// Whether it is the environment's fault, and not that of what was asked: a database that cannot be reached.
    pub fn is_environment(&self) -> bool {
        match self {
            Self::Open { source, .. } => {
                matches!(source, sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut)
            }
            Self::Ask { .. } | Self::Folder { .. } | Self::Deflated { .. } | Self::Damaged { .. } => true,
            _ => false,
        }
    }
}

/// Turns errors of the database into [`HistoryError::Ask`]: `.map_err(asking("list runs"))`.
pub(crate) fn asking(what: &'static str) -> impl Fn(sqlx::Error) -> HistoryError {
    move |source| HistoryError::Ask { what, source }
}

/// Reads JSON that the store itself wrote.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(what: &str, text: &str) -> Result<T, HistoryError> {
    serde_json::from_str(text).map_err(|source| HistoryError::Damaged { what: what.to_owned(), source })
}
