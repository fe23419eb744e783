//! The transcript: every exchange between servers (and clients), in order.
//!
//! Scenarios, invariants and reports all read this one record. Secrets never enter it: recorders pass no
//! `Authorization` header in, and [`redact`] blanks known secret fields of bodies.

use crate::ServerName;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    ops::Deref,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::sync::watch;

/// Bodies longer than this many bytes are kept as a prefix in what is stored on disk.
pub const STORED_BODY_LIMIT: usize = 64 * 1024;

/// Which API an exchange belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Api {
    /// Client-server API, sent by the harness's own clients, or by client programs through a front end.
    Client,
    /// Server-server API, through the gateway.
    Federation,
    /// What a client agent was told, and what it answered: its protocol, not Matrix.
    Agent,
}

/// How an exchange ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// An HTTP answer came.
    Answered {
        /// HTTP status code.
        status: u16,
    },
    /// The destination is no part of the deployment: refused, and evidence of a leak.
    UnknownName,
    /// The destination belonged to a finished case: answered neutrally, no leak.
    Retired,
    /// A fault of the scenario cut or refused it.
    Faulted {
        /// Which fault, in words.
        fault: String,
    },
    /// No answer came (connection refused, time limit, …).
    Failed {
        /// What went wrong, in words.
        error: String,
    },
}

/// What an X-Matrix header says, as it says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// The server that claims to send.
    pub origin: String,
    /// The server that the request was signed for.
    pub destination: Option<String>,
    /// Id of the key.
    pub key: String,
    /// The signature, in base64.
    pub sig: String,
}

impl Authorization {
    /// The header's value again.
    pub fn header(&self) -> String {
        let Self { origin, destination, key, sig } = self;
        let destination = destination.as_ref().map_or_else(String::new, |name| format!(r#"destination="{name}","#));
        format!(r#"X-Matrix origin="{origin}",{destination}key="{key}",sig="{sig}""#)
    }
}

/// One request and its answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// Position in the transcript, from 0, in order of completion.
    pub id: u64,
    /// Which API.
    pub api: Api,
    /// Who really called: the homeserver whose proxy port it came through, the virtual server, or the client's user id.
    pub caller: String,
    /// `origin` of the X-Matrix header, if there was one. An adversary may lie in it.
    pub origin: Option<ServerName>,
    /// The X-Matrix header, if there was one that could be read. Only in memory: it is judged, and never written down.
    #[serde(skip)]
    pub authorization: Option<Authorization>,
    /// The server the request was for.
    pub destination: ServerName,
    /// HTTP method.
    pub method: String,
    /// Path with query, percent-encoded as sent.
    pub path: String,
    /// JSON body of the request (`Null` if none; a string if it was no JSON).
    pub request: Value,
    /// How it ended.
    pub outcome: Outcome,
    /// JSON body of the answer (`Null` if none; a string if it was no JSON).
    pub response: Value,
    /// Microseconds since the run began at which the request began.
    pub started_us: u64,
    /// Microseconds until the answer was complete.
    pub duration_us: u64,
}

impl Exchange {
    /// The HTTP status, if an answer came.
    pub fn status(&self) -> Option<u16> {
        match self.outcome {
            Outcome::Answered { status } => Some(status),
            _ => None,
        }
    }

    /// True for `PUT /_matrix/federation/v1/send/{txnId}`.
    pub fn is_transaction(&self) -> bool {
        self.api == Api::Federation && self.path.starts_with("/_matrix/federation/v1/send/")
    }

    /// True for a notification to a push gateway, `POST /_matrix/push/v1/notify`.
    pub fn is_push(&self) -> bool {
        self.api == Api::Federation && self.path == "/_matrix/push/v1/notify"
    }

    /// The PDUs of a transaction; empty for anything else.
    pub fn pdus(&self) -> &[Value] {
        self.part("pdus")
    }

    /// The EDUs of a transaction; empty for anything else.
    pub fn edus(&self) -> &[Value] {
        self.part("edus")
    }

    fn part(&self, key: &str) -> &[Value] {
        if !self.is_transaction() {
            return &[];
        }
        self.request.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

/// A request that has arrived; its [`Exchange`] follows when it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// Who calls, as in [`Exchange::caller`].
    pub caller: String,
    /// The server the request is for.
    pub destination: ServerName,
    /// HTTP method.
    pub method: String,
    /// Path with query, percent-encoded as sent.
    pub path: String,
}

/// A shared list that only grows, and that can be waited on. Cheap to clone.
pub struct Log<T> {
    entries: Arc<RwLock<Vec<Arc<T>>>>,
    length: watch::Sender<u64>,
}

impl<T> Clone for Log<T> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), length: self.length.clone() }
    }
}

impl<T> Default for Log<T> {
    fn default() -> Self {
        Self { entries: Arc::default(), length: watch::Sender::new(0) }
    }
}

impl<T> Log<T> {
    /// Appends an entry, and wakes whoever waits.
    pub fn push(&self, entry: T) -> Arc<T> {
        self.append(|_| entry)
    }

    /// Appends what `make` gives for the entry's position, and wakes whoever waits.
    fn append(&self, make: impl FnOnce(u64) -> T) -> Arc<T> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let entry = Arc::new(make(entries.len() as u64));
        entries.push(entry.clone());
        self.length.send_replace(entries.len() as u64);
        entry
    }

    /// All entries from position `from` on.
    pub fn since(&self, from: u64) -> Vec<Arc<T>> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(from as usize..).unwrap_or_default().to_vec()
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        *self.length.borrow()
    }

    /// True before the first entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits, without polling, until `find` returns something for an entry at position `from` or later.
    pub async fn wait_for<R>(&self, mut from: u64, mut find: impl FnMut(&T) -> Option<R>) -> R {
        let mut length = self.length.subscribe();
        loop {
            for entry in self.since(from) {
                if let Some(found) = find(&entry) {
                    return found;
                }
                from += 1;
            }
            if length.wait_for(|&length| length > from).await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

/// The shared, append-only record of a run. Cheap to clone.
#[derive(Clone)]
pub struct Transcript {
    exchanges: Log<Exchange>,
    begun: Log<Begun>,
    began: Instant,
    most: Arc<AtomicU64>,
    taps: Arc<RwLock<Vec<Tap>>>,
}

/// Called with each exchange as it ends.
type Tap = Arc<dyn Fn(&Exchange) + Send + Sync>;

impl Default for Transcript {
    fn default() -> Self {
        Self {
            exchanges: Log::default(),
            begun: Log::default(),
            began: Instant::now(),
            most: Arc::new(u64::MAX.into()),
            taps: Arc::default(),
        }
    }
}

impl Transcript {
    /// Appends an exchange, giving it its id, and wakes whoever waits. Returns the stored exchange.
    pub fn record(&self, mut exchange: Exchange) -> Arc<Exchange> {
        redact(&mut exchange.request);
        redact(&mut exchange.response);
        exchange.path = redacted_path(&exchange.path);
        let taps = self.taps.read().unwrap_or_else(PoisonError::into_inner).clone();
        taps.iter().for_each(|tap| tap(&exchange));
        if self.is_full() {
            return Arc::new(Exchange { id: self.exchanges.len(), ..exchange });
        }
        self.exchanges.append(|id| Exchange { id, ..exchange })
    }

    /// Keeps no more than `most` exchanges from now on: what a load run brings would fill the memory. The first are
    /// kept, since what came later means nothing without them.
    pub fn keep_at_most(&self, most: u64) {
        self.most.store(most, Ordering::Relaxed);
    }

    /// Whether no more exchanges are kept.
    pub fn is_full(&self) -> bool {
        self.exchanges.len() >= self.most.load(Ordering::Relaxed)
    }

    /// Has `tap` called with each exchange as it ends, kept or not. It must be quick: the exchange waits for it.
    pub fn tap(&self, tap: impl Fn(&Exchange) + Send + Sync + 'static) {
        self.taps.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(tap));
    }

    /// Notes that a request has arrived, long before its answer perhaps.
    pub fn note_begun(&self, begun: Begun) {
        if self.is_full() {
            return;
        }
        let path = redacted_path(&begun.path);
        self.begun.push(Begun { path, ..begun });
    }

    /// The requests that have arrived, answered or not.
    pub fn begun(&self) -> &Log<Begun> {
        &self.begun
    }

    /// Microseconds since the transcript began: the clock of [`Exchange::started_us`].
    pub fn now_us(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }
}

impl Deref for Transcript {
    type Target = Log<Exchange>;
    /// The exchanges, in order of completion.
    fn deref(&self) -> &Log<Exchange> {
        &self.exchanges
    }
}

/// Object keys whose string values are secrets wherever they stand.
const SECRET_KEYS: &[&str] = &[
    "access_token",
    "client_secret",
    "id_token",
    "login_token",
    "mac",
    "new_password",
    "nonce",
    "passphrase",
    "password",
    "private_key",
    "recovery_key",
    "refresh_token",
    "registration_shared_secret",
    "shared_secret",
    "token",
];

/// Whether a text under this key is a secret.
pub fn is_secret(key: &str) -> bool {
    SECRET_KEYS.contains(&key)
}

/// Blanks secrets in a JSON body, at any depth.
pub fn redact(body: &mut Value) {
    match body {
        Value::Object(fields) => {
            for (key, value) in fields {
                if value.is_string() && SECRET_KEYS.contains(&key.as_str()) {
                    *value = Value::String("[redacted]".into());
                } else {
                    redact(value);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact),
        _ => {}
    }
}

/// A path whose query holds no secret: `/openid/userinfo?access_token=…` carries one.
pub fn redacted_path(path: &str) -> String {
    let Some((path, query)) = path.split_once('?') else { return path.to_owned() };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) if SECRET_KEYS.contains(&key) => format!("{key}=[redacted]"),
        _ => pair.to_owned(),
    });
    format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn secrets_are_blanked_in_queries() {
        assert_eq!(redacted_path("/userinfo?access_token=x&a=b"), "/userinfo?access_token=[redacted]&a=b");
        assert_eq!(redacted_path("/event/%24x"), "/event/%24x");
    }

    #[test]
    fn secrets_are_blanked_at_any_depth() {
        let mut body =
            json!({"access_token": "syt_x", "auth": {"password": "p"}, "list": [{"token": "t"}], "token": 3});
        redact(&mut body);
        assert_eq!(
            body,
            json!({"access_token": "[redacted]", "auth": {"password": "[redacted]"}, "list": [{"token": "[redacted]"}], "token": 3})
        );
    }
}
