//! Starts that fail, and ends that nobody planned.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_deployment::{Deployment, Kind, cleanup, doctor};
use serde_json::json;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_synapse_that_ends_at_start_shows_its_log_at_once_and_stops_the_other() {
    let bed = support::bed();
    let mut description = support::describe(&[("good", "synapse@1.163.2"), ("bad", "synapse@1.163.2")]);
    description.homeservers["bad"].settings = json!({"max_upload_size": "much"});
    let began = Instant::now();
    let error = Deployment::start(&description, bed.setting.clone()).await.err().unwrap();
    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!(error.kind(), Kind::Environment);
    assert!(error.to_string().starts_with("start homeserver bad: it ended with exit status: 1"), "{error}");
    assert!(error.to_string().contains("much"), "{error}");
    let mut description = support::describe(&[("lost", "synapse@1.163.2")]);
    description.settings = json!({"media_store_path": "${prot}/media"});
    let error = Deployment::start(&description, bed.setting.clone()).await.err().unwrap();
    assert!(error.kind() == Kind::BadInput && error.to_string().contains("${prot}"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_deployment_kills_it_in_spite_of_clones() {
    let bed = support::bed();
    let deployment = support::start(&bed, &[("alpha", "synapse@1.163.2")]).await.unwrap();
    let alpha = deployment.homeserver("alpha").unwrap().clone();
    let pid = alpha.pid().unwrap();
    drop(deployment);
    wait_for_the_end_of(&[pid]);
    assert!(alpha.start().await.is_err());
    assert_eq!(alpha.died(), None);
}

/// Runs the ignored test `name` of this program as a process of its own, with a runtime folder of its own.
fn again(name: &str, runtime: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]).env("XDG_RUNTIME_DIR", runtime);
    command
}

#[tokio::test]
#[ignore = "the parent that nothing_outlives_a_killed_parent kills"]
async fn parent() {
    let bed = support::bed();
    let deployment = support::start(&bed, &[("alpha", "synapse@1.163.2"), ("bravo", "synapse@1.163.2")]).await.unwrap();
    // One that is stopped cannot notice anything by itself.
    deployment.homeserver("bravo").unwrap().pause().await.unwrap();
    let pids: Vec<u32> = deployment.homeservers().iter().filter_map(|homeserver| homeserver.pid()).collect();
    let work = bed.setting.work.clone();
    println!("\nREADY {}", json!({"pids": pids, "work": work}));
    std::future::pending().await
}

#[test]
#[ignore = "the cleanup that nothing_outlives_a_killed_parent runs"]
fn clean() {
    println!();
    for removed in cleanup().unwrap() {
        println!("REMOVED {removed}");
    }
}

#[test]
fn nothing_outlives_a_killed_parent() {
    let runtime = tempfile::tempdir().unwrap();
    let mut parent = again("parent", runtime.path()).stdout(Stdio::piped()).spawn().unwrap();
    let ready = BufReader::new(parent.stdout.take().unwrap()).lines().find_map(|line| {
        let line = line.unwrap();
        line.strip_prefix("READY ").map(|ready| serde_json::from_str::<serde_json::Value>(ready).unwrap())
    });
    let ready = ready.expect("the parent starts two homeservers");
    let pids: Vec<u32> = serde_json::from_value(ready["pids"].clone()).unwrap();
    assert!(pids.len() == 2 && pids.iter().all(|pid| support::is_alive(*pid)));
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_for_the_end_of(&pids);

    let work = ready["work"].as_str().unwrap();
    assert!(Path::new(work).join("alpha").exists());
    let output = again("clean", runtime.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let removed: Vec<&str> = said.lines().filter_map(|line| line.strip_prefix("REMOVED removed ")).collect();
    assert_eq!(removed.len(), 4, "{said}");
    assert!(removed[0].ends_with("/alpha") && removed[1].ends_with("/bravo") && removed[2] == work, "{said}");
    assert!(!Path::new(work).exists());
    std::fs::remove_dir_all(Path::new(work).parent().unwrap()).unwrap();
}

/// Fails if one of them is still there after a while.
fn wait_for_the_end_of(pids: &[u32]) {
    let began = Instant::now();
    while pids.iter().any(|pid| support::is_alive(*pid)) {
        assert!(began.elapsed() < Duration::from_secs(10), "{pids:?} go on");
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn the_doctor_looks_at_everything_and_finds_this_machine_fit() {
    let checks = doctor(&fedproof_deployment::default_cache()).await;
    let names: Vec<&str> = checks.iter().map(|check| check.name).collect();
    assert_eq!(
        names,
        [
            "python",
            "pip",
            "cache",
            "disk space",
            "loopback",
            "IPv6 loopback",
            "open files",
            "cargo",
            "node",
            "npm",
            "postgresql",
            "redis",
            "docker"
        ]
    );
    for check in &checks {
        eprintln!("{check:?}");
        assert!(!check.detail.is_empty() && (check.ok || !check.hint.is_empty()), "{check:?}");
        assert!(check.ok || !check.required, "{check:?}");
    }
    let nowhere = doctor(Path::new("/proc/nowhere")).await;
    assert!(nowhere.iter().any(|check| check.name == "cache" && !check.ok));
}
