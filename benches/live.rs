//! What people wait for, end to end on real homeservers that this bench starts: a message until it is seen here and there, a
//! join over federation, an inbound transaction of 50 events. `cargo bench --bench live`.

use criterion::{Criterion, criterion_group, criterion_main};
use fedproof_client::Client;
use fedproof_core::path;
use fedproof_deployment::{Deployment, Description, Setting, default_cache};
use fedproof_gateway::Gateway;
use fedproof_virtual::{Draft, NewRoom, VirtualServer, World};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// Unique numbers: for transaction ids and users.
static NEXT: AtomicU64 = AtomicU64::new(0);

struct Ground {
    gateway: Gateway,
    world: World,
    deployment: Deployment,
    alice: Client,
    /// On the same homeserver.
    anna: Client,
    /// On the other one.
    bob: Client,
    room: String,
    _work: tempfile::TempDir,
}

fn unique() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

async fn asked(client: &Client, method: Method, path: &str, body: Value) -> Value {
    let reply = client.request(method, path, Some(&body)).await.expect("answered");
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply.body
}

async fn set_up() -> Ground {
    let (gateway, work) = (Gateway::new().expect("a gateway"), tempfile::tempdir().expect("a folder"));
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let description = Description::read(&fixtures.join("deployments/default.yaml")).expect("it reads");
    let setting = Setting {
        bind: fedproof_deployment::LOOPBACK,
        instances: Vec::new(),
        gateway: gateway.clone(),
        fixtures,
        cache: default_cache(),
        work: work.path().join("work"),
        logs: work.path().join("logs"),
        notify: Arc::new(|_, message| eprintln!("{message}")),
        http: reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().expect("a client"),
    };
    let deployment = Deployment::start(&description, setting).await.expect("it boots");
    let [here, there] = deployment.homeservers() else { panic!("two homeservers") };
    let alice = here.endpoint().register("alice").await.expect("registered");
    let anna = here.endpoint().register("anna").await.expect("registered");
    let bob = there.endpoint().register("bob").await.expect("registered");
    let made = asked(&alice, Method::POST, "/_matrix/client/v3/createRoom", json!({"preset": "public_chat"})).await;
    let room = made["room_id"].as_str().expect("a room").to_owned();
    let join = format!("/_matrix/client/v3/join/{}?via={}", path::encode(&room), here.server_name());
    asked(&anna, Method::POST, &join, json!({})).await;
    asked(&bob, Method::POST, &join, json!({})).await;
    let world = World::new(gateway.clone(), 1);
    // What a bench brings would fill the memory.
    gateway.transcript().keep_at_most(0);
    Ground { gateway, world, deployment, alice, anna, bob, room, _work: work }
}

/// Alice writes, and `reader` has seen it.
async fn send_and_see(ground: &Ground, reader: &Client) {
    let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/b{}", path::encode(&ground.room), unique());
    let sent = asked(&ground.alice, Method::PUT, &path, json!({"msgtype": "m.text", "body": "hello"})).await;
    let event = sent["event_id"].as_str().expect("an event").to_owned();
    see(reader, &ground.room, &event).await;
}

async fn see(reader: &Client, room: &str, event: &str) {
    let seen = reader.observe(|view| view.event(room, event).map(drop)).await;
    seen.expect("/sync works");
}

/// A fresh user of the other homeserver joins a fresh room.
async fn join_over_federation(ground: &Ground) -> Duration {
    let [here, there] = ground.deployment.homeservers() else { panic!("two homeservers") };
    let made =
        asked(&ground.alice, Method::POST, "/_matrix/client/v3/createRoom", json!({"preset": "public_chat"})).await;
    let room = made["room_id"].as_str().expect("a room");
    let carol = there.endpoint().register(&format!("carol{}", unique())).await.expect("registered");
    let join = format!("/_matrix/client/v3/join/{}?via={}", path::encode(room), here.server_name());
    let began = Instant::now();
    asked(&carol, Method::POST, &join, json!({})).await;
    began.elapsed()
}

/// A room that a virtual server hosts and alice is in.
async fn hosted(ground: &Ground) -> (VirtualServer, String) {
    let host = ground.world.server("host.example".into());
    let room = host.create_room(NewRoom::default()).expect("created");
    let join = format!("/_matrix/client/v3/join/{}?via=host.example", path::encode(&room));
    asked(&ground.alice, Method::POST, &join, json!({})).await;
    (host, room)
}

/// Fifty events in one transaction, signed before the clock runs; until alice sees the last of them.
async fn transaction_of_fifty(ground: &Ground, host: &VirtualServer, room: &str) -> Duration {
    let to = ground.deployment.homeservers()[0].server_name().clone();
    let events: Vec<_> = (0..50)
        .map(|n| {
            let draft = Draft {
                room: room.to_owned(),
                sender: host.user("creator"),
                kind: "m.room.message".into(),
                content: json!({"msgtype": "m.text", "body": n.to_string()}),
                ..Draft::default()
            };
            host.build(draft).expect("built")
        })
        .collect();
    let last = events.last().expect("fifty").event_id.clone();
    let transaction =
        host.transaction(&to, events.into_iter().map(|built| built.event).collect(), vec![]).expect("signed");
    let began = Instant::now();
    assert_eq!(host.send_ahead(&to, transaction).await.expect("answered").status, 200);
    see(&ground.alice, room, &last).await;
    began.elapsed()
}

fn benches(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let ground = runtime.block_on(set_up());
    let mut group = criterion.benchmark_group("live");
    group.sample_size(20).measurement_time(Duration::from_secs(8));
    group.bench_function("send_to_local_sync", |bencher| {
        bencher.to_async(&runtime).iter(|| send_and_see(&ground, &ground.anna));
    });
    group.bench_function("send_to_remote_sync", |bencher| {
        bencher.to_async(&runtime).iter(|| send_and_see(&ground, &ground.bob));
    });
    group.bench_function("join_over_federation", |bencher| {
        bencher.to_async(&runtime).iter_custom(async |count| {
            let mut all = Duration::ZERO;
            for _ in 0..count {
                all += join_over_federation(&ground).await;
            }
            all
        });
    });
    let (host, room) = runtime.block_on(hosted(&ground));
    group.bench_function("inbound_transaction_of_50_events", |bencher| {
        bencher.to_async(&runtime).iter_custom(async |count| {
            let mut all = Duration::ZERO;
            for _ in 0..count {
                all += transaction_of_fifty(&ground, &host, &room).await;
            }
            all
        });
    });
    group.finish();
    runtime.block_on(async {
        let Ground { deployment, gateway, .. } = ground;
        deployment.stop().await;
        gateway.close();
    });
}

criterion_group!(live, benches);
criterion_main!(live);
