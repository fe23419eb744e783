//! Virtual servers among themselves, over the gateway's in-process way.
#![allow(clippy::unwrap_used, reason = "a test")]

use fedproof_core::ServerName;
use fedproof_gateway::Gateway;
use fedproof_virtual::{Behaviour, Draft, Endpoint, NewRoom, VirtualServer, World};
use serde_json::json;
use std::collections::BTreeSet;

const VERSIONS: [&str; 3] = ["10", "11", "12"];

async fn world() -> World {
    World::new(Gateway::default(), 7)
}

fn message(room: &str, server: &VirtualServer, body: &str) -> Draft {
    Draft {
        room: room.into(),
        sender: server.user("u"),
        kind: "m.room.message".into(),
        content: json!({"msgtype": "m.text", "body": body}),
        ..Draft::default()
    }
}

#[tokio::test]
async fn a_server_joins_and_is_heard() {
    let world = world().await;
    let (a, b) = (world.server("a.example".into()), world.server("B.example".into()));
    for version in VERSIONS {
        let room = a.create_room(NewRoom { version: version.into(), ..NewRoom::default() }).unwrap();
        let reply = b.join(&room, &b.user("u"), a.name()).await.unwrap();
        assert_eq!(reply.status, 200, "{version}: {}", reply.body);
        let sent = b.build(message(&room, &b, "hello")).unwrap();
        let reply = b.send(a.name(), vec![sent.event.clone()], vec![]).await.unwrap();
        assert_eq!(reply.body["pdus"][&sent.event_id], json!({}), "{version}");
        let path = format!("/_matrix/federation/v1/event/{}", sent.event_id.replace('$', "%24"));
        let reply = b.request(a.name(), "GET", &path, None).await.unwrap();
        assert_eq!(reply.body["pdus"][0], sent.event, "{version}");
        let reply = b.leave(&room, &b.user("u"), a.name()).await.unwrap();
        assert_eq!(reply.status, 200, "{version}: {}", reply.body);
        let reply = b.request(a.name(), "GET", &path, None).await.unwrap();
        assert_eq!(reply.status, 404, "no longer in the room");
    }
}

#[tokio::test]
async fn what_is_said_twice_is_two_events() {
    let world = world().await;
    let a = world.server("a.example".into());
    let room = a.create_room(NewRoom::default()).unwrap();
    let detached = || Draft { sender: a.user("creator"), detached: true, ..message(&room, &a, "the same") };
    let ids: BTreeSet<_> = (0..50).map(|_| a.build(detached()).unwrap().event_id).collect();
    assert_eq!(ids.len(), 50, "even in one millisecond");
}

#[tokio::test]
async fn invites_and_knocks_open_closed_rooms() {
    let world = world().await;
    let (a, b) = (world.server("a.example".into()), world.server("b.example".into()));
    for version in VERSIONS {
        let options = NewRoom { version: version.into(), join_rule: "knock".into(), ..NewRoom::default() };
        let room = a.create_room(options).unwrap();
        let user = b.user("u");
        assert_eq!(b.join(&room, &user, a.name()).await.unwrap().status, 403, "{version}");
        let reply = b.knock(&room, &user, a.name()).await.unwrap();
        assert_eq!(reply.status, 200, "{version}: {}", reply.body);
        assert!(reply.body["knock_room_state"].as_array().is_some_and(|state| !state.is_empty()));
        let (reply, invite) = a.invite(&room, &a.user("creator"), &user, b.name()).await.unwrap();
        assert_eq!(reply.status, 200, "{version}: {}", reply.body);
        assert!(reply.body["event"]["signatures"]["b.example"].is_object());
        assert_eq!(world.rooms().read(&room, |room| room.heads()[0].to_string()).unwrap(), invite.event_id);
        assert_eq!(b.join(&room, &user, a.name()).await.unwrap().status, 200, "{version}");
    }
}

#[tokio::test]
async fn the_server_acl_is_enforced_unless_told_otherwise() {
    let world = world().await;
    let (a, b) = (world.server("a.example".into()), world.server("b.example".into()));
    let room = a.create_room(NewRoom::default()).unwrap();
    assert_eq!(b.join(&room, &b.user("u"), a.name()).await.unwrap().status, 200);
    let sent = b.build(message(&room, &b, "before")).unwrap();
    let acl = |deny: &str| Draft {
        room: room.clone(),
        sender: a.user("creator"),
        kind: "m.room.server_acl".into(),
        state_key: Some(String::new()),
        content: json!({"allow": ["*"], "deny": [deny]}),
        ..Draft::default()
    };
    a.build(acl("b.example")).unwrap();
    let reply = b.join(&room, &b.user("v"), a.name()).await.unwrap();
    assert_eq!((reply.status, reply.body["errcode"].as_str()), (403, Some("M_FORBIDDEN")));
    let reply = b.send(a.name(), vec![sent.event.clone()], vec![]).await.unwrap();
    assert!(reply.body["pdus"][&sent.event_id]["error"].is_string(), "{}", reply.body);
    a.behave(Endpoint::MakeJoin, Behaviour::IgnoreAcl);
    a.behave(Endpoint::SendJoin, Behaviour::IgnoreAcl);
    assert_eq!(b.join(&room, &b.user("v"), a.name()).await.unwrap().status, 200);
    a.build(acl("none.example")).unwrap();
    let reply = b.send(a.name(), vec![sent.event], vec![]).await.unwrap();
    assert_eq!(reply.body["pdus"][&sent.event_id], json!({}));
}

#[tokio::test]
async fn behaviours_are_switched() {
    let world = world().await;
    let (a, b) = (world.server("a.example".into()), world.server("b.example".into()));
    a.behave(Endpoint::Version, Behaviour::Answer { status: 429, body: json!({"errcode": "M_LIMIT_EXCEEDED"}) });
    let version = || b.request(a.name(), "GET", "/_matrix/federation/v1/version", None);
    assert_eq!(version().await.unwrap().status, 429);
    a.behave(Endpoint::Version, Behaviour::Stall);
    let stalled = version();
    let healed = async { a.behave(Endpoint::Version, Behaviour::Honest) };
    let (reply, ()) = tokio::join!(stalled, healed);
    assert_eq!(reply.unwrap().status, 200);
}

#[tokio::test]
async fn only_well_signed_requests_are_answered() {
    let world = world().await;
    let (a, b) = (world.server("a.example".into()), world.server("b.example".into()));
    let other_seed = World::new(Gateway::default(), 8).server("b.example".into());
    let body = json!({"pdus": [], "edus": []});
    for (server, status) in [(&b, 200), (&other_seed, 401)] {
        let path = "/_matrix/federation/v1/send/1";
        let signed = fedproof_core::xmatrix::Signed {
            method: "PUT",
            uri: path,
            origin: "b.example",
            destination: "a.example",
            content: Some(&body),
        };
        let key = if server.name() == b.name() && status == 200 { 7 } else { 8 };
        let key = fedproof_core::keys::SigningKey::derive(key, b.name(), "virtual");
        let request = http::Request::put(path)
            .header("authorization", signed.header(&key))
            .body(body.to_string().into())
            .unwrap();
        let answer = fedproof_gateway::Host::answer(&a, b.name(), request).await;
        assert_eq!(answer.status(), status);
    }
    assert_eq!(b.request(a.name(), "GET", "/_matrix/federation/v9/none", None).await.unwrap().status, 404);
}

#[tokio::test]
async fn keys_are_served_and_vouched_for() {
    let world = world().await;
    let (a, b) = (world.server("a.example".into()), world.server("b.example".into()));
    let body = json!({"server_keys": {"b.example": {}, "unknown.example": {}}});
    let reply = b.request(a.name(), "POST", "/_matrix/key/v2/query", Some(body)).await.unwrap();
    let keys = &reply.body["server_keys"];
    assert_eq!(keys.as_array().map(Vec::len), Some(1));
    assert!(keys[0]["signatures"]["a.example"].is_object() && keys[0]["signatures"]["b.example"].is_object());
    let reply = a.request(&ServerName::new("b.example"), "GET", "/_matrix/key/v2/server", None).await.unwrap();
    fedproof_core::keys::read_document(b.name(), &reply.body).unwrap();
}

#[tokio::test]
async fn a_thousand_servers_share_one_graph() {
    let world = world().await;
    let a = world.server("a.example".into());
    let room = a.create_room(NewRoom::default()).unwrap();
    let users: Vec<String> = (0..1000).map(|n| format!("@u:s{n}.example")).collect();
    a.add_members(&room, &users).unwrap();
    assert_eq!(world.rooms().read(&room, |room| room.servers().len()).unwrap(), 1001);
    let last = world.server("s999.example".into());
    let reply = last.join(&room, &last.user("second"), a.name()).await.unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.body["state"].as_array().map(Vec::len), Some(1005));
}
