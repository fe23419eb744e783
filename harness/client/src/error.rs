//! What can go wrong between a client and its homeserver.

use fedproof_core::ServerName;
use serde_json::Value;

/// Why a client could not get an answer, or not the one it needs to exist.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No HTTP answer.
    #[error("no answer from {server} to {method} {path}: {source}")]
    NoAnswer {
        /// The homeserver.
        server: ServerName,
        /// HTTP method.
        method: String,
        /// Path asked for.
        path: String,
        /// The transport's word.
        source: reqwest::Error,
    },
    /// The homeserver would not register a user.
    #[error("{server} did not register {localpart}: {status} {body}")]
    NotRegistered {
        /// The homeserver.
        server: ServerName,
        /// The user's localpart.
        localpart: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        body: Value,
    },
    /// All accounts that there are for it are lent.
    #[error("all accounts of {server} that were named are in use")]
    NoAccount {
        /// The homeserver.
        server: ServerName,
    },
    /// An administrator's request was refused.
    #[error("{server} would not {what}: {status} {body}")]
    Refused {
        /// The homeserver.
        server: ServerName,
        /// What was asked, as a verb.
        what: &'static str,
        /// HTTP status.
        status: u16,
        /// What it said.
        body: Value,
    },
    /// `/sync` answered with an error.
    #[error("/sync on {server} answered {status}: {body}")]
    SyncRefused {
        /// The homeserver.
        server: ServerName,
        /// HTTP status.
        status: u16,
        /// What it said.
        body: Value,
    },
}
