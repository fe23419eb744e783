//! What stands before a homeserver that consists of several processes: each request goes to the one that is to answer it.
//!
//! Clients and the gateway reach it where they would reach a homeserver of one process, and know nothing of it.

use crate::{
    GatewayError,
    answer::AnswerBody,
    headers,
    listen::{Closed, answer_all, listen},
    serve::Broken,
    upstream::{BODY_LIMIT, Upstream},
};
use bytes::Bytes;
use fedproof_core::ServerName;
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::TcpSocket,
    sync::watch,
    time::{interval, timeout},
};
use tracing::debug;

/// A header that names the process that is to answer. It is for balancers, and goes no further.
pub const PROCESS: &str = "fedproof-process";

/// How many connections may wait to be taken.
const BACKLOG: u32 = 1024;

/// How long a process may take to catch up.
const CATCH_UP_LIMIT: Duration = Duration::from_secs(10);
/// How often it is asked whether it has.
const CATCH_UP_EVERY: Duration = Duration::from_millis(3);

/// What is known of a request when it is decided who answers it.
#[derive(Debug)]
pub struct Asked<'a> {
    /// HTTP method.
    pub method: &'a Method,
    /// Path, as sent and without its query.
    pub path: &'a str,
    /// Who asks: a server's name, or a client's access token. Both may be false.
    pub by: Option<String>,
    /// The process that is asked for by its name ([`PROCESS`]).
    pub process: Option<&'a str>,
}

/// Where a request goes: a process's plain-HTTP listener.
pub type Choose = Box<dyn Fn(&Asked<'_>) -> SocketAddr + Send + Sync>;

/// How it is known that a process has all that was there when a request came.
#[derive(Clone, Debug)]
pub struct CatchUp {
    /// The process that is never behind.
    pub main: SocketAddr,
    /// A path at which each process answers with its positions: a JSON object of numbers. None of them may be below that
    /// of the main process.
    pub path: String,
}

/// A running one. It closes, with all its connections, when it is dropped.
#[derive(Debug)]
pub struct Balancer {
    address: SocketAddr,
    _open: watch::Sender<bool>,
}

struct Inner {
    server: ServerName,
    choose: Choose,
    catch_up: CatchUp,
    upstream: Upstream,
}

impl Balancer {
    /// Opens one before `server` at `address`, where others may have bound a port and not listen. Needs a runtime.
    /// Processes are given a few seconds to catch up; who takes longer is asked as he is.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn open(
        server: ServerName,
        address: SocketAddr,
        choose: Choose,
        catch_up: CatchUp,
    ) -> Result<Self, GatewayError> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let listener = socket.listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let open = watch::Sender::new(false);
        let closed = Closed::new(&open);
        let inner = Arc::new(Inner { server, choose, catch_up, upstream: Upstream::default() });
        tokio::spawn(async move {
            listen(listener, closed, &inner.server, |stream| {
                let inner = inner.clone();
                async move { answer_all(stream, |request| inner.serve(request)).await }
            })
            .await;
        });
        Ok(Self { address, _open: open })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Inner {
    /// A process that does not answer is a server that does not answer: the connection ends.
    async fn serve(&self, request: Request<Incoming>) -> Result<Response<AnswerBody>, Broken> {
        let broken = |error: String| {
            debug!(server = %self.server, error, "no answer");
            Broken
        };
        let is_head = request.method() == Method::HEAD;
        let (mut head, body) = request.into_parts();
        let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(|error| broken(error.to_string()))?;
        let process = head.headers.remove(PROCESS);
        let listener = (self.choose)(&Asked {
            method: &head.method,
            path: head.uri.path(),
            by: asker(&head.headers),
            process: process.as_ref().and_then(|name| name.to_str().ok()),
        });
        if listener != self.catch_up.main {
            let _ = timeout(CATCH_UP_LIMIT, self.caught_up(listener)).await;
        }
        let request: Request<Bytes> = Request::from_parts(head, body.to_bytes());
        let answered = self.upstream.ask(&listener.to_string(), &self.server, request).await;
        let mut response = answered.map_err(broken)?;
        // hyper counts; of a HEAD there is nothing to count.
        if !is_head {
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        Ok(response.map(AnswerBody::whole))
    }

    /// Returns once the process at `listener` has what the main one has now.
    async fn caught_up(&self, listener: SocketAddr) {
        let Some(due) = self.positions(self.catch_up.main).await else { return };
        let mut ticks = interval(CATCH_UP_EVERY);
        loop {
            ticks.tick().await;
            let is = self.positions(listener).await.unwrap_or_default();
            if due.iter().all(|(stream, position)| is.get(stream).is_some_and(|reached| reached >= position)) {
                return;
            }
        }
    }

    async fn positions(&self, of: SocketAddr) -> Option<BTreeMap<String, i64>> {
        let request = Request::get(&self.catch_up.path).body(Bytes::new()).ok()?;
        let answer = self.upstream.ask(&of.to_string(), &self.server, request).await.ok()?;
        serde_json::from_slice(answer.body()).ok()
    }
}

fn asker(headers: &HeaderMap) -> Option<String> {
    if let Some(server) = headers::origin(headers) {
        return Some(server.to_string());
    }
    headers.get(header::AUTHORIZATION)?.to_str().ok().map(str::to_owned)
}
