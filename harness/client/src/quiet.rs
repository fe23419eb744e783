//! Requests that no report shows: they are the harness's own business, and full of secrets.

use crate::{ClientError, Endpoint, as_json, read_body};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::time::Duration;

/// How often a request is made that is told to come later.
pub(crate) const TRIES: usize = 20;
/// How long it waits where it is not told for how long, and at most.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Longest time one request may take: to purge a room is work.
const LIMIT: Duration = Duration::from_secs(300);

/// How long a homeserver that limits rates (429) asks to wait; `None` if it does not.
pub(crate) fn pause(status: u16, body: &Value) -> Option<Duration> {
    let asked = body["retry_after_ms"].as_u64().map_or(PAUSE, Duration::from_millis);
    (status == 429).then(|| asked.min(LONGEST_PAUSE))
}

impl Endpoint {
    /// A request to the homeserver, made again as long as it limits rates. Gives status and body.
    pub(crate) async fn quietly(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<(u16, Value), ClientError> {
        let request = || {
            let request = self.http.request(method.clone(), format!("{}{path}", self.base_url));
            let request = token.into_iter().fold(request, |request, token| request.bearer_auth(token));
            body.into_iter().fold(request, |request, body| request.json(body))
        };
        self.again(method.as_str(), path, request).await
    }

    /// The same to somebody else.
    pub(crate) async fn again(
        &self,
        method: &str,
        path: &str,
        request: impl Fn() -> RequestBuilder,
    ) -> Result<(u16, Value), ClientError> {
        let no_answer = |source: reqwest::Error| ClientError::NoAnswer {
            server: self.server.clone(),
            method: method.to_owned(),
            path: path.to_owned(),
            source: source.without_url(),
        };
        let mut tries = 1;
        loop {
            let response = request().timeout(LIMIT).send().await.map_err(no_answer)?;
            let status = response.status().as_u16();
            let body = as_json(&read_body(response).await.map_err(no_answer)?);
            match pause(status, &body).filter(|_| tries < TRIES) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Ok((status, body)),
            }
            tries += 1;
        }
    }
}
