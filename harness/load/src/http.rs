//! One request of a client, as cheap as it gets: sent, read to its end, and not looked at unless somebody must.

use bytes::Bytes;
use reqwest::{Client, Method};
use std::time::Duration;

/// Longest time one request may take; longer than any latency worth a figure.
const LIMIT: Duration = Duration::from_secs(120);

/// Why an operation failed; the same text for the same cause, so that it can be counted.
pub(crate) type Reason = String;

/// What asks: it knows no proxy, and keeps every connection that is good.
pub(crate) fn client() -> reqwest::Result<Client> {
    Client::builder().no_proxy().tcp_nodelay(true).pool_max_idle_per_host(usize::MAX).build()
}

/// A request; its body if the answer is a success.
pub(crate) async fn ask(
    http: &Client,
    method: Method,
    url: &str,
    token: Option<&str>,
    body: Option<(Bytes, &str)>,
) -> Result<Bytes, Reason> {
    let mut request = http.request(method, url).timeout(LIMIT);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some((body, kind)) = body {
        request = request.header("content-type", kind).body(body);
    }
    let response = request.send().await.map_err(|error| in_words(&error))?;
    let status = response.status();
    let body = response.bytes().await.map_err(|error| in_words(&error))?;
    if status.is_success() { Ok(body) } else { Err(refusal(status.as_u16(), &body)) }
}

/// A status with the error code beside it.
pub(crate) fn refusal(status: u16, body: &[u8]) -> Reason {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    match body["errcode"].as_str() {
        Some(errcode) => format!("{status} {errcode}"),
        None => status.to_string(),
    }
}

fn in_words(error: &reqwest::Error) -> Reason {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke"
    };
    kind.to_owned()
}
