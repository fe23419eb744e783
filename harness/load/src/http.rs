//! One request of a client, as cheap as it gets: sent, read to its end, and not looked at unless somebody must.

use bytes::Bytes;
use reqwest::{Client, Method};
use std::time::Duration;

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reason {
    /// The same text for the same cause, so that it can be counted.
    pub(crate) words: String,
    /// Whether the homeserver said so, with a status.
    pub(crate) is_refusal: bool,
    /// Whether nobody waited for the answer any longer.
    pub(crate) is_given_up: bool,
}

impl Reason {
    /// Nothing came within the time that is given to every request.
    pub(crate) fn no_answer(within: Duration) -> Self {
        Self { is_given_up: true, ..format!("no answer within {} s", within.as_secs_f64()).into() }
    }
}

impl From<String> for Reason {
    fn from(words: String) -> Self {
        Self { words, is_refusal: false, is_given_up: false }
    }
}

impl From<&str> for Reason {
    fn from(words: &str) -> Self {
        words.to_owned().into()
    }
}

/// What asks: it knows no proxy, and keeps every connection that is good.
pub(crate) fn client() -> reqwest::Result<Client> {
    Client::builder().no_proxy().tcp_nodelay(true).pool_max_idle_per_host(usize::MAX).build()
}

/// A request that is given up after `limit`; its body if the answer is a success.
pub(crate) async fn ask(
    http: &Client,
    method: Method,
    url: &str,
    token: Option<&str>,
    body: Option<(Bytes, &str)>,
    limit: Duration,
) -> Result<Bytes, Reason> {
    let mut request = http.request(method, url).timeout(limit);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some((body, kind)) = body {
        request = request.header("content-type", kind).body(body);
    }
    let response = request.send().await.map_err(|error| in_words(&error, limit))?;
    let status = response.status();
    let body = response.bytes().await.map_err(|error| in_words(&error, limit))?;
    if status.is_success() { Ok(body) } else { Err(refusal(status.as_u16(), &body)) }
}

/// A status with the error code beside it.
pub(crate) fn refusal(status: u16, body: &[u8]) -> Reason {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let words = match body["errcode"].as_str() {
        Some(errcode) => format!("{status} {errcode}"),
        None => status.to_string(),
    };
    Reason { words, is_refusal: true, is_given_up: false }
}

fn in_words(error: &reqwest::Error, limit: Duration) -> Reason {
    if error.is_timeout() {
        return Reason::no_answer(limit);
    }
    let kind = if error.is_connect() { "no connection" } else { "the connection broke" };
    kind.into()
}
