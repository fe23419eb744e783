//! Who is reached by which name, who is said to have called, and what the transcript has of it.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use fedproof_core::transcript::Outcome;
use fedproof_gateway::{Effect, Fault, Gateway, SendError};
use http::Request;
use serde_json::json;
use std::sync::atomic::Ordering;
use support::{Caller, PATH, exchanges, get, only_exchange, put, real_server, virtual_server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn names_lead_to_their_servers() {
    let gateway = Gateway::default();
    real_server(&gateway, "A.example").await;
    for name in ["b.example", "d.example:1234", "[::1]", "203.0.113.9", "[2001:db8::2]:1234"] {
        virtual_server(&gateway, name);
    }
    let caller = Caller::new(&gateway, "caller.example").await;
    for (target, certified, server) in [
        ("a.example:8448", "a.example", "A.example"),
        ("B.EXAMPLE:8448", "b.example", "b.example"),
        ("d.example:1234", "d.example", "d.example:1234"),
        ("::1:8448", "::1", "[::1]"),
        ("[::1]:8448", "::1", "[::1]"),
        ("[0:0:0:0:0:0:0:1]:8448", "::1", "[::1]"),
        ("203.0.113.9:8448", "203.0.113.9", "203.0.113.9"),
        ("2001:db8::2:1234", "2001:db8::2", "[2001:db8::2]:1234"),
    ] {
        let got = caller.connect_to(target, certified).await.get(PATH).await.unwrap();
        assert_eq!(got.json()["i_am"], server, "{target}");
        let exchange = exchanges(&gateway).pop().unwrap();
        assert_eq!(exchange.destination, server.into(), "{target}");
        assert_eq!(exchange.caller, "caller.example");
    }
}

#[tokio::test]
async fn the_well_known_document_names_the_federation_port() {
    let gateway = Gateway::default();
    let (b, d) = (virtual_server(&gateway, "b.example"), virtual_server(&gateway, "d.example:443"));
    let caller = Caller::new(&gateway, "a.example").await;
    let path = "/.well-known/matrix/server";
    let mut connection = caller.connect_to("b.example:443", "b.example").await;
    assert_eq!(connection.get(path).await.unwrap().json(), json!({"m.server": "b.example:8448"}));
    assert!(b.heard().is_empty(), "the gateway answers");
    assert_eq!(only_exchange(&gateway).outcome, Outcome::Answered { status: 200 });
    assert_eq!(connection.get("/.well-known/matrix/client").await.unwrap().json()["i_am"], "b.example");
    // On the federation port the path is one like any other, and so it is where 443 is that port.
    assert_eq!(caller.connect("b.example").await.get(path).await.unwrap().json()["i_am"], "b.example");
    let mut connection = caller.connect_to("d.example:443", "d.example").await;
    assert_eq!(connection.get(path).await.unwrap().json()["i_am"], "d.example:443");
    assert_eq!((b.heard().len(), d.heard().len()), (2, 1));
}

#[tokio::test]
async fn an_unknown_name_is_refused_and_recorded() {
    let gateway = Gateway::default();
    virtual_server(&gateway, "d.example:1234");
    let caller = Caller::new(&gateway, "a.example").await;
    for (opening, destination, method) in [
        ("CONNECT Localhost:8448 HTTP/1.0", "localhost", "CONNECT"),
        ("CONNECT ::1:443 HTTP/1.0", "[::1]", "CONNECT"),
        ("CONNECT other.example:999 HTTP/1.1\r\nHost: other.example", "other.example:999", "CONNECT"),
        ("CONNECT d.example:443 HTTP/1.0", "d.example", "CONNECT"),
        ("GET http://push.example/x HTTP/1.1", "push.example:80", "GET"),
    ] {
        let (_, line) = caller.open(opening).await;
        assert_eq!(line, "HTTP/1.0 403 Forbidden", "{opening}");
        let exchange = exchanges(&gateway).pop().unwrap();
        assert_eq!(exchange.outcome, Outcome::UnknownName, "{opening}");
        assert_eq!((exchange.destination.as_str(), &*exchange.method), (destination, method), "{opening}");
        assert_eq!(exchange.caller, "a.example");
    }
    let error = gateway.send(&"v.example".into(), &"nobody.example".into(), get(PATH)).await.unwrap_err();
    assert_eq!(error, SendError::UnknownName("nobody.example".into()));
    assert_eq!(exchanges(&gateway).pop().unwrap().outcome, Outcome::UnknownName);
    // What is no request of a proxy at all is no leak either.
    assert_eq!(caller.open("HELLO").await.1, "HTTP/1.0 403 Forbidden");
    assert!(matches!(exchanges(&gateway).pop().unwrap().outcome, Outcome::Failed { .. }));
}

#[tokio::test]
async fn a_retired_name_is_answered_neutrally() {
    let gateway = Gateway::default();
    let (b, v) = (virtual_server(&gateway, "b.example"), "v.example".into());
    let caller = Caller::new(&gateway, "a.example").await;
    let mut connection = caller.connect("b.example").await;
    connection.get(PATH).await.unwrap();
    gateway.retire(&"B.example".into());
    gateway.inject(Fault::new(Effect::Refuse));
    let mut again = caller.connect("b.example").await;
    for connection in [&mut connection, &mut again] {
        let got = connection.send(put("/_matrix/federation/v1/send/1", &json!({"pdus": []}))).await.unwrap();
        assert_eq!((got.status.as_u16(), got.json()), (200, json!({})));
        let exchange = exchanges(&gateway).pop().unwrap();
        assert_eq!((&exchange.outcome, &exchange.request), (&Outcome::Retired, &json!({"pdus": []})));
    }
    let reply = gateway.send(&v, &"b.example".into(), get(PATH)).await.unwrap();
    assert_eq!((reply.status, &reply.body, &reply.exchange.outcome), (200, &json!({}), &Outcome::Retired));
    assert_eq!(b.heard().len(), 1, "only what came before");
    // Without the document the caller would ask the real DNS.
    let mut connection = caller.connect_to("b.example:443", "b.example").await;
    let got = connection.get("/.well-known/matrix/server").await.unwrap();
    assert_eq!(got.json(), json!({"m.server": "b.example:8448"}));
    assert_eq!(exchanges(&gateway).pop().unwrap().outcome, Outcome::Retired);
}

#[tokio::test]
async fn the_port_says_who_calls_and_the_header_what_is_claimed() {
    let gateway = Gateway::default();
    let (r, b) = (real_server(&gateway, "r.example").await, virtual_server(&gateway, "b.example"));
    let header = r#"X-Matrix origin="Liar.example",destination="x",key="ed25519:1",sig="c2VjcmV0LXNpZw""#;
    for name in ["one.example", "two.example"] {
        let caller = Caller::new(&gateway, name).await;
        for server in ["r.example", "b.example"] {
            let request = Request::get(PATH).header("authorization", header).body(bytes::Bytes::new()).unwrap();
            caller.connect(server).await.send(request).await.unwrap();
            let exchange = exchanges(&gateway).pop().unwrap();
            assert_eq!((&*exchange.caller, exchange.destination.as_str()), (name, server));
            assert_eq!(exchange.origin, Some("liar.example".into()));
        }
        assert_eq!(b.heard().pop().unwrap().caller, Some(name.into()));
    }
    let request = Request::get(PATH).header("authorization", header).body(bytes::Bytes::new()).unwrap();
    let reply = gateway.send(&"v.example".into(), &"r.example".into(), request).await.unwrap();
    assert_eq!((&*reply.exchange.caller, &reply.exchange.origin), ("v.example", &Some("liar.example".into())));
    assert!(r.heard().iter().chain(&b.heard()).all(|heard| heard.headers["authorization"] == header), "passed on");
    let record = serde_json::to_string(&exchanges(&gateway)).unwrap();
    assert!(!record.contains("c2VjcmV0LXNpZw") && !record.contains("X-Matrix"), "never recorded");
}

#[tokio::test]
async fn an_exchange_is_recorded_as_it_was() {
    let gateway = Gateway::default();
    let r = real_server(&gateway, "r.example").await;
    let mut connection = Caller::new(&gateway, "a.example").await.connect("r.example").await;
    let path = "/_matrix/federation/v1/send/a%2Fb?x=%20";
    let mut request = put(path, &json!({"pdus": [{"type": "t"}], "token": "secret"}));
    for (name, value) in [("connection", "x-hop"), ("x-hop", "1"), ("x-end", "2"), ("host", "r.example:8448")] {
        request.headers_mut().insert(http::HeaderName::from_static(name), value.parse().unwrap());
    }
    let got = connection.send(request).await.unwrap();
    assert_eq!(
        (&got.headers["x-marker"], got.json()["access_token"].as_str()),
        (&"kept".parse().unwrap(), Some("secret-in-answer"))
    );
    let heard = r.heard().remove(0);
    assert_eq!((&*heard.method, &*heard.uri), ("PUT", path));
    assert_eq!(heard.body, json!({"pdus": [{"type": "t"}], "token": "secret"}).to_string());
    assert_eq!((heard.headers.get("x-hop"), &heard.headers["x-end"]), (None, &"2".parse().unwrap()));
    assert_eq!(heard.headers["host"], "r.example:8448");
    let exchange = only_exchange(&gateway);
    assert_eq!((&*exchange.method, &*exchange.path), ("PUT", path));
    assert_eq!(exchange.request, json!({"pdus": [{"type": "t"}], "token": "[redacted]"}));
    assert_eq!(exchange.outcome, Outcome::Answered { status: 200 });
    assert_eq!(exchange.response["access_token"], "[redacted]");
    assert_eq!(exchange.pdus().len(), 1);
    assert!(exchange.started_us + exchange.duration_us <= gateway.transcript().now_us());
}

#[tokio::test]
async fn virtual_servers_get_their_answer_whole() {
    let gateway = Gateway::default();
    let (r, b) = (real_server(&gateway, "r.example").await, virtual_server(&gateway, "b.example"));
    let from = "v.example".into();
    for (name, ears) in [("r.example", &r), ("B.example", &b)] {
        let reply = gateway.send(&from, &name.into(), put("/x?y=1", &json!({"a": 1}))).await.unwrap();
        assert_eq!((reply.status, &reply.body["access_token"]), (200, &json!("secret-in-answer")));
        assert_eq!(reply.exchange.response["access_token"], "[redacted]");
        assert_eq!(reply.exchange.request, json!({"a": 1}));
        let heard = ears.heard().remove(0);
        assert_eq!((&*heard.uri, &heard.body[..]), ("/x?y=1", &br#"{"a":1}"#[..]));
    }
    assert_eq!(r.heard()[0].headers["host"], "r.example");
    assert_eq!(b.heard()[0].caller, Some(from));
    let last = exchanges(&gateway).pop().unwrap();
    assert_eq!(last.id, 1, "one record each");
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let gateway = Gateway::default();
    let r = real_server(&gateway, "r.example").await;
    let mut connection = Caller::new(&gateway, "a.example").await.connect("r.example").await;
    for n in 0..20 {
        let path = format!("{PATH}?n={n}");
        assert_eq!(connection.get(&path).await.unwrap().json()["uri"], path);
    }
    assert_eq!(r.heard().len(), 20);
    assert_eq!(exchanges(&gateway).len(), 20);
    assert_eq!(r.connections.load(Ordering::SeqCst), 1, "the way to the server is kept as well");
}

#[tokio::test]
async fn bodies_may_be_big_or_empty() {
    let gateway = Gateway::default();
    real_server(&gateway, "r.example").await;
    virtual_server(&gateway, "b.example");
    let caller = Caller::new(&gateway, "a.example").await;
    let big = json!({"list": vec!["0123456789"; 600_000]});
    for name in ["r.example", "b.example"] {
        let mut connection = caller.connect(name).await;
        let got = connection.send(put("/echo", &big)).await.unwrap();
        assert!(got.json() == big, "{name}: {} bytes came back", got.body.len());
        let exchange = exchanges(&gateway).pop().unwrap();
        assert!(exchange.request == big && exchange.response == big, "{name}: recorded whole");
        let got = connection.get("/empty").await.unwrap();
        assert_eq!((got.status.as_u16(), got.body.len()), (200, 0));
        assert!(exchanges(&gateway).pop().unwrap().response.is_null());
    }
    let reply = gateway.send(&"v.example".into(), &"r.example".into(), put("/echo", &big)).await.unwrap();
    assert!(reply.body == big);
}

#[tokio::test]
async fn lengths_are_right() {
    let gateway = Gateway::default();
    real_server(&gateway, "r.example").await;
    virtual_server(&gateway, "b.example");
    let caller = Caller::new(&gateway, "a.example").await;
    for name in ["r.example", "b.example"] {
        let mut connection = caller.connect(name).await;
        let whole = connection.get(PATH).await.unwrap();
        let got = connection.send(Request::head(PATH).body(bytes::Bytes::new()).unwrap()).await.unwrap();
        assert_eq!((got.status.as_u16(), got.body.len()), (200, 0));
        assert_eq!(got.headers["content-length"], *whole.body.len().to_string());
    }
    let got = caller.connect("b.example").await.get("/wrong-length").await.unwrap();
    assert_eq!(got.headers["content-length"], *got.body.len().to_string());
}

#[tokio::test]
async fn what_is_no_http_is_recorded() {
    let gateway = Gateway::default();
    virtual_server(&gateway, "b.example");
    let caller = Caller::new(&gateway, "a.example").await;
    let mut tunnel = caller.tunnel("b.example:8448", "b.example").await;
    tunnel.write_all(b"no request at all\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    tunnel.read_to_end(&mut answer).await.unwrap_or_default();
    assert!(answer.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&answer));
    let outcome = gateway.transcript().wait_for(0, |exchange| Some(exchange.outcome.clone())).await;
    assert!(matches!(outcome, Outcome::Failed { error } if error.starts_with("read the request")));
}

#[tokio::test]
async fn a_server_that_is_down_is_a_bad_gateway_until_it_is_back() {
    let gateway = Gateway::default();
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    gateway.route_real("r.example".into(), gone);
    let mut connection = Caller::new(&gateway, "a.example").await.connect("r.example").await;
    assert_eq!(connection.get(PATH).await.unwrap().status, 502);
    let Outcome::Failed { error } = only_exchange(&gateway).outcome.clone() else { panic!("not failed") };
    assert!(error.contains("refused"), "{error}");
    let (from, to) = ("v.example".into(), "r.example".into());
    let error = gateway.send(&from, &to, get(PATH)).await.unwrap_err();
    assert!(matches!(error, SendError::Failed { .. }), "{error}");
    real_server(&gateway, "r.example").await;
    assert_eq!(connection.get(PATH).await.unwrap().json()["i_am"], "r.example");
    assert_eq!(gateway.send(&from, &to, get(PATH)).await.unwrap().status, 200);
}
