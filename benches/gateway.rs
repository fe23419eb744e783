//! What passing the gateway adds to one request: the same listener, asked directly and through the gateway, in the way
//! that virtual servers take (`send`) and in the way that real ones take (proxy, TLS).

use criterion::{Criterion, criterion_group, criterion_main};
use fedproof_gateway::Gateway;
use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

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

fn pass_through(c: &mut Criterion) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (gateway, address, proxy) = runtime.block_on(async {
        let gateway = Gateway::new().expect("a gateway");
        let address = listener().await;
        gateway.route_real("real.example".into(), address);
        let proxy = gateway.open_proxy("caller.example".into()).await.expect("a port");
        (gateway, address, proxy)
    });
    let path = "/_matrix/federation/v1/version";
    let mut group = c.benchmark_group("gateway");

    let direct = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client");
    group.bench_function("directly", |b| {
        b.to_async(&runtime).iter(|| async {
            let url = format!("http://{address}{path}");
            direct.get(url).send().await.expect("answered").bytes().await.expect("read")
        });
    });
    let (from, to) = ("virtual.example".into(), "real.example".into());
    group.bench_function("by send, as virtual servers do", |b| {
        b.to_async(&runtime).iter(|| async {
            let request = http::Request::get(path).body(bytes::Bytes::new()).expect("a request");
            gateway.send(&from, &to, request).await.expect("answered")
        });
    });
    let ca = reqwest::Certificate::from_pem(gateway.ca_pem().as_bytes()).expect("a certificate");
    let proxied = reqwest::Client::builder()
        .proxy(reqwest::Proxy::https(format!("http://{proxy}")).expect("a proxy"))
        .tls_certs_only([ca])
        .tcp_nodelay(true)
        .build()
        .expect("a client");
    group.bench_function("by proxy and TLS, as real servers do", |b| {
        b.to_async(&runtime).iter(|| async {
            let url = format!("https://real.example:8448{path}");
            proxied.get(url).send().await.expect("answered").bytes().await.expect("read")
        });
    });
    group.finish();
    gateway.close();
}

criterion_group!(benches, pass_through);
criterion_main!(benches);
