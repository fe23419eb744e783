//! A thousand virtual servers in one room that a real homeserver joins. Prints what that takes.

use fedproof_client::Client;
use fedproof_deployment::{Deployment, Description, Setting, default_cache};
use fedproof_gateway::Gateway;
use fedproof_virtual::{NewRoom, World};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Instant};

const SERVERS: usize = 1000;

#[tokio::test(flavor = "multi_thread")]
async fn a_real_homeserver_joins_a_room_of_a_thousand_servers() {
    let gateway = Gateway::new().expect("a gateway");
    let folder = tempfile::tempdir().expect("a folder");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut description = Description::read(&fixtures.join("deployments/default.yaml")).expect("it reads");
    description.homeservers.truncate(1);
    let setting = Setting {
        bind: fedproof_deployment::LOOPBACK,
        instances: Vec::new(),
        gateway: gateway.clone(),
        fixtures,
        cache: default_cache(),
        work: folder.path().join("work"),
        logs: folder.path().join("logs"),
        notify: Arc::new(|_, message| eprintln!("{message}")),
        http: reqwest::Client::builder().no_proxy().build().expect("a client"),
    };
    let deployment = Deployment::start(&description, setting).await.expect("it boots");
    let homeserver = &deployment.homeservers()[0];
    let alice = homeserver.endpoint().register("alice").await.expect("registered");

    let (rss, clock) = (own_rss(), Instant::now());
    let world = World::new(gateway.clone(), 1);
    let host = world.server("host.example".into());
    let room = host.create_room(NewRoom::default()).expect("created");
    let users: Vec<String> = (0..SERVERS - 1).map(|n| format!("@user:s{n}.example")).collect();
    host.add_members(&room, &users).expect("joined");
    let built = clock.elapsed();
    let own = own_rss().saturating_sub(rss);

    let (before, clock) = (homeserver.usage(), Instant::now());
    let path = format!("/_matrix/client/v3/join/{}?via=host.example", room.replace('!', "%21"));
    let reply = alice.request(reqwest::Method::POST, &path, Some(&json!({}))).await.expect("answered");
    assert_eq!(reply.status, 200, "{}", reply.body);
    let joined = clock.elapsed();
    let after = homeserver.usage();
    assert_eq!(members(&alice, &room).await, SERVERS + 1, "the homeserver sees everybody");
    assert_eq!(world.rooms().read(&room, |room| room.servers().len()).expect("known"), SERVERS + 1);

    println!(
        "{SERVERS} virtual servers in one room: built in {built:.1?}, {} MiB of our memory; joined by {} {} in {joined:.1?}, \
         {} ms of its CPU time, {} MiB more of its memory",
        own >> 20,
        homeserver.implementation(),
        homeserver.version(),
        after.cpu_ms - before.cpu_ms,
        after.rss_bytes.saturating_sub(before.rss_bytes) >> 20,
    );
    deployment.stop().await;
    gateway.close();
}

async fn members(client: &Client, room: &str) -> usize {
    let path = format!("/_matrix/client/v3/rooms/{}/joined_members", room.replace('!', "%21"));
    let reply = client.request(reqwest::Method::GET, &path, None).await.expect("answered");
    reply.body["joined"].as_object().map_or(0, serde_json::Map::<String, Value>::len)
}

/// Resident memory of this process, in bytes.
fn own_rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}
