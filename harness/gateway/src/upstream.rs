//! The way to a real homeserver's plain-HTTP listener.

use crate::headers;
use bytes::Bytes;
use fedproof_core::ServerName;
use http::{HeaderValue, Request, Response, Uri, Version, header, uri::PathAndQuery};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use std::{error::Error, time::Duration};

/// The most that a body may have, in bytes; far above what the federation API allows.
pub(crate) const BODY_LIMIT: usize = 256 * 1024 * 1024;

/// Shorter than homeservers keep idle connections (Twisted: 60 s), so that none is used while the other side closes it.
const IDLE_LIMIT: Duration = Duration::from_secs(20);

/// A pooled client.
pub(crate) struct Upstream(Client<HttpConnector, Full<Bytes>>);

impl Default for Upstream {
    fn default() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_idle_timeout(IDLE_LIMIT).pool_timer(TokioTimer::new()).set_host(false);
        Self(builder.build(connector))
    }
}

impl Upstream {
    /// Passes a request on and gives the whole answer, or what went wrong in words.
    pub(crate) async fn ask(
        &self,
        listener: &str,
        name: &ServerName,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, String> {
        let request = outgoing(listener, name, request).map_err(|error| words(&error))?;
        let response = self.0.request(request).await.map_err(|error| words(&error))?;
        let (mut head, body) = response.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(|error| words(&*error))?.to_bytes();
        headers::strip(&mut head.headers);
        Ok(Response::from_parts(head, body))
    }
}

fn outgoing(listener: &str, name: &ServerName, request: Request<Bytes>) -> Result<Request<Full<Bytes>>, http::Error> {
    let (mut head, body) = request.into_parts();
    let path = head.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/"));
    head.uri = Uri::builder().scheme("http").authority(listener).path_and_query(path).build()?;
    head.version = Version::HTTP_11;
    headers::strip(&mut head.headers);
    if !head.headers.contains_key(header::HOST) {
        head.headers.insert(header::HOST, HeaderValue::from_str(name.as_str())?);
    }
    Ok(Request::from_parts(head, Full::new(body)))
}

/// An error with its causes, which hyper leaves out of its own text.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
