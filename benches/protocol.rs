//! What the protocol core costs: one decision, one event, one signature, one fork.

use criterion::{Criterion, criterion_group, criterion_main};
use fedproof_core::{
    ServerName,
    acl::Acl,
    event::{rules_of, sign},
    keys::{PublicKeys, SigningKey, canonical_json},
    room::{Basis, Room},
    xmatrix::{Signed, read},
};
use fedproof_gateway::Gateway;
use fedproof_virtual::{Draft, NewRoom, World};
use serde_json::{Value, json};
use std::hint::black_box;

fn acl(c: &mut Criterion) {
    let deny: Vec<String> = (0..19).map(|n| format!("*.bad{n}.example")).collect();
    let acl = Acl::from_content(&json!({"allow": ["*"], "deny": deny, "allow_ip_literals": false}));
    c.bench_function("acl/decide, 20 entries", |b| b.iter(|| acl.decide(black_box("matrix.some-agency.example:8448"))));
}

fn message() -> Value {
    json!({
        "room_id": "!room:a.example", "sender": "@user:a.example", "type": "m.room.message",
        "content": {"msgtype": "m.text", "body": "a message of usual length, more or less"},
        "origin_server_ts": 1_700_000_000_000_u64, "depth": 12,
        "prev_events": ["$1111111111111111111111111111111111111111111"],
        "auth_events": ["$2222222222222222222222222222222222222222222", "$3333333333333333333333333333333333333333333"],
    })
}

fn events(c: &mut Criterion) {
    let name = ServerName::new("a.example");
    let key = SigningKey::derive(1, &name, "1");
    let rules = rules_of("11").expect("known");
    let event = message();
    c.bench_function("event/canonical JSON", |b| b.iter(|| canonical_json(black_box(&event))));
    c.bench_function("event/hash and sign", |b| b.iter(|| sign(black_box(&event), &rules, &name, &key)));

    let world = World::new(Gateway::default(), 1);
    let server = world.server("a.example".into());
    let room = server.create_room(NewRoom::default()).expect("created");
    let draft = Draft {
        room,
        sender: server.user("creator"),
        kind: "m.room.message".into(),
        content: json!({"msgtype": "m.text", "body": "a message of usual length, more or less"}),
        ..Draft::default()
    };
    let rooms = world.rooms();
    c.bench_function("event/build, hash and sign", |b| {
        b.iter(|| {
            let event =
                rooms.read(&draft.room, |room| room.complete(black_box(&draft), 1)).expect("known").expect("complete");
            sign(&event, &rules, &name, &key)
        });
    });
    c.bench_function("event/build, hash, sign, add to the graph", |b| {
        b.iter(|| server.build(black_box(draft.clone())))
    });
}

fn xmatrix(c: &mut Criterion) {
    let name = ServerName::new("a.example");
    let key = SigningKey::derive(1, &name, "1");
    let keys = PublicKeys::from([(name.to_string(), key.public_set())]);
    let body = json!({"origin": "a.example", "pdus": [message()], "edus": []});
    let signed = Signed {
        method: "PUT",
        uri: "/_matrix/federation/v1/send/1",
        origin: "a.example",
        destination: "b.example",
        content: Some(&body),
    };
    let header = signed.header(&key);
    c.bench_function("x-matrix/sign a transaction of one event", |b| b.iter(|| black_box(signed).header(&key)));
    c.bench_function("x-matrix/verify a transaction of one event", |b| {
        b.iter(|| {
            let (_, parsed) = read(Some(black_box(&header))).expect("it reads");
            signed.check(&parsed, &keys).expect("it holds");
        });
    });
}

/// Two administrators change the topic at once, and the branches meet.
fn fork(c: &mut Criterion) {
    let name = ServerName::new("a.example");
    let key = SigningKey::derive(1, &name, "1");
    let mut room = Room::new("!room:a.example", "11").expect("known");
    let creator = "@user:a.example";
    let set = |room: &mut Room, kind: &str, state_key: &str, content: Value, prev: Option<Vec<String>>| {
        let draft = Draft {
            room: room.id().to_owned(),
            sender: creator.into(),
            kind: kind.into(),
            state_key: Some(state_key.into()),
            content,
            prev_events: prev,
            ..Draft::default()
        };
        let event = room.complete(&draft, 1).expect("complete");
        let (id, event) = sign(&event, room.rules(), &name, &key).expect("signed");
        room.add(event, Basis::Graph, false).expect("added");
        id
    };
    set(&mut room, "m.room.create", "", json!({"room_version": "11"}), None);
    set(&mut room, "m.room.member", creator, json!({"membership": "join"}), None);
    let base = set(&mut room, "m.room.power_levels", "", json!({"users": {creator: 100}}), None);
    let branches: Vec<String> = (0..2)
        .map(|n| set(&mut room, "m.room.topic", "", json!({"topic": n.to_string()}), Some(vec![base.clone()])))
        .collect();
    let after: Vec<_> = branches
        .iter()
        .map(|id| {
            let mut state = room.state_before(id).expect("known").clone();
            let event = room.event(id).expect("known").clone();
            state.insert(("m.room.topic".into(), String::new()), event);
            state
        })
        .collect();
    let states: Vec<_> = after.iter().collect();
    c.bench_function("state/resolve a fork of two", |b| {
        b.iter(|| fedproof_core::state::resolve(room.rules(), black_box(&states), |id| room.event(id.as_str())));
    });
}

criterion_group!(benches, acl, events, xmatrix, fork);
criterion_main!(benches);
