//! The two ends of the gateway: a caller that speaks to its proxy like a homeserver, and destinations.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "shared by several tests")]

use bytes::Bytes;
use fedproof_core::{ServerName, transcript::Exchange};
use fedproof_gateway::{Gateway, Host};
use futures::future::BoxFuture;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http1::SendRequest, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

pub const PATH: &str = "/_matrix/federation/v1/version";

/// One homeserver's view of its proxy.
pub struct Caller {
    pub proxy: SocketAddr,
    pub tls: Arc<ClientConfig>,
}

impl Caller {
    pub async fn new(gateway: &Gateway, name: &str) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(gateway.ca_pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { proxy: gateway.open_proxy(name.into()).await.unwrap(), tls: Arc::new(tls) }
    }

    /// Says `opening` and gives the stream and the first line of the answer.
    pub async fn open(&self, opening: &str) -> (TcpStream, String) {
        let mut stream = TcpStream::connect(self.proxy).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream.write_all(format!("{opening}\r\n\r\n").as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => break,
            }
        }
        let line = String::from_utf8(head).unwrap().lines().next().unwrap_or_default().to_owned();
        (stream, line)
    }

    /// A TLS tunnel by `CONNECT target`, verified for `name`.
    pub async fn tunnel(&self, target: &str, name: &str) -> TlsStream<TcpStream> {
        self.try_tunnel(target, name).await.unwrap()
    }

    pub async fn try_tunnel(&self, target: &str, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let (stream, line) = self.open(&format!("CONNECT {target} HTTP/1.0")).await;
        assert_eq!(line, "HTTP/1.0 200 Connection established");
        let name = name.to_owned().try_into().unwrap();
        TlsConnector::from(self.tls.clone()).connect(name, stream).await
    }

    /// An HTTP/1.1 connection to the server `name` on its usual port.
    pub async fn connect(&self, name: &str) -> Connection {
        self.connect_to(&format!("{name}:8448"), name).await
    }

    /// An HTTP/1.1 connection by `CONNECT target`, verified for `name`.
    pub async fn connect_to(&self, target: &str, name: &str) -> Connection {
        let tunnel = self.tunnel(target, name).await;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tunnel)).await.unwrap();
        let task = tokio::spawn(connection);
        Connection { sender, task, host: name.to_owned() }
    }
}

pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    task: tokio::task::JoinHandle<hyper::Result<()>>,
    host: String,
}

/// An answer as the caller got it.
#[derive(Debug)]
pub struct Got {
    pub status: StatusCode,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Connection {
    /// Aborting this ends the connection without a goodbye, as with a server that dies.
    pub fn life(&self) -> tokio::task::AbortHandle {
        self.task.abort_handle()
    }

    pub async fn send(&mut self, mut request: Request<Bytes>) -> Result<Got, hyper::Error> {
        request.headers_mut().entry("host").or_insert(self.host.parse().unwrap());
        self.sender.ready().await?;
        let response = self.sender.send_request(request.map(Full::new)).await?;
        let (head, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Got { status: head.status, headers: head.headers, body })
    }

    /// Status of the answer, and how many bytes came before the connection broke.
    pub async fn send_until_broken(&mut self, mut request: Request<Bytes>) -> (StatusCode, usize) {
        request.headers_mut().insert("host", self.host.parse().unwrap());
        let response = self.sender.send_request(request.map(Full::new)).await.unwrap();
        let (status, mut body, mut came) = (response.status(), response.into_body(), 0);
        loop {
            match body.frame().await {
                Some(Ok(frame)) => came += frame.data_ref().map_or(0, Bytes::len),
                Some(Err(_)) => return (status, came),
                None => panic!("the body is whole"),
            }
        }
    }

    pub async fn get(&mut self, path: &str) -> Result<Got, hyper::Error> {
        self.send(get(path)).await
    }
}

pub fn get(path: &str) -> Request<Bytes> {
    Request::get(path).body(Bytes::new()).unwrap()
}

pub fn put(path: &str, body: &Value) -> Request<Bytes> {
    Request::put(path).header("content-type", "application/json").body(body.to_string().into()).unwrap()
}

/// A request as a destination got it.
#[derive(Clone, Debug)]
pub struct Heard {
    pub caller: Option<ServerName>,
    pub method: String,
    pub uri: String,
    pub headers: http::HeaderMap,
    pub body: Bytes,
}

/// What destinations heard, and what they answer: status 200 and a JSON object that names them and the path.
#[derive(Clone, Default)]
pub struct Ears {
    name: String,
    heard: Arc<Mutex<Vec<Heard>>>,
    /// Where it listens, if it does.
    pub listener: Option<SocketAddr>,
    pub connections: Arc<AtomicUsize>,
}

impl Ears {
    pub fn heard(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }

    fn answer(&self, caller: Option<ServerName>, request: Request<Bytes>) -> Response<Bytes> {
        let (head, body) = request.into_parts();
        let uri = head.uri.to_string();
        let mut answer = json!({"i_am": self.name, "uri": uri, "access_token": "secret-in-answer"});
        if head.uri.path() == "/big" {
            answer["filler"] = "x".repeat(5_000_000).into();
        }
        if head.uri.path() == "/echo" {
            answer = serde_json::from_slice(&body).unwrap();
        }
        let (method, headers) = (head.method.to_string(), head.headers);
        let mut text = if head.uri.path() == "/empty" { Bytes::new() } else { answer.to_string().into() };
        let mut length = text.len();
        match head.uri.path() {
            // Only a host in process can get that wrong.
            "/wrong-length" => length += 7,
            _ if head.method == http::Method::HEAD => text = Bytes::new(),
            _ => {}
        }
        self.heard.lock().unwrap().push(Heard { caller, method, uri, headers, body });
        Response::builder()
            .header("content-type", "application/json")
            .header("content-length", length)
            .header("x-marker", "kept")
            .body(text)
            .unwrap()
    }
}

impl Host for Ears {
    fn answer(&self, caller: &ServerName, request: Request<Bytes>) -> BoxFuture<'_, Response<Bytes>> {
        let caller = caller.clone();
        Box::pin(async move { Ears::answer(self, Some(caller), request) })
    }
}

/// A virtual server under that name.
pub fn virtual_server(gateway: &Gateway, name: &str) -> Ears {
    let ears = Ears { name: name.into(), ..Ears::default() };
    gateway.route_virtual(name.into(), Arc::new(ears.clone()));
    ears
}

/// A real server under that name: a plain-HTTP listener.
pub async fn real_server(gateway: &Gateway, name: &str) -> Ears {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ears = Ears { name: name.into(), listener: listener.local_addr().ok(), ..Ears::default() };
    gateway.route_real(name.into(), listener.local_addr().unwrap());
    tokio::spawn(listen(listener, ears.clone()));
    ears
}

async fn listen(listener: TcpListener, ears: Ears) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        ears.connections.fetch_add(1, Ordering::SeqCst);
        let ears = ears.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let ears = ears.clone();
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await?.to_bytes();
                Ok::<_, hyper::Error>(ears.answer(None, Request::from_parts(head, body)).map(Full::new))
            }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// All exchanges so far.
pub fn exchanges(gateway: &Gateway) -> Vec<Arc<Exchange>> {
    gateway.transcript().since(0)
}

/// The only exchange so far.
pub fn only_exchange(gateway: &Gateway) -> Arc<Exchange> {
    let mut all = exchanges(gateway);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}
