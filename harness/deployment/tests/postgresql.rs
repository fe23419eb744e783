//! Homeservers with their data in PostgreSQL: the deployment that figures of load are measured on.
//!
//! Where PostgreSQL is not installed these tests do nothing, except in CI (`CI=true`), where they fail.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_deployment::{DatabaseKind, Deployment, DeploymentError, Description, Kind, cleanup, doctor};
use serde_json::json;
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Whether PostgreSQL is there.
async fn is_there() -> bool {
    let checks = doctor(&fedproof_deployment::default_cache()).await;
    let postgresql = checks.iter().find(|check| check.name == "postgresql").unwrap();
    assert!(postgresql.ok || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{postgresql:?}");
    postgresql.ok
}

#[tokio::test(flavor = "multi_thread")]
async fn the_load_deployment_boots_on_postgresql_and_leaves_nothing() {
    if !is_there().await {
        return;
    }
    let bed = support::bed();
    let description = Description::read(&support::fixtures().join("deployments/load.yaml")).unwrap();
    assert_eq!(description.database, DatabaseKind::Postgresql);
    let began = Instant::now();
    let deployment = Deployment::start(&description, bed.setting.clone()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    let (alpha, bravo) = (deployment.homeserver("alpha").unwrap(), deployment.homeserver("bravo").unwrap());
    for homeserver in [alpha, bravo] {
        assert!(!bed.setting.work.join(homeserver.name()).join("homeserver.db").exists());
        let (postgresql, database) = homeserver.postgresql().unwrap();
        assert_eq!((postgresql.pid(), database), (deployment.postgresql().unwrap().pid(), homeserver.name()));
    }
    let postgresql = deployment.postgresql().unwrap();
    let before = postgresql.usage();
    postgresql.forget_statements().await.unwrap();
    // Its data is still there after a restart, and nobody else's.
    let http = &bed.setting.http;
    let register = |base: String, user: &'static str| async move {
        let body = json!({"username": user, "password": "secret-of-a-test", "auth": {"type": "m.login.dummy"}});
        let url = format!("http://{base}/_matrix/client/v3/register");
        http.post(url).json(&body).send().await.unwrap().status()
    };
    assert_eq!(register(alpha.address().to_string(), "user").await, 200);
    alpha.restart().await.unwrap();
    assert_eq!(register(alpha.address().to_string(), "user").await, 400);
    assert_eq!(register(bravo.address().to_string(), "user").await, 200);
    let after = postgresql.usage();
    assert!(after.cpu_ms > before.cpu_ms && after.rss_bytes > 1 << 20, "{after:?}");
    assert!(["alpha", "bravo"].iter().all(|name| after.by_database.contains_key(*name)), "{after:?}");
    assert!(after.by_database.values().sum::<u64>() <= after.cpu_ms, "{after:?}");
    let statements = postgresql.statements(5).await.unwrap();
    assert!(statements.len() <= 5 && statements.iter().all(|one| one.calls > 0), "{statements:?}");
    assert!(
        !serde_json::to_string(&postgresql.statements(10_000).await.unwrap()).unwrap().contains("secret-of-a-test")
    );
    // On cores of their own, where there are two.
    if let Ok(cores) = fedproof_deployment::Cores::divide() {
        assert!(deployment.are_separate(&cores).is_err());
        deployment.separate(&cores).unwrap();
        deployment.are_separate(&cores).unwrap();
        alpha.restart().await.unwrap();
        deployment.are_separate(&cores).unwrap();
    }
    let (pid, folder) = (postgresql.pid(), postgresql.socket().to_owned());
    assert!(support::is_alive(pid) && folder.exists());
    deployment.stop().await;
    assert!(!support::is_alive(pid) && !folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_fails_and_a_dropped_deployment_end_postgresql() {
    if !is_there().await {
        return;
    }
    let mut description = support::describe(&[("alpha", "synapse@1.163.2"), ("file", "synapse@1.163.2")]);
    description.homeservers["alpha"].database = Some(DatabaseKind::Postgresql);
    let bed = support::bed();
    let deployment = Deployment::start(&description, bed.setting.clone()).await.unwrap();
    assert!(bed.setting.work.join("file/homeserver.db").exists());
    assert!(deployment.homeserver("file").unwrap().postgresql().is_none());
    let alpha = deployment.homeserver("alpha").unwrap().clone();
    let (pid, folder) = alpha.postgresql().map(|(server, _)| (server.pid(), server.socket().to_owned())).unwrap();
    drop(deployment);
    assert!(!support::is_alive(pid) && !folder.exists());
    description.homeservers["file"].settings = json!({"max_upload_size": "much"});
    let bed = support::bed();
    let error = Deployment::start(&description, bed.setting.clone()).await.err().unwrap();
    assert!(error.to_string().starts_with("start homeserver file: it ended"), "{error}");
    let log = std::fs::read_to_string(bed.setting.logs.join("postgresql.log")).unwrap();
    assert!(log.contains("database system is shut down"), "{log}");
}

/// Runs the ignored test `name` of this program as a process of its own, with a runtime folder of its own.
fn again(name: &str, runtime: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]).env("XDG_RUNTIME_DIR", runtime);
    command
}

#[tokio::test]
#[ignore = "the parent that postgresql_does_not_outlive_a_killed_parent kills"]
async fn parent() {
    let bed = support::bed();
    let mut description = support::describe(&[("alpha", "synapse@1.163.2")]);
    description.database = DatabaseKind::Postgresql;
    let deployment = Deployment::start(&description, bed.setting.clone()).await.unwrap();
    let postgresql = deployment.postgresql().unwrap();
    let children = std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", postgresql.pid())).unwrap();
    let mut pids: Vec<u32> = children.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
    pids.extend([postgresql.pid(), deployment.homeserver("alpha").unwrap().pid().unwrap()]);
    println!("\nREADY {}", json!({"pids": pids, "folder": postgresql.socket(), "bed": bed.folder.path()}));
    std::future::pending().await
}

#[test]
#[ignore = "the cleanup that postgresql_does_not_outlive_a_killed_parent runs"]
fn clean() {
    println!();
    for removed in cleanup().unwrap() {
        println!("REMOVED {removed}");
    }
}

#[tokio::test]
async fn postgresql_does_not_outlive_a_killed_parent() {
    if !is_there().await {
        return;
    }
    let runtime = tempfile::tempdir().unwrap();
    let mut parent = again("parent", runtime.path()).stdout(Stdio::piped()).spawn().unwrap();
    let ready = BufReader::new(parent.stdout.take().unwrap()).lines().find_map(|line| {
        let line = line.unwrap();
        line.strip_prefix("READY ").map(|ready| serde_json::from_str::<serde_json::Value>(ready).unwrap())
    });
    let ready = ready.expect("the parent starts a homeserver on PostgreSQL");
    let pids: Vec<u32> = serde_json::from_value(ready["pids"].clone()).unwrap();
    assert!(pids.len() > 5 && pids.iter().all(|pid| support::is_alive(*pid)), "{pids:?}");
    parent.kill().unwrap();
    parent.wait().unwrap();
    let began = Instant::now();
    while pids.iter().any(|pid| support::is_alive(*pid)) {
        assert!(began.elapsed() < Duration::from_secs(10), "{pids:?} go on");
        std::thread::yield_now();
    }
    let folder = PathBuf::from(ready["folder"].as_str().unwrap());
    assert!(folder.exists());
    let output = again("clean", runtime.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(&format!("REMOVED removed {}", folder.display())), "{said}");
    assert!(!folder.exists());
    std::fs::remove_dir_all(ready["bed"].as_str().unwrap()).unwrap();
}

#[tokio::test]
#[ignore = "needs an environment of its own: missing_programs_are_named runs it"]
async fn without_postgresql() {
    let bed = support::bed();
    let mut description = support::describe(&[("alpha", "synapse@1.163.2")]);
    description.database = DatabaseKind::Postgresql;
    let error = Deployment::start(&description, bed.setting.clone()).await.err().unwrap();
    assert!(matches!(error, DeploymentError::NoPostgresql { .. }) && error.kind() == Kind::Environment, "{error}");
    assert!(error.to_string().contains("apt-get install postgresql"), "{error}");
    let checks = doctor(&fedproof_deployment::default_cache()).await;
    let check = checks.iter().find(|check| check.name == "postgresql").unwrap();
    assert!(!check.ok && !check.required && check.hint.contains("apt-get install postgresql"), "{check:?}");
}

#[test]
fn missing_programs_are_named() {
    let (runtime, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let output = again("without_postgresql", runtime.path()).env("FEDPROOF_POSTGRESQL", empty.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}
