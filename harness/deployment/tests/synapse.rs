//! Real Synapse: two of them booted, driven and ended. Installs it on first use.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_deployment::{Deployment, Description, MutantSwitch};
use serde_json::json;
use std::time::Instant;

#[tokio::test(flavor = "multi_thread")]
async fn two_synapses_boot_serve_users_and_survive_what_is_done_to_them() {
    let bed = support::bed();
    let description = Description::read(&support::fixtures().join("deployments/default.yaml")).unwrap();
    let began = Instant::now();
    let deployment = Deployment::start(&description, bed.setting.clone()).await.unwrap();
    eprintln!("up after {:?}", began.elapsed());
    for homeserver in deployment.homeservers() {
        assert_eq!(homeserver.version(), "1.163.2");
        let usage = homeserver.usage();
        eprintln!("{} {usage:?}", homeserver.name());
        assert!(usage.cpu_ms > 100 && usage.rss_bytes > 10_000_000, "{usage:?}");
        let client = homeserver.endpoint().register("alice").await.unwrap();
        assert_eq!(client.user_id(), format!("@alice:{}", homeserver.server_name()));
    }
    let alpha = deployment.homeserver("alpha").unwrap();
    let whoami = "/_matrix/client/versions";
    let ask = async || alpha.endpoint().request("test", None, reqwest::Method::GET, whoami, None).await;

    // A federated join: each finds the other through the gateway.
    let bob = deployment.homeserver("bravo").unwrap().endpoint().register("bob").await.unwrap();
    let carol = alpha.endpoint().register("carol").await.unwrap();
    let body = json!({"preset": "public_chat"});
    let room = carol.request(reqwest::Method::POST, "/_matrix/client/v3/createRoom", Some(&body)).await.unwrap();
    let room = room.body["room_id"].as_str().unwrap().to_owned();
    let path = format!("/_matrix/client/v3/join/{room}?via=alpha.fedproof.test");
    let joined = bob.request(reqwest::Method::POST, &path, Some(&json!({}))).await.unwrap();
    assert_eq!(joined.status, 200, "{}", joined.body);

    // Paused: connected, no answer. Resumed: it answers.
    let before = alpha.usage();
    alpha.pause().await.unwrap();
    alpha.pause().await.unwrap();
    let waiting = tokio::spawn({
        let endpoint = alpha.endpoint();
        async move { endpoint.request("test", None, reqwest::Method::GET, whoami, None).await.unwrap().status }
    });
    tokio::task::yield_now().await;
    assert!(alpha.is_running() && !waiting.is_finished());
    alpha.resume().await.unwrap();
    let no_container = alpha.cut_off().await.unwrap_err().to_string();
    assert!(no_container.contains("--backend compose"), "{no_container}");
    assert_eq!(waiting.await.unwrap(), 200);
    alpha.resume().await.unwrap();

    // Mutants: the launcher's word is awaited, and its refusal is an error.
    let switch = |mutant: &str| MutantSwitch { mutant: mutant.into(), origin: Some("*.x.example".into()), room: None };
    let known = switch("synapse/acl/make_join-unchecked");
    alpha.mutate(&known).await.unwrap();
    alpha.heal_switch(&known).await.unwrap();
    alpha.heal_mutant(&known.mutant).await.unwrap();
    let refused = alpha.mutate(&switch("acl/nonsense")).await.unwrap_err();
    assert!(refused.to_string().contains("there is no mutant"), "{refused}");

    // Restarted: another process at the same address, with the same users, and its time counted on.
    let (pid, address) = (alpha.pid().unwrap(), alpha.address());
    let began = Instant::now();
    alpha.restart().await.unwrap();
    eprintln!("restarted in {:?}", began.elapsed());
    assert_ne!(alpha.pid().unwrap(), pid);
    assert_eq!(alpha.address(), address);
    assert!(alpha.usage().cpu_ms > before.cpu_ms);
    assert!(!support::is_alive(pid));
    let taken = alpha.endpoint().register("carol").await.err().unwrap();
    assert!(taken.to_string().contains("M_USER_IN_USE"), "{taken}");

    // Stopped while paused, killed twice, started: no trace of trouble.
    alpha.pause().await.unwrap();
    alpha.stop().await.unwrap();
    alpha.stop().await.unwrap();
    assert!(ask().await.is_err());
    assert!(alpha.pause().await.is_err());
    alpha.start().await.unwrap();
    alpha.start().await.unwrap();
    alpha.kill().await.unwrap();
    alpha.kill().await.unwrap();
    assert_eq!(alpha.died(), None);
    alpha.start().await.unwrap();
    assert_eq!(ask().await.unwrap().status, 200);

    // An end that nobody asked for is noticed.
    let pid = nix::unistd::Pid::from_raw(alpha.pid().unwrap().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    let death = alpha.death().await;
    assert!(death.contains("SIGKILL") && death.contains("synapse"), "{death}");
    assert_eq!(alpha.died(), Some(death));
    alpha.start().await.unwrap();
    assert_eq!(alpha.died(), None);

    let pids: Vec<u32> = deployment.homeservers().iter().filter_map(|homeserver| homeserver.pid()).collect();
    let began = Instant::now();
    deployment.stop().await;
    eprintln!("stopped in {:?}", began.elapsed());
    assert!(pids.len() == 2 && !pids.into_iter().any(support::is_alive));
}
