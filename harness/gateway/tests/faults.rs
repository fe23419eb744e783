//! Every effect, in both directions, and healing.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use fedproof_core::{ServerName, transcript::Outcome};
use fedproof_gateway::{Effect, Fault, FaultId, Gateway, SendError};
use serde_json::json;
use std::future::Future;
use support::{Caller, Ears, PATH, exchanges, get, only_exchange, put, real_server, virtual_server};
use tokio::io::AsyncWriteExt;

struct Bed {
    gateway: Gateway,
    caller: Caller,
    /// The destination.
    r: Ears,
}

impl Bed {
    async fn new() -> Self {
        let gateway = Gateway::default();
        let r = real_server(&gateway, "r.example").await;
        let caller = Caller::new(&gateway, "a.example").await;
        Self { gateway, caller, r }
    }

    fn inject(&self, effect: Effect) -> FaultId {
        self.gateway.inject(Fault {
            to: Some("R.example".into()),
            path: Some("/_matrix/*".into()),
            ..Fault::new(effect)
        })
    }

    async fn send(&self, path: &str) -> Result<fedproof_gateway::Reply, SendError> {
        self.gateway.send(&"v.example".into(), &"r.example".into(), get(path)).await
    }

    fn last_outcome(&self) -> Outcome {
        exchanges(&self.gateway).pop().unwrap().outcome.clone()
    }
}

/// Polls a future once; it must not be done.
async fn is_waiting(future: std::pin::Pin<&mut impl Future>) -> bool {
    let mut future = future;
    futures::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

#[tokio::test]
async fn refused_requests_reach_nobody() {
    let bed = Bed::new().await;
    let id = bed.inject(Effect::Refuse);
    bed.caller.connect("r.example").await.get(PATH).await.unwrap_err();
    assert!(matches!(bed.last_outcome(), Outcome::Faulted { fault } if fault.starts_with("refused")));
    let error = bed.send(PATH).await.unwrap_err();
    assert!(matches!(error, SendError::Faulted { .. }), "{error}");
    assert!(matches!(bed.last_outcome(), Outcome::Faulted { .. }));
    assert!(bed.r.heard().is_empty());
    assert_eq!(bed.send("/elsewhere").await.unwrap().status, 200, "another path");
    bed.gateway.heal(id);
    assert_eq!(bed.caller.connect("r.example").await.get(PATH).await.unwrap().status, 200);
    assert_eq!(bed.send(PATH).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_partition_refuses_the_connection() {
    let bed = Bed::new().await;
    virtual_server(&bed.gateway, "b.example");
    let kept = bed.caller.connect("r.example").await;
    let from: ServerName = "a.*".into();
    let all = Fault {
        from: Some(from),
        to: Some("r.example".into()),
        method: None,
        one_in: 1,
        path: None,
        effect: Effect::Refuse,
    };
    let id = bed.gateway.inject(all);
    assert_eq!(bed.caller.open("CONNECT r.example:8448 HTTP/1.0").await.1, "HTTP/1.0 502 Bad Gateway");
    let exchange = only_exchange(&bed.gateway);
    assert_eq!((&*exchange.method, &*exchange.path), ("CONNECT", "r.example:8448"));
    assert!(matches!(exchange.outcome, Outcome::Faulted { .. }));
    let mut kept = kept;
    kept.get(PATH).await.unwrap_err();
    assert_eq!(bed.caller.connect("b.example").await.get(PATH).await.unwrap().status, 200, "another destination");
    let other = Caller::new(&bed.gateway, "c.example").await;
    assert_eq!(other.connect("r.example").await.get(PATH).await.unwrap().status, 200, "another caller");
    assert_eq!(bed.send(PATH).await.unwrap().status, 200, "v.example is on the same side");
    bed.gateway.heal(id);
    assert_eq!(bed.caller.connect("r.example").await.get(PATH).await.unwrap().status, 200);
}

#[tokio::test]
async fn stalled_requests_go_on_when_healed() {
    let bed = Bed::new().await;
    let id = bed.inject(Effect::Stall);
    let mut connection = bed.caller.connect("r.example").await;
    let proxied = tokio::spawn(async move { connection.get(PATH).await });
    let sent = bed.send(PATH);
    tokio::pin!(sent);
    assert!(is_waiting(sent.as_mut()).await);
    // Another path on another connection passes, so the proxied request had its chance, too.
    bed.caller.connect("r.example").await.get("/elsewhere").await.unwrap();
    assert!(is_waiting(sent.as_mut()).await);
    assert!(!proxied.is_finished());
    assert_eq!(bed.r.heard().len(), 1);
    bed.gateway.heal(id);
    assert_eq!(sent.await.unwrap().status, 200);
    assert_eq!(proxied.await.unwrap().unwrap().status, 200);
    assert_eq!(bed.r.heard().len(), 3);
    assert!(exchanges(&bed.gateway).iter().all(|exchange| exchange.status() == Some(200)));
}

#[tokio::test]
async fn delayed_requests_go_on_after_their_time_or_when_healed() {
    let bed = Bed::new().await;
    let moment = bed.inject(Effect::Delay(std::time::Duration::from_millis(1)));
    assert_eq!(bed.send(PATH).await.unwrap().status, 200);
    bed.gateway.heal(moment);
    let hour = bed.inject(Effect::Delay(std::time::Duration::from_secs(3600)));
    let sent = bed.send(PATH);
    tokio::pin!(sent);
    assert!(is_waiting(sent.as_mut()).await);
    assert_eq!(bed.r.heard().len(), 1);
    bed.gateway.heal(hour);
    assert_eq!(sent.await.unwrap().status, 200);
}

#[tokio::test]
async fn a_stalled_request_ends_with_its_caller() {
    let bed = Bed::new().await;
    let id = bed.inject(Effect::Stall);
    let stalled = |from| {
        let transcript = bed.gateway.transcript().clone();
        async move { transcript.wait_for(from, |exchange| Some(exchange.outcome.clone())).await }
    };
    // One caller dies, another closes the connection as it should.
    let mut connection = bed.caller.connect("r.example").await;
    let life = connection.life();
    let request = put("/_matrix/federation/v1/send/1", &json!({"pdus": []}));
    let proxied = tokio::spawn(async move { connection.send(request).await });
    // This takes long enough for the request to be stalled.
    bed.caller.connect("r.example").await.get("/elsewhere").await.unwrap();
    life.abort();
    proxied.await.unwrap().unwrap_err();
    assert!(matches!(stalled(1).await, Outcome::Faulted { fault } if fault.starts_with("stalled")));
    let mut tunnel = bed.caller.tunnel("r.example:8448", "r.example").await;
    tunnel.write_all(format!("GET {PATH} HTTP/1.1\r\nHost: r.example\r\n\r\n").as_bytes()).await.unwrap();
    bed.caller.connect("r.example").await.get("/elsewhere").await.unwrap();
    tunnel.shutdown().await.unwrap();
    assert!(matches!(stalled(3).await, Outcome::Faulted { .. }));
    {
        let sent = bed.send(PATH);
        tokio::pin!(sent);
        assert!(is_waiting(sent.as_mut()).await);
    }
    assert!(matches!(bed.last_outcome(), Outcome::Faulted { .. }));
    bed.gateway.heal(id);
    bed.send("/elsewhere").await.unwrap();
    assert_eq!(bed.r.heard().iter().filter(|heard| heard.uri.starts_with("/_matrix")).count(), 0);
    assert_eq!(exchanges(&bed.gateway).len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_send_has_a_time_limit() {
    let bed = Bed::new().await;
    bed.inject(Effect::Stall);
    // Paused time jumps to the limit as soon as nothing else is to be done.
    let error = bed.send(PATH).await.unwrap_err();
    assert!(matches!(error, SendError::TimeLimit { .. }), "{error}");
    assert_eq!(error.to_string(), format!("send GET {PATH} to r.example: no answer within 60 s"));
    assert!(matches!(only_exchange(&bed.gateway).outcome, Outcome::Faulted { .. }));
}

#[tokio::test]
async fn a_cut_leaves_half_of_the_body() {
    let bed = Bed::new().await;
    let all = |path: &str| Fault {
        from: None,
        to: None,
        method: Some("GET".into()),
        one_in: 1,
        path: Some(path.into()),
        effect: Effect::Cut,
    };
    let id = bed.gateway.inject(all("/*"));
    let (status, came) = bed.caller.connect("r.example").await.send_until_broken(get("/big")).await;
    assert_eq!(status, 200);
    assert!(came > 2_400_000 && came < 2_600_000, "{came} bytes");
    assert_eq!(bed.r.heard().len(), 1, "the destination has done its part");
    let exchange = only_exchange(&bed.gateway);
    assert!(matches!(&exchange.outcome, Outcome::Faulted { fault } if fault.starts_with("cut")));
    assert_eq!(exchange.response["i_am"], "r.example");
    let (_, came) = bed.caller.connect("r.example").await.send_until_broken(get(PATH)).await;
    assert!(came > 10 && came < 100, "{came} bytes");
    bed.caller.connect("r.example").await.get("/empty").await.unwrap_err();
    let error = bed.send(PATH).await.unwrap_err();
    assert!(matches!(error, SendError::Faulted { .. }), "{error}");
    assert_eq!(bed.r.heard().len(), 4);
    assert_eq!(bed.caller.connect("r.example").await.send(put("/x", &json!({}))).await.unwrap().status, 200);
    bed.gateway.heal(id);
    assert_eq!(bed.send(PATH).await.unwrap().status, 200);
}

#[tokio::test]
async fn an_answer_stands_in_for_the_destination() {
    let bed = Bed::new().await;
    let body = json!({"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1});
    let id = bed.inject(Effect::Answer { status: 429, body: body.clone() });
    let mut connection = bed.caller.connect("r.example").await;
    let got = connection.get(PATH).await.unwrap();
    assert_eq!((got.status.as_u16(), got.json()), (429, body.clone()));
    assert_eq!(got.headers["content-type"], "application/json");
    assert_eq!(bed.last_outcome(), Outcome::Answered { status: 429 });
    let reply = bed.send(PATH).await.unwrap();
    assert_eq!((reply.status, reply.body, &reply.exchange.response), (429, body.clone(), &body));
    assert!(bed.r.heard().is_empty());
    bed.gateway.heal(id);
    assert_eq!(connection.get(PATH).await.unwrap().status, 200, "on the same connection");
}

#[tokio::test]
async fn a_rewrite_changes_the_destinations_answer() {
    let bed = Bed::new().await;
    let rewrite = |when_status, status, body| Effect::Rewrite { when_status, status, body };
    bed.inject(rewrite(Some(403), Some(200), Some(json!({"never": true}))));
    let mut connection = bed.caller.connect("r.example").await;
    assert_eq!(connection.get(PATH).await.unwrap().json()["i_am"], "r.example", "another status");
    let id = bed.inject(rewrite(Some(200), Some(403), None));
    let got = connection.get(PATH).await.unwrap();
    assert_eq!((got.status.as_u16(), got.json()["i_am"].as_str()), (403, Some("r.example")));
    bed.gateway.heal(id);
    bed.inject(rewrite(None, None, Some(json!({"tampered": "with"}))));
    let got = connection.get(PATH).await.unwrap();
    assert_eq!((got.status.as_u16(), got.json()), (200, json!({"tampered": "with"})));
    assert_eq!(got.headers["x-marker"], "kept");
    let reply = bed.send(PATH).await.unwrap();
    assert_eq!((reply.status, &reply.body), (200, &json!({"tampered": "with"})));
    assert_eq!(bed.r.heard().len(), 4, "the destination is always asked");
    assert_eq!(exchanges(&bed.gateway).pop().unwrap().response, json!({"tampered": "with"}));
}

#[tokio::test]
async fn faults_meet_requests_between_virtual_servers() {
    let bed = Bed::new().await;
    let b = virtual_server(&bed.gateway, "b.example");
    let (v, w, to) = ("v.example".into(), "w.example".into(), "b.example".into());
    let fault = |effect| Fault {
        from: Some("v.example".into()),
        to: Some("b.example".into()),
        method: None,
        one_in: 1,
        path: None,
        effect,
    };
    bed.gateway.inject(fault(Effect::Refuse));
    bed.gateway.send(&v, &to, get(PATH)).await.unwrap_err();
    assert_eq!(bed.gateway.send(&w, &to, get(PATH)).await.unwrap().status, 200);
    bed.gateway.inject(fault(Effect::Answer { status: 500, body: json!({}) }));
    assert_eq!(bed.gateway.send(&v, &to, get(PATH)).await.unwrap().status, 500);
    assert_eq!(b.heard().len(), 1);
}
