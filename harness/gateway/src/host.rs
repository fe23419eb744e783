//! What answers in process instead of a real server.

use bytes::Bytes;
use fedproof_core::ServerName;
use futures::future::BoxFuture;

/// A server in this process that answers federation requests, such as a virtual server.
pub trait Host: Send + Sync + 'static {
    /// Answers a request. `caller` is who really sent it, whatever its signature claims; the URI is in origin
    /// form (path and query), the headers are as sent but for the hop-by-hop ones.
    fn answer(&self, caller: &ServerName, request: http::Request<Bytes>) -> BoxFuture<'_, http::Response<Bytes>>;
}
