//! A deployment's front end towards clients: what stands between client programs and a homeserver's client API.
//!
//! A reverse proxy on a loopback port of its own, which also serves the documents of a deployment's front end (client
//! well-known, maintenance, proof of authenticity). Scenarios change these, so that each opens a front end of its own: no
//! document of one can reach the clients of another. A client program is no part of the harness; what it asked for is
//! known here all the same.

use crate::{
    GatewayError, Reply, SendError,
    answer::{self, AnswerBody},
    carry::{Fabric, path_of},
    listen::{Closed, answer_all, listen},
    record::{Pending, json},
    route::Place,
    serve::Broken,
    upstream::BODY_LIMIT,
};
use bytes::Bytes;
use fedproof_core::{
    ServerName,
    acl::glob_matches,
    merge::merge,
    path::decode,
    transcript::{Api, Begun, Exchange, Log, Outcome, redacted_path},
};
use http::{HeaderMap, Method, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::{net::TcpListener, sync::watch};

/// Answers in which a homeserver says where its client API is: there, clients must be told of the front end.
const TELL_ADDRESS: [&str; 3] = ["/.well-known/matrix/client", "/_matrix/client/*/login", "/_matrix/client/*/register"];

/// What a front end does at a path.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// It answers this itself.
    Answer {
        /// HTTP status code.
        status: u16,
        /// Sent as JSON; a text is sent as it is, whether it is JSON or not.
        body: Value,
    },
    /// What would be answered otherwise, with this merged into it (RFC 7396).
    Amended(Value),
    /// The connection ends without an answer.
    Unreachable,
    /// It passes the request on to the homeserver, as it does where nothing else was said.
    Homeserver,
}

/// A front end of one homeserver. It closes, with all its connections, when it is dropped.
pub struct Front {
    inner: Arc<Inner>,
    address: SocketAddr,
    /// Dropped with the front end, which says that it is closed.
    _open: watch::Sender<bool>,
}

struct Inner {
    fabric: Arc<Fabric>,
    server: ServerName,
    name: String,
    base_url: String,
    /// Globs over paths; the last that matches counts, and what amends it comes on top.
    documents: Mutex<Vec<(String, Document)>>,
    /// Users by their access tokens, as far as these were given out through here.
    owners: Mutex<HashMap<String, String>>,
    requests: Log<Begun>,
}

impl Front {
    pub(crate) async fn open(fabric: Arc<Fabric>, server: ServerName, name: &str) -> Result<Self, GatewayError> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            fabric,
            server,
            name: name.to_owned(),
            base_url: format!("http://{address}"),
            documents: Mutex::default(),
            owners: Mutex::default(),
            requests: Log::default(),
        });
        let open = watch::Sender::new(false);
        let (closed, served) = (Closed::new(&open), inner.clone());
        tokio::spawn(async move {
            listen(listener, closed, &served.name, |stream| {
                let served = served.clone();
                async move { answer_all(stream, |request| served.serve(request)).await }
            })
            .await;
        });
        Ok(Self { inner, address, _open: open })
    }

    /// What clients take for the homeserver's address; without a slash at its end.
    pub fn base_url(&self) -> &str {
        &self.inner.base_url
    }

    /// The host in it: what a client compares a proof of authenticity with.
    pub fn host(&self) -> String {
        self.address.ip().to_string()
    }

    /// The homeserver behind it.
    pub fn server(&self) -> &ServerName {
        &self.inner.server
    }

    /// What it does from now on at the paths (decoded, without their queries) that match `path`, a glob.
    pub fn serve(&self, path: &str, document: Document) {
        held(&self.inner.documents).push((path.to_owned(), document));
    }

    /// The requests that have arrived here, answered or not.
    pub fn requests(&self) -> &Log<Begun> {
        &self.inner.requests
    }

    /// A request by nobody in particular, answered as any other.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Reply, SendError> {
        let to = || self.inner.server.clone();
        let mut request = Request::builder().method(method).uri(path);
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Bytes::new, |body| body.to_string().into());
        let request = request.body(body).map_err(|error| SendError::Failed { to: to(), error: error.to_string() })?;
        let pending = self.inner.begin(&request);
        let (answered, exchange) = self.inner.answer(pending, request).await;
        match (answered, &exchange.outcome) {
            (Some(response), _) => {
                Ok(Reply { status: response.status().as_u16(), body: json(response.body()), exchange })
            }
            (None, Outcome::Faulted { fault }) => Err(SendError::Faulted { to: to(), fault: fault.clone() }),
            (None, outcome) => Err(SendError::Failed { to: to(), error: format!("{outcome:?}") }),
        }
    }
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front").field("server", &self.inner.server).field("address", &self.address).finish()
    }
}

impl Inner {
    /// A request from the wire.
    async fn serve(&self, request: Request<Incoming>) -> Result<Response<AnswerBody>, Broken> {
        let pending = self.begin(&request);
        let is_head = request.method() == Method::HEAD;
        let (head, body) = request.into_parts();
        let body = match Limited::new(body, BODY_LIMIT).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => {
                let error = format!("read the request's body: {error}");
                pending.finish(Outcome::Failed { error }, Value::Null);
                return Err(Broken);
            }
        };
        let (answered, _) = self.answer(pending, Request::from_parts(head, body)).await;
        let mut response = answered.ok_or(Broken)?;
        // hyper counts what may have been changed; of a HEAD there is nothing to count.
        if !is_head {
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        Ok(response.map(AnswerBody::whole))
    }

    /// Notes a request whose head has arrived.
    fn begin<B>(&self, request: &Request<B>) -> Pending {
        let owner = token_of(request.headers()).and_then(|token| held(&self.owners).get(token).cloned());
        let begun = Begun {
            caller: owner.unwrap_or_else(|| self.name.clone()),
            destination: self.server.clone(),
            method: request.method().to_string(),
            path: redacted_path(&path_of(request)),
        };
        self.requests.push(begun.clone());
        Pending::begin_in(&self.fabric.transcript, Api::Client, begun)
    }

    /// What comes of a request, and its record; no answer where the connection is to end without one.
    async fn answer(&self, mut pending: Pending, request: Request<Bytes>) -> (Option<Response<Bytes>>, Arc<Exchange>) {
        pending.request(request.body().clone());
        // Clients differ in what of a path they encode.
        let path = decode(request.uri().path());
        let token = token_of(request.headers()).map(str::to_owned);
        let (document, amendments) = self.document(&path);
        let answered = match document {
            Document::Answer { status, body } => Ok(own(status, &body)),
            Document::Unreachable => Err(format!("the front end is made unreachable at {path}")),
            Document::Homeserver | Document::Amended(_) => Ok(match self.pass_on(request, &path).await {
                Ok(response) => response,
                // What front ends say of a homeserver that does not answer.
                Err(error) => answer::json(502, &json!({"errcode": "M_UNKNOWN", "error": error})),
            }),
        };
        match answered.map(|response| amended(response, &amendments)) {
            Ok(response) => {
                let body = json(response.body());
                self.learn(&path, token, &body);
                let exchange = pending.finish(Outcome::Answered { status: response.status().as_u16() }, body);
                (Some(response), exchange)
            }
            Err(fault) => (None, pending.finish(Outcome::Faulted { fault }, Value::Null)),
        }
    }

    /// What is done at a path, and what is merged into the answer.
    fn document(&self, path: &str) -> (Document, Vec<Value>) {
        let documents = held(&self.documents);
        let here = documents.iter().filter(|(glob, _)| glob_matches(glob, path));
        here.fold((Document::Homeserver, Vec::new()), |(base, mut amendments), (_, document)| match document {
            Document::Amended(patch) => {
                amendments.push(patch.clone());
                (base, amendments)
            }
            document => (document.clone(), Vec::new()),
        })
    }

    /// Asks the homeserver. Where it says its own address, the front end's is put in its place: clients go where they
    /// are told to.
    async fn pass_on(&self, request: Request<Bytes>, path: &str) -> Result<Response<Bytes>, String> {
        let place = self.fabric.routes.of_name(&self.server).map(|route| route.place);
        let Some(Place::Real(listener)) = place else {
            return Err(format!("{} is no homeserver of this deployment", self.server));
        };
        let response = self.fabric.upstream.ask(&listener, &self.server, request).await?;
        if !TELL_ADDRESS.iter().any(|glob| glob_matches(glob, path)) {
            return Ok(response);
        }
        let told = format!("http://{listener}");
        Ok(response.map(|body| match std::str::from_utf8(&body) {
            Ok(text) => text.replace(&told, &self.base_url).into(),
            Err(_) => body,
        }))
    }

    /// Learns whose an access token is.
    fn learn(&self, path: &str, asked_with: Option<String>, answer: &Value) {
        let text = |key: &str| answer.get(key).and_then(Value::as_str).map(str::to_owned);
        let Some(user) = text("user_id") else { return };
        let shown = asked_with.filter(|_| path.ends_with("/account/whoami"));
        if let Some(token) = text("access_token").or(shown) {
            held(&self.owners).insert(token, user);
        }
    }
}

/// A document of the front end itself.
fn own(status: u16, body: &Value) -> Response<Bytes> {
    let mut response = answer::json(status, body);
    if let Value::String(text) = body {
        *response.body_mut() = text.clone().into();
    }
    response
}

/// An answer whose JSON is amended.
fn amended(response: Response<Bytes>, amendments: &[Value]) -> Response<Bytes> {
    if amendments.is_empty() {
        return response;
    }
    response.map(|body| {
        let mut body = json(&body);
        amendments.iter().for_each(|patch| merge(&mut body, patch));
        body.to_string().into()
    })
}

fn token_of(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// Locks; a panic elsewhere leaves these values whole.
fn held<T>(lock: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
