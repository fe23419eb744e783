//! What stands before a homeserver of several processes.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use fedproof_gateway::{Balancer, CatchUp, Gateway, PROCESS};
use http_body_util::{BodyExt, Empty, Full};
use hyper_util::{
    client::legacy::Client,
    rt::{TokioExecutor, TokioIo},
};
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use support::{Ears, real_server};

/// A balancer before `main` and `worker`, which say nothing of their positions.
async fn set_up() -> (Balancer, Ears, Ears) {
    let gateway = Gateway::default();
    let (main, worker) = (real_server(&gateway, "main").await, real_server(&gateway, "worker").await);
    let [at_main, at_worker] = [&main, &worker].map(|ears| ears.listener.unwrap());
    let choose = move |asked: &fedproof_gateway::Asked<'_>| {
        let by_name = asked.process.map(|name| if name == "main" { at_main } else { at_worker });
        by_name.unwrap_or(if asked.path == "/shared" { at_worker } else { at_main })
    };
    let catch_up = CatchUp { main: at_main, path: "/positions".to_owned() };
    let at: SocketAddr = ([127, 0, 0, 1], 0).into();
    let balancer = Balancer::open("s.example".into(), at, Box::new(choose), catch_up).unwrap();
    (balancer, main, worker)
}

/// Who answers.
async fn ask(balancer: &Balancer, path: &str, process: Option<&str>) -> Option<String> {
    let client: Client<_, Empty<bytes::Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = http::Request::get(format!("http://{}{path}", balancer.address()));
    if let Some(process) = process {
        request = request.header(PROCESS, process);
    }
    let response = client.request(request.body(Empty::new()).unwrap()).await.ok()?;
    let body = response.into_body().collect().await.unwrap().to_bytes();
    Some(serde_json::from_slice::<Value>(&body).unwrap()["i_am"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn requests_go_where_they_belong_or_where_they_say() {
    let (balancer, _main, worker) = set_up().await;
    for (path, process, who) in [
        ("/shared", None, "worker"),
        ("/own", None, "main"),
        ("/own", Some("worker"), "worker"),
        ("/shared", Some("main"), "main"),
    ] {
        assert_eq!(ask(&balancer, path, process).await.as_deref(), Some(who), "{path} {process:?}");
    }
    assert!(worker.heard().iter().all(|heard| !heard.headers.contains_key(PROCESS)), "that is for the balancer only");
    let address = balancer.address();
    drop(balancer);
    let closed = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(5), closed).await.unwrap();
}

/// A process that is at `position`, and counts how often it was asked.
async fn process(name: &'static str, position: Arc<AtomicI64>, asked: Arc<AtomicUsize>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (position, asked) = (position.clone(), asked.clone());
            let service = hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                asked.fetch_add(1, Ordering::SeqCst);
                let answer = match request.uri().path() {
                    "/positions" => json!({"events": position.load(Ordering::SeqCst)}),
                    _ => json!({"i_am": name}),
                };
                async move { Ok::<_, hyper::Error>(http::Response::new(Full::<bytes::Bytes>::from(answer.to_string()))) }
            });
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

#[tokio::test]
async fn a_worker_is_asked_once_it_has_what_the_main_process_has() {
    let (behind, asked) = (Arc::new(AtomicI64::new(4)), Arc::new(AtomicUsize::new(0)));
    let main = process("main", Arc::new(AtomicI64::new(5)), Arc::default()).await;
    let worker = process("worker", behind.clone(), asked.clone()).await;
    let choose = Box::new(move |asked: &fedproof_gateway::Asked<'_>| if asked.path == "/main" { main } else { worker });
    let catch_up = CatchUp { main, path: "/positions".to_owned() };
    let balancer = Balancer::open("s.example".into(), ([127, 0, 0, 1], 0).into(), choose, catch_up).unwrap();
    assert_eq!(ask(&balancer, "/main", None).await.as_deref(), Some("main"));
    let waits = async {
        let mut answer = std::pin::pin!(ask(&balancer, "/x", None));
        while asked.load(Ordering::SeqCst) < 3 {
            tokio::select! {
                answer = &mut answer => panic!("{answer:?} before it was up to date"),
                () = tokio::task::yield_now() => {}
            }
        }
        behind.store(5, Ordering::SeqCst);
        answer.await
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), waits).await.unwrap();
    assert_eq!(answer.as_deref(), Some("worker"));
}
