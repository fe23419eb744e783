//! What passing the gateway adds to one request: the same listener, asked directly and through the gateway, in the way
//! that virtual servers take (`send`) and in the way that real ones take (proxy, TLS).

use criterion::{Criterion, criterion_group, criterion_main};
use fedproof_gateway::Gateway;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Runtime,
    sync::Mutex,
};

const PATH: &str = "/_matrix/federation/v1/version";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/// A listener that answers `{}` to anything, on connections that stay open.
async fn listener() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                let mut buffer = vec![0; 16 * 1024];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    if stream.write_all(ANSWER).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

/// One request on an open connection, until its answer is whole.
async fn ask(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
    let request = format!("GET {PATH} HTTP/1.1\r\nhost: real.example\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n{}") {
        assert!(stream.read_buf(&mut answer).await.expect("read") > 0, "the connection stays open");
    }
}

/// A connection to `real.example` through the proxy, as a real homeserver makes it.
async fn tunnel(gateway: &Gateway, proxy: SocketAddr) -> impl AsyncRead + AsyncWrite + Unpin {
    let mut stream = TcpStream::connect(proxy).await.expect("connected");
    stream.set_nodelay(true).expect("set");
    stream.write_all(b"CONNECT real.example:8448 HTTP/1.0\r\n\r\n").await.expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.expect("read") > 0, "the proxy answers");
    }
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(gateway.ca_pem().as_bytes()).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = "real.example".try_into().expect("a name");
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("TLS")
}

fn pass_through(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (gateway, address, proxy) = runtime.block_on(async {
        let gateway = Gateway::new().expect("a gateway");
        let address = listener().await;
        gateway.route_real("real.example".into(), address);
        let proxy = gateway.open_proxy("caller.example".into()).await.expect("a port");
        (gateway, address, proxy)
    });
    let mut group = c.benchmark_group("gateway");

    let direct = runtime.block_on(async { Mutex::new(TcpStream::connect(address).await.expect("connected")) });
    group.bench_function("directly", |b| b.to_async(&runtime).iter(|| async { ask(&mut *direct.lock().await).await }));
    let (from, to) = ("virtual.example".into(), "real.example".into());
    group.bench_function("by send, as virtual servers do", |b| {
        b.to_async(&runtime).iter(|| async {
            let request = http::Request::get(PATH).body(bytes::Bytes::new()).expect("a request");
            gateway.send(&from, &to, request).await.expect("answered")
        });
    });
    let tunnelled = runtime.block_on(async { Mutex::new(tunnel(&gateway, proxy).await) });
    group.bench_function("by proxy and TLS, as real servers do", |b| {
        b.to_async(&runtime).iter(|| async { ask(&mut *tunnelled.lock().await).await });
    });
    group.finish();
    gateway.close();
}

criterion_group!(benches, pass_through);
criterion_main!(benches);
