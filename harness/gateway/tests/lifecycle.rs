//! Opening, closing, and many names.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use fedproof_core::{ServerName, transcript::Outcome};
use fedproof_gateway::{Effect, Fault, Gateway, GatewayError, SendError};
use std::sync::Arc;
use support::{Caller, PATH, exchanges, get, real_server, virtual_server};
use tokio::{io::AsyncReadExt, net::TcpStream};

#[tokio::test]
async fn closing_ends_everything() {
    let gateway = Gateway::default();
    let b = virtual_server(&gateway, "b.example");
    let caller = Caller::new(&gateway, "a.example").await;
    let mut connection = caller.connect("b.example").await;
    connection.get(PATH).await.unwrap();
    let mut idle = caller.tunnel("b.example:8448", "b.example").await;
    let mut silent = TcpStream::connect(caller.proxy).await.unwrap();
    let (from, to) = (ServerName::new("v.example"), ServerName::new("b.example"));
    gateway.inject(Fault::new(Effect::Stall));
    let stalled = tokio::spawn({
        let (gateway, to) = (gateway.clone(), to.clone());
        async move { gateway.send(&from, &to, get(PATH)).await }
    });
    // The single-threaded test runtime runs what was spawned first, first.
    tokio::task::yield_now().await;
    gateway.close();
    gateway.close();
    assert_eq!(stalled.await.unwrap().unwrap_err(), SendError::Closed(to.clone()));
    connection.get(PATH).await.unwrap_err();
    // Ended without a TLS goodbye, which rustls calls an error, or with nothing more to read.
    assert_eq!(idle.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert_eq!(silent.read(&mut [0; 1]).await.unwrap_or(0), 0);
    assert!(matches!(gateway.open_proxy("c.example".into()).await, Err(GatewayError::Closed)));
    assert!(matches!(gateway.send(&"v.example".into(), &to, get(PATH)).await, Err(SendError::Closed(_))));
    assert!(!exchanges(&gateway).iter().any(|exchange| exchange.outcome == Outcome::UnknownName), "no leak");
    while TcpStream::connect(caller.proxy).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(b.heard().len(), 1);
    drop(gateway);
}

#[tokio::test]
async fn the_last_clone_closes() {
    let gateway = Gateway::default();
    virtual_server(&gateway, "b.example");
    let caller = Caller::new(&gateway, "a.example").await;
    let mut connection = caller.connect("b.example").await;
    let clone = gateway.clone();
    drop(gateway);
    connection.get(PATH).await.unwrap();
    drop(clone);
    connection.get(PATH).await.unwrap_err();
    while TcpStream::connect(caller.proxy).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn closing_lets_go_of_hosts() {
    struct Holder(#[allow(dead_code, reason = "held")] Gateway);
    impl fedproof_gateway::Host for Holder {
        fn answer(
            &self,
            _: &ServerName,
            _: http::Request<bytes::Bytes>,
        ) -> futures::future::BoxFuture<'_, http::Response<bytes::Bytes>> {
            Box::pin(async { http::Response::default() })
        }
    }
    let gateway = Gateway::default();
    let host = Arc::new(Holder(gateway.clone()));
    gateway.route_virtual("b.example".into(), host.clone());
    assert_eq!(Arc::strong_count(&host), 2);
    gateway.close();
    assert_eq!(Arc::strong_count(&host), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_names_are_reachable_at_once() {
    let gateway = Gateway::default();
    real_server(&gateway, "r.example").await;
    for n in 0..1000 {
        virtual_server(&gateway, &format!("s{n}.example"));
    }
    let caller = Arc::new(Caller::new(&gateway, "r.example").await);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..200 {
        let (gateway, caller) = (gateway.clone(), caller.clone());
        tasks.spawn(async move {
            let name = format!("s{}.example", n * 5);
            let got = caller.connect(&name).await.get(PATH).await.unwrap();
            assert_eq!(got.json()["i_am"], *name);
            let reply = gateway.send(&name.as_str().into(), &"r.example".into(), get(PATH)).await.unwrap();
            assert_eq!((reply.status, &*reply.exchange.caller), (200, &*name));
        });
    }
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let all = exchanges(&gateway);
    assert_eq!(all.len(), 400);
    assert!(all.iter().enumerate().all(|(at, exchange)| exchange.id == at as u64 && exchange.status() == Some(200)));
}

#[tokio::test]
async fn a_caller_that_distrusts_the_certificate_is_recorded() {
    let (gateway, other) = (Gateway::default(), Gateway::default());
    virtual_server(&gateway, "b.example");
    let caller = Caller::new(&gateway, "a.example").await;
    let stranger = Caller { proxy: caller.proxy, ..Caller::new(&other, "x.example").await };
    stranger.try_tunnel("b.example:8448", "b.example").await.unwrap_err();
    let exchange = gateway.transcript().wait_for(0, |exchange| Some(exchange.clone())).await;
    assert!(matches!(&exchange.outcome, Outcome::Failed { error } if error.starts_with("TLS handshake")));
    assert_eq!((exchange.destination.as_str(), &*exchange.method), ("b.example", "CONNECT"));
}
