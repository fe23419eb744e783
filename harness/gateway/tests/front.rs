//! The front end as client programs meet it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use bytes::Bytes;
use fedproof_core::transcript::{Api, Outcome};
use fedproof_gateway::{Document, Front, Gateway};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use support::{Ears, exchanges, real_server};

const MAINTENANCE: &str = "/_matrix/cmaintenance";
const ECHO: &str = "/echo";

async fn set_up() -> (Gateway, Front, Ears) {
    let gateway = Gateway::default();
    let ears = real_server(&gateway, "s.example").await;
    let front = gateway.open_front("s.example".into(), "front-i1").await.unwrap();
    (gateway, front, ears)
}

/// A client's request; `None` if the connection ended without an answer.
async fn ask(front: &Front, method: &str, path: &str, token: Option<&str>, body: &Value) -> Option<Response<Value>> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let mut request = Request::builder().method(method).uri(format!("{}{path}", front.base_url()));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
    let response = client.request(request.body(Full::new(body)).unwrap()).await.ok()?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let text = || Value::from(String::from_utf8_lossy(&body).into_owned());
    Some(Response::from_parts(head, serde_json::from_slice(&body).unwrap_or_else(|_| text())))
}

async fn get(front: &Front, path: &str) -> Option<Response<Value>> {
    ask(front, "GET", path, None, &Value::Null).await
}

#[tokio::test]
async fn requests_pass_and_are_recorded_under_their_users() {
    let (gateway, front, ears) = set_up().await;
    let login = json!({"user_id": "@alice:s.example", "access_token": "secret-1"});
    let answer = ask(&front, "POST", ECHO, None, &login).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.body()), (200, &login), "clients get it whole");
    ask(&front, "GET", "/empty?access_token=secret-1", Some("secret-1"), &Value::Null).await.unwrap();

    let heard = ears.heard();
    assert_eq!(heard[1].headers["authorization"], "Bearer secret-1");
    let recorded = exchanges(&gateway);
    let callers: Vec<&str> = recorded.iter().map(|exchange| exchange.caller.as_str()).collect();
    assert_eq!(callers, ["front-i1", "@alice:s.example"]);
    assert!(recorded.iter().all(|it| it.api == Api::Client && it.destination.as_str() == "s.example"));
    assert!(!format!("{recorded:?} {:?}", front.requests().since(0)).contains("secret-1"), "{recorded:?}");
    assert_eq!(front.requests().since(1)[0].path, "/empty?access_token=[redacted]");
}

#[tokio::test]
async fn documents_are_its_own_and_change() {
    let (gateway, front, ears) = set_up().await;
    let other = gateway.open_front("s.example".into(), "front-i2").await.unwrap();
    let serve = |document| front.serve(MAINTENANCE, document);
    let answer = |status, body| Document::Answer { status, body };

    serve(answer(200, json!({"downtime": []})));
    assert_eq!(get(&front, &format!("{MAINTENANCE}?x=1")).await.unwrap().body(), &json!({"downtime": []}));
    serve(answer(503, "{half".into()));
    let malformed = get(&front, MAINTENANCE).await.unwrap();
    assert_eq!((malformed.status().as_u16(), malformed.body()), (503, &json!("{half")));
    serve(answer(200, json!({"downtime": [], "versions": {"ios": {}}})));
    serve(Document::Amended(json!({"versions": null, "x": 1})));
    assert_eq!(get(&front, MAINTENANCE).await.unwrap().body(), &json!({"downtime": [], "x": 1}));
    serve(Document::Unreachable);
    assert!(get(&front, MAINTENANCE).await.is_none());
    assert!(matches!(exchanges(&gateway).last().unwrap().outcome, Outcome::Faulted { .. }));
    assert!(ears.heard().is_empty(), "the homeserver was asked");

    get(&other, MAINTENANCE).await.unwrap();
    serve(Document::Homeserver);
    get(&front, MAINTENANCE).await.unwrap();
    assert_eq!(ears.heard().len(), 2);
    front.serve("/event/$e:s.example", answer(200, json!("an event")));
    assert_eq!(get(&front, "/event/%24e%3As.example").await.unwrap().body(), &json!("an event"));
    front.serve("*", answer(403, json!({})));
    assert_eq!(get(&front, "/anything").await.unwrap().status(), 403);
    assert_eq!(front.requests().len(), 7);
}

#[tokio::test]
async fn clients_are_told_of_the_front_end_and_not_of_what_is_behind_it() {
    let (_gateway, front, ears) = set_up().await;
    let told = |path: &str| format!("{path}?homeserver=http://{}/", ears.listener.unwrap());
    let path = told("/_matrix/client/v3/login");
    let own = format!("/_matrix/client/v3/login?homeserver={}/", front.base_url());
    assert_eq!(get(&front, &path).await.unwrap().body()["uri"], own);
    let elsewhere = told("/_matrix/client/v3/sync");
    assert_eq!(get(&front, &elsewhere).await.unwrap().body()["uri"], elsewhere);
    let reply = front.ask("GET", "/_matrix/client/versions", None).await.unwrap();
    assert_eq!((reply.status, reply.exchange.caller.as_str()), (200, "front-i1"));
}

#[tokio::test]
async fn a_homeserver_that_is_gone_is_a_bad_gateway_and_a_front_end_that_is_gone_is_none() {
    let gateway = Gateway::default();
    let front = gateway.open_front("s.example".into(), "front").await.unwrap();
    assert_eq!(get(&front, "/").await.unwrap().status(), 502);
    let url = front.base_url().to_owned();
    drop(front);
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    client.get(url.parse().unwrap()).await.unwrap_err();
    gateway.close();
    gateway.open_front("s.example".into(), "front").await.unwrap_err();
}
