//! Clients of real homeservers: the client-server API as the harness's own users speak it.
//!
//! A [`Client`] is one user with one device. Requests are raw JSON, so a new API needs no new Rust; what a
//! client has *seen* accumulates in a [`View`] from `/sync`, which conditions are asked of.

mod accounts;
mod administration;
mod error;
mod purge;
mod quiet;
mod view;

pub use accounts::{Accounts, Way};
pub use error::ClientError;
pub use purge::Purged;
pub use view::View;

use accounts::Account;
use bytes::Bytes;
use fedproof_core::{
    ServerName,
    transcript::{Api, Exchange, Outcome, Transcript},
};
use reqwest::Method;
use serde_json::Value;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Longest time one request may take; a bound against hanging, not a wait.
const REQUEST_LIMIT: Duration = Duration::from_secs(60);
/// Longest body that is read.
const BODY_LIMIT: usize = 64 << 20;
/// How long the server may hold a `/sync` open.
const LONG_POLL_MS: u64 = 20_000;

/// Where a homeserver's client API is, and how the harness speaks to it. Cheap to clone.
#[derive(Clone)]
pub struct Endpoint {
    http: reqwest::Client,
    base_url: String,
    server: ServerName,
    transcript: Transcript,
    accounts: Arc<Accounts>,
}

/// An answer and its place in the transcript.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// JSON body; a string if it was no JSON.
    pub body: Value,
    /// The recorded exchange.
    pub exchange: Arc<Exchange>,
}

impl Endpoint {
    /// `base_url` without a trailing slash; every exchange is recorded in `transcript`. Anybody may register there.
    pub fn new(http: reqwest::Client, base_url: &str, server: ServerName, transcript: Transcript) -> Self {
        Self { http, base_url: base_url.to_owned(), server, transcript, accounts: Arc::default() }
    }

    /// The same, with another way to accounts.
    #[must_use]
    pub fn with_accounts(self, accounts: Accounts) -> Self {
        Self { accounts: accounts.into(), ..self }
    }

    /// The homeserver.
    pub fn server(&self) -> &ServerName {
        &self.server
    }

    /// One request. `caller` is who it is recorded as.
    ///
    /// # Errors
    /// [`ClientError::NoAnswer`]; any status is an answer.
    pub async fn request(
        &self,
        caller: &str,
        token: Option<&str>,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Reply, ClientError> {
        let started_us = self.transcript.now_us();
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.base_url)).timeout(REQUEST_LIMIT);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                read_body(response).await.map(|bytes| (status, as_json(&bytes)))
            }
            Err(error) => Err(error),
        };
        let (outcome, response) = match &answer {
            Ok((status, body)) => (Outcome::Answered { status: *status }, body.clone()),
            Err(error) => (Outcome::Failed { error: error.to_string() }, Value::Null),
        };
        let exchange = self.transcript.record(Exchange {
            id: 0,
            api: Api::Client,
            caller: caller.to_owned(),
            origin: None,
            authorization: None,
            destination: self.server.clone(),
            method: method.to_string(),
            path: path.to_owned(),
            request: body.cloned().unwrap_or(Value::Null),
            outcome,
            response,
            started_us,
            duration_us: self.transcript.now_us() - started_us,
        });
        match answer {
            Ok((status, body)) => Ok(Reply { status, body, exchange }),
            Err(source) => Err(ClientError::NoAnswer {
                server: self.server.clone(),
                method: method.to_string(),
                path: path.to_owned(),
                source,
            }),
        }
    }

    /// A user that is logged in: one called `localpart` that is made for it, or one that was lent.
    ///
    /// # Errors
    /// [`ClientError::NotRegistered`] if the homeserver refuses.
    pub async fn register(&self, localpart: &str) -> Result<Client, ClientError> {
        Ok(Client {
            endpoint: self.clone(),
            account: self.obtain(localpart).await?,
            view: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            polls: watch::Sender::new(0),
        })
    }
}

/// The body, up to [`BODY_LIMIT`]: how much memory a homeserver takes here is not for it to decide.
async fn read_body(mut response: reqwest::Response) -> Result<Bytes, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_LIMIT {
            return Ok(Bytes::from_static(b"\"the body is longer than fedproof reads\""));
        }
    }
    Ok(body.into())
}

fn as_json(bytes: &Bytes) -> Value {
    if bytes.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

/// A logged-in user.
pub struct Client {
    endpoint: Endpoint,
    account: Account,
    view: Mutex<View>,
    /// Whose turn it is to poll.
    turn: tokio::sync::Mutex<()>,
    /// Counts finished polls.
    polls: watch::Sender<u64>,
}

impl Client {
    /// Its full user id.
    pub fn user_id(&self) -> &str {
        &self.account.user_id
    }

    /// Its access token. A secret: it must reach no report.
    pub fn token(&self) -> &str {
        &self.account.token
    }

    /// Its user's password, for more devices. A secret: it must reach no report.
    pub fn password(&self) -> &str {
        &self.account.password
    }

    /// Where its homeserver's client API is, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.endpoint.base_url
    }

    /// The homeserver it is on.
    pub fn server(&self) -> &ServerName {
        &self.endpoint.server
    }

    /// An authenticated request.
    ///
    /// # Errors
    /// [`ClientError::NoAnswer`]; any status is an answer.
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply, ClientError> {
        self.endpoint.request(&self.account.user_id, Some(&self.account.token), method, path, body).await
    }

    /// Syncs, by long polls and without sleeping, until `check` finds what it looks for in all that was seen.
    /// Several may wait at once: one of them polls, and all look at what it brings.
    ///
    /// # Errors
    /// When `/sync` fails. The caller bounds the time.
    pub async fn observe<T>(&self, mut check: impl FnMut(&View) -> Option<T>) -> Result<T, ClientError> {
        let mut polls = self.polls.subscribe();
        loop {
            polls.mark_unchanged();
            if let Some(found) = check(&self.view()) {
                return Ok(found);
            }
            tokio::select! {
                biased;
                // Somebody else's poll has brought something.
                _ = polls.changed() => {}
                _turn = self.turn.lock() => self.sync(LONG_POLL_MS).await?,
            }
        }
    }

    /// What has been seen once everything that is there by now was fetched.
    ///
    /// # Errors
    /// When `/sync` fails.
    pub async fn look<T>(&self, ask: impl FnOnce(&View) -> T) -> Result<T, ClientError> {
        self.sync(0).await?;
        Ok(ask(&self.view()))
    }

    /// One `/sync` beside those that the view is made of: presence and no rooms, since a token of an earlier one or, at
    /// once, from the beginning. A homeserver gives a to-device message to one poll only, so these go into the view.
    ///
    /// # Errors
    /// [`ClientError::NoAnswer`]; any status is an answer.
    pub async fn presence(&self, since: Option<&str>) -> Result<Reply, ClientError> {
        let filter = "%7B%22room%22%3A%7B%22rooms%22%3A%5B%5D%7D%7D";
        let since = since.map_or_else(String::new, |since| format!("&timeout={LONG_POLL_MS}&since={since}"));
        let path = format!("/_matrix/client/v3/sync?filter={filter}{since}");
        let reply = self.request(Method::GET, &path, None).await?;
        self.view().absorb_to_device(&reply.body);
        self.polls.send_modify(|polls| *polls += 1);
        Ok(reply)
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn sync(&self, timeout_ms: u64) -> Result<(), ClientError> {
        let filter = "%7B%22presence%22%3A%7B%22types%22%3A%5B%5D%7D%2C%22room%22%3A%7B%22timeline%22%3A%7B%22limit%22%3A500%7D%7D%7D";
        let since = self.view().since().map(str::to_owned);
        let path = match since {
            Some(since) => {
                format!("/_matrix/client/v3/sync?filter={filter}&timeout={timeout_ms}&since={since}")
            }
            None => format!("/_matrix/client/v3/sync?filter={filter}&timeout=0"),
        };
        let reply = self.request(Method::GET, &path, None).await?;
        if reply.status != 200 {
            return Err(ClientError::SyncRefused {
                server: self.endpoint.server.clone(),
                status: reply.status,
                body: reply.exchange.response.clone(),
            });
        }
        self.view().absorb(&self.account.user_id, &reply.body);
        self.polls.send_modify(|polls| *polls += 1);
        Ok(())
    }
}
