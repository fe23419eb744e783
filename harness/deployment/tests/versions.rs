//! The older releases that are supported, mixed in one deployment, and builds from a source distribution.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_deployment::default_cache;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

#[tokio::test(flavor = "multi_thread")]
async fn releases_mix_in_one_deployment() {
    let bed = support::bed();
    let specs = [("old", "synapse@1.143.0"), ("middle", "synapse@1.152.1"), ("new", "synapse@1.163.2")];
    let deployment = support::start(&bed, &specs).await.unwrap();
    let versions: Vec<String> = deployment.homeservers().iter().map(|homeserver| homeserver.version()).collect();
    assert_eq!(versions, ["1.143.0", "1.152.1", "1.163.2"]);
    let digests: std::collections::HashSet<&str> = deployment.homeservers().iter().map(|h| h.digest()).collect();
    assert_eq!(digests.len(), 3);

    let owner = deployment.homeserver("new").unwrap().endpoint().register("owner").await.unwrap();
    let body = json!({"preset": "public_chat", "room_version": "10"});
    let room = owner.request(reqwest::Method::POST, "/_matrix/client/v3/createRoom", Some(&body)).await.unwrap();
    let room = room.body["room_id"].as_str().unwrap().to_owned();
    for name in ["old", "middle"] {
        let guest = deployment.homeserver(name).unwrap().endpoint().register("guest").await.unwrap();
        let path = format!("/_matrix/client/v3/join/{room}?via=new.fedproof.test");
        let joined = guest.request(reqwest::Method::POST, &path, Some(&json!({}))).await.unwrap();
        assert_eq!(joined.status, 200, "{name}: {}", joined.body);
    }
    for homeserver in deployment.homeservers() {
        eprintln!("{} {:?}", homeserver.name(), homeserver.usage());
    }
    deployment.stop().await;
}

/// The source distribution of a release, unpacked; fetched on first use.
fn source_distribution(version: &str) -> PathBuf {
    let folder = default_cache().join("test-sources");
    let dir = folder.join(format!("matrix_synapse-{version}"));
    if !dir.exists() {
        let made = tempfile::tempdir().unwrap();
        let run = |program: &str, arguments: &[&str]| {
            assert!(Command::new(program).args(arguments).current_dir(&made).status().unwrap().success());
        };
        let requirement = format!("matrix-synapse=={version}");
        run("pip", &["download", "-q", "--no-deps", "--no-binary", "matrix-synapse", &requirement]);
        run("tar", &["xzf", &format!("matrix_synapse-{version}.tar.gz"), "-C", made.path().to_str().unwrap()]);
        std::fs::create_dir_all(&folder).unwrap();
        run("cp", &["-r", &format!("matrix_synapse-{version}"), folder.to_str().unwrap()]);
    }
    dir
}

/// Copies what a rebase would touch.
fn checkout(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebase_that_touches_python_only_needs_no_compiler() {
    let bed = support::bed();
    let dir = bed.folder.path().join("checkout");
    checkout(&source_distribution("1.163.2"), &dir);
    // What this rebase breaks is seen from outside.
    let file = dir.join("synapse/federation/transport/server/federation.py");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("\"Synapse\""));
    std::fs::write(&file, text.replace("\"Synapse\"", "\"Rebased\"")).unwrap();
    let spec = format!("synapse@path:{}", dir.display());
    let began = Instant::now();
    let deployment = support::start(&bed, &[("stock", "synapse@1.163.2"), ("rebased", &spec)]).await.unwrap();
    eprintln!("up after {:?}", began.elapsed());
    for (name, expected) in [("stock", "Synapse"), ("rebased", "Rebased")] {
        let homeserver = deployment.homeserver(name).unwrap();
        let path = "/_matrix/federation/v1/version";
        let answer = homeserver.endpoint().request("test", None, reqwest::Method::GET, path, None).await.unwrap();
        assert_eq!(answer.body["server"]["name"], expected, "{name}");
    }
    assert!(!bed.said.lock().unwrap().iter().any(|said| said.starts_with("compiling")));
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "compiles Synapse's Rust parts, which takes minutes"]
async fn a_rebase_that_touches_rust_is_compiled() {
    let bed = support::bed();
    let dir = bed.folder.path().join("checkout");
    checkout(&source_distribution("1.163.2"), &dir);
    let file = dir.join("rust/src/lib.rs");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("// {:?}\n{text}", Instant::now())).unwrap();
    let spec = format!("synapse@path:{}", dir.display());
    let deployment = support::start(&bed, &[("rebased", &spec)]).await.unwrap();
    assert!(bed.said.lock().unwrap().iter().any(|said| said.starts_with("compiling")));
    deployment.stop().await;
}
