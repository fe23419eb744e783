//! One proxy port of one real homeserver.

use crate::{
    carry::Fabric,
    connect::{Opening, Target, read_opening, target_of_absolute},
    listen::BoxError,
    record::Pending,
    route::Place,
    serve::serve,
};
use fedproof_core::{ServerName, transcript::Outcome};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncWriteExt, BufReader},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// How long a caller may take from connecting to the end of the TLS handshake.
const SETUP_LIMIT: Duration = Duration::from_secs(60);

type Tunnel = TlsStream<BufReader<TcpStream>>;

/// Serves one connection of `caller`.
pub(crate) async fn connection(
    fabric: Arc<Fabric>,
    caller: Arc<ServerName>,
    stream: TcpStream,
) -> Result<(), BoxError> {
    stream.set_nodelay(true)?;
    let Some((target, tunnel)) = timeout(SETUP_LIMIT, set_up(&fabric, &caller, stream)).await?? else {
        return Ok(());
    };
    let service = service_fn(|request| serve(&fabric, &caller, &target, request));
    // Callers keep connections as long as they like; they all end with the gateway.
    let mut http = http1::Builder::new();
    http.header_read_timeout(None);
    let result = http.serve_connection(TokioIo::new(tunnel), service).await;
    if let Some(error) = result.as_ref().err().filter(|error| error.is_parse()) {
        // hyper has answered 400 before there was a request to record.
        Pending::begin(&fabric.transcript, &caller, &target.server_name(), "", "", None)
            .finish(Outcome::Failed { error: format!("read the request: {error}") }, Value::Null);
    }
    Ok(result?)
}

/// From the first byte to the end of the TLS handshake; `None` if the connection is over before.
async fn set_up(fabric: &Fabric, caller: &ServerName, stream: TcpStream) -> io::Result<Option<(Target, Tunnel)>> {
    let mut stream = BufReader::new(stream);
    let target = match read_opening(&mut stream).await? {
        None => return Ok(None),
        Some(Opening::Connect(target)) => target,
        Some(Opening::Other { method, target }) => {
            refuse_other(fabric, caller, &method, &target);
            refuse(stream, "403 Forbidden").await?;
            return Ok(None);
        }
    };
    let Some(route) = fabric.routes.of_target(&target) else {
        let path = format!("{}:{}", target.host, target.port);
        Pending::begin(&fabric.transcript, caller, &target.server_name(), "CONNECT", &path, None)
            .finish(Outcome::UnknownName, Value::Null);
        refuse(stream, "403 Forbidden").await?;
        return Ok(None);
    };
    let path = format!("{}:{}", target.host, target.port);
    let pending = Pending::begin(&fabric.transcript, caller, &route.name, "CONNECT", &path, None);
    let retired = matches!(route.place, Place::Retired);
    if let Some(fault) = fabric.faults.on_connection(caller, &route.name).filter(|_| !retired) {
        pending.finish(Outcome::Faulted { fault: fault.words.clone() }, Value::Null);
        refuse(stream, "502 Bad Gateway").await?;
        return Ok(None);
    }
    let config = match fabric.authority.config(&target.host) {
        Ok(config) => config,
        Err(error) => {
            pending.finish(Outcome::Failed { error: error.to_string() }, Value::Null);
            refuse(stream, "502 Bad Gateway").await?;
            return Ok(None);
        }
    };
    stream.write_all(b"HTTP/1.0 200 Connection established\r\n\r\n").await?;
    match TlsAcceptor::from(config).accept(stream).await {
        Ok(tunnel) => {
            pending.forget();
            Ok(Some((target, tunnel)))
        }
        Err(error) => {
            pending.finish(Outcome::Failed { error: format!("TLS handshake: {error}") }, Value::Null);
            Err(error)
        }
    }
}

/// Records a request that is no CONNECT: a server that is unknown makes it evidence of a leak.
fn refuse_other(fabric: &Fabric, caller: &ServerName, method: &str, text: &str) {
    let target = target_of_absolute(text);
    let route = target.as_ref().and_then(|target| fabric.routes.of_target(target));
    let outcome = match (&target, &route) {
        (Some(_), None) => Outcome::UnknownName,
        _ => Outcome::Failed { error: "the gateway's proxy takes CONNECT host:port only".into() },
    };
    let name = match (route, target) {
        (Some(route), _) => route.name,
        (None, Some(target)) => target.server_name(),
        (None, None) => ServerName::new(""),
    };
    Pending::begin(&fabric.transcript, caller, &name, method, text, None).finish(outcome, Value::Null);
}

async fn refuse(mut stream: BufReader<TcpStream>, status: &str) -> io::Result<()> {
    let answer = format!("HTTP/1.0 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}
