//! Real Synapse in containers. These need Docker, Compose and the image fedproof/synapse:1.163.2: `.ci/containers` runs them.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_deployment::{Backend, Deployment, Kind, MutantSwitch, cleanup};
use serde_json::json;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What the engine says; an error is what it says of that.
fn docker(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker").args(arguments).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Containers and networks of the fedproof `pid`, paused or not.
fn kept(pid: u32) -> Vec<String> {
    let name = format!("name=fedproof-{pid}-");
    let containers = docker(&["ps", "--all", "--filter", &name, "--format", "{{.Names}}"]).unwrap();
    let networks = docker(&["network", "ls", "--filter", &name, "--format", "{{.Name}}"]).unwrap();
    containers.lines().chain(networks.lines()).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker and fedproof/synapse:1.163.2: .ci/containers"]
async fn what_is_done_to_a_homeserver_in_a_container_is_done_by_the_engine() {
    let bed = support::bed();
    let description = support::describe(&[("alpha", "synapse@1.163.2"), ("bravo", "synapse@1.163.2")]);
    let deployment = Deployment::start(&description.on(Backend::Compose), bed.setting.clone()).await.unwrap();
    let own = std::process::id();
    let container = kept(own).into_iter().find(|name| name.ends_with("-alpha")).unwrap();
    let state = |of: &str| docker(&["inspect", "--format", &format!("{{{{.State.{of}}}}}"), &container]).unwrap();

    // It has no right that it does not need.
    let inside = |words: &[&str]| docker(&[&["exec", &container], words].concat());
    let status = inside(&["cat", "/proc/1/status"]).unwrap();
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
    assert_eq!((field("CapEff:").trim_start_matches('0'), field("NoNewPrivs:").as_str()), ("", "1"));
    let user: u32 = inside(&["id", "-u"]).unwrap().parse().unwrap();
    assert!(user != 0 && (user > 65535 || user == nix::unistd::geteuid().as_raw()));
    assert!(inside(&["touch", "/new"]).unwrap_err().contains("Read-only file system"));
    assert!(inside(&["touch", "/fedproof/fixtures/new"]).is_err());

    let alpha = deployment.homeserver("alpha").unwrap();
    assert_eq!((alpha.version().as_str(), state("Pid")), ("1.163.2", alpha.pid().unwrap().to_string()));
    assert!(alpha.usage().cpu_ms > 100 && alpha.usage().rss_bytes > 10_000_000);
    // A federated join: each finds the other through the gateway, which is outside.
    let carol = alpha.endpoint().register("carol").await.unwrap();
    let bob = deployment.homeserver("bravo").unwrap().endpoint().register("bob").await.unwrap();
    let body = json!({"preset": "public_chat"});
    let room = carol.request(reqwest::Method::POST, "/_matrix/client/v3/createRoom", Some(&body)).await.unwrap();
    let path = format!("/_matrix/client/v3/join/{}?via=alpha.fedproof.test", room.body["room_id"].as_str().unwrap());
    let joined = bob.request(reqwest::Method::POST, &path, Some(&json!({}))).await.unwrap();
    assert_eq!(joined.status, 200, "{}", joined.body);

    alpha.pause().await.unwrap();
    assert_eq!(state("Paused"), "true");
    let versions = format!("http://{}/_matrix/client/versions", alpha.address());
    let asked = bed.setting.http.get(&versions).timeout(Duration::from_millis(500)).send().await;
    assert!(asked.unwrap_err().is_timeout());
    alpha.resume().await.unwrap();
    assert_eq!(state("Paused"), "false");
    assert_eq!(bed.setting.http.get(&versions).send().await.unwrap().status(), 200);

    // Cut off, it goes on and is out of reach; the others' messages arrive once it is back.
    alpha.cut_off().await.unwrap();
    alpha.cut_off().await.unwrap();
    assert!(alpha.is_running() && bed.setting.http.get(&versions).send().await.is_err());
    alpha.reconnect().await.unwrap();
    alpha.reconnect().await.unwrap();
    assert_eq!(bed.setting.http.get(&versions).send().await.unwrap().status(), 200);
    let path = format!("/_matrix/client/v3/profile/@carol:{}", alpha.server_name());
    let asked = bob.request(reqwest::Method::GET, &path, None).await.unwrap();
    assert_eq!(asked.status, 200, "{}", asked.body);

    let switch = |mutant: &str| MutantSwitch { mutant: mutant.into(), origin: Some("*.x.example".into()), room: None };
    alpha.mutate(&switch("synapse/acl/make_join-unchecked")).await.unwrap();
    let refused = alpha.mutate(&switch("acl/nonsense")).await.unwrap_err();
    assert!(refused.to_string().contains("there is no mutant"), "{refused}");

    let (pid, address) = (alpha.pid().unwrap(), alpha.address());
    alpha.pause().await.unwrap();
    alpha.restart().await.unwrap();
    assert!(alpha.pid().unwrap() != pid && alpha.address() == address && !support::is_alive(pid));
    let taken = alpha.endpoint().register("carol").await.err().unwrap();
    assert!(taken.to_string().contains("M_USER_IN_USE"), "{taken}");
    alpha.kill().await.unwrap();
    alpha.kill().await.unwrap();
    assert_eq!((alpha.died(), alpha.is_running()), (None, false));
    alpha.start().await.unwrap();

    // An end that nobody asked for is noticed.
    docker(&["kill", &container]).unwrap();
    let death = alpha.death().await;
    assert!(death.contains("137") && death.contains("synapse"), "{death}");

    deployment.stop().await;
    assert_eq!(kept(own), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Docker: .ci/containers"]
async fn an_image_that_is_not_there_is_named_and_leaves_nothing() {
    let bed = support::bed();
    let description = support::describe(&[("alpha", "synapse@image:fedproof/no-such-image:1")]).on(Backend::Compose);
    let error = Deployment::start(&description, bed.setting.clone()).await.err().unwrap();
    assert_eq!(error.kind(), Kind::Environment);
    assert!(error.to_string().contains("fedproof/no-such-image:1"), "{error}");
}

/// Runs the ignored test `name` of this program as a process of its own, with a runtime folder of its own.
fn again(name: &str, runtime: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env("XDG_RUNTIME_DIR", runtime)
        .env("FEDPROOF_PART", name);
    command
}

/// Whether this process is the one that is to play that part, and not a run of all that is ignored.
fn plays(part: &str) -> bool {
    std::env::var("FEDPROOF_PART").is_ok_and(|name| name == part)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the parent that a_killed_parent_leaves_nothing_after_cleanup kills"]
async fn parent() {
    if !plays("parent") {
        return;
    }
    let bed = support::bed();
    let description = support::describe(&[("alpha", "synapse@1.163.2"), ("bravo", "synapse@1.163.2")]);
    let deployment = Deployment::start(&description.on(Backend::Compose), bed.setting.clone()).await.unwrap();
    // One that is paused cannot notice anything by itself.
    deployment.homeserver("bravo").unwrap().pause().await.unwrap();
    println!("\nREADY");
    std::future::pending().await
}

#[test]
#[ignore = "the cleanup that a_killed_parent_leaves_nothing_after_cleanup runs"]
fn clean() {
    if plays("clean") {
        println!();
        cleanup().unwrap().iter().for_each(|removed| println!("REMOVED {removed}"));
    }
}

#[test]
#[ignore = "needs Docker and fedproof/synapse:1.163.2: .ci/containers"]
fn a_killed_parent_leaves_nothing_after_cleanup() {
    let runtime = tempfile::tempdir().unwrap();
    let mut parent = again("parent", runtime.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "READY"), "the parent starts two homeservers");
    let names = kept(parent.id());
    assert_eq!(names.len(), 3, "{names:?}");
    // Of a fedproof that goes on, nothing is cleared away.
    let while_it_runs = again("clean", runtime.path()).output().unwrap();
    assert!(!String::from_utf8_lossy(&while_it_runs.stdout).contains(&names[0]));
    parent.kill().unwrap();
    parent.wait().unwrap();
    let began = Instant::now();
    while kept(parent.id()).iter().any(|name| name.ends_with("-alpha")) {
        assert!(began.elapsed() < Duration::from_secs(20), "alpha outlives its fedproof");
    }
    let output = again("clean", runtime.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("REMOVED removed container") && said.contains("REMOVED removed network"), "{said}");
    assert_eq!(kept(parent.id()), Vec::<String>::new());
}
