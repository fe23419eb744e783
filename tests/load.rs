//! A load that is interrupted says so, keeps its figures, and leaves nothing behind.

mod support;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

/// Long enough for two homeservers to boot on a loaded machine; a bound, not a wait.
const LIMIT: Duration = Duration::from_secs(120);

#[test]
fn an_interrupted_load_cleans_up_and_says_so() {
    let _turn = support::alone();
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let args = ["load", "smoke", "--duration", "600", "--out", out.to_str().expect("a plain path")];
    let mut load = support::command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    // The interval log is begun when the load begins: goose is there by then.
    let began = Instant::now();
    while !out.join("load.hlog").exists() {
        assert!(began.elapsed() < LIMIT && load.try_wait().expect("its state").is_none(), "the load begins");
        std::thread::sleep(Duration::from_millis(50));
    }
    let servers = support::children_of(load.id());
    assert!(!servers.is_empty(), "homeservers run");
    kill(Pid::from_raw(load.id() as i32), Signal::SIGINT).expect("the signal is sent");
    assert_eq!(load.wait().expect("it ends").code(), Some(130));
    let record: Value = serde_json::from_slice(&std::fs::read(out.join("load.json")).expect("figures")).expect("JSON");
    assert_eq!((&record["complete"], record["stopped_because"].as_str()), (&Value::Bool(false), Some("interrupted")));
    for server in servers {
        assert!(!Path::new("/proc").join(server.to_string()).exists(), "process {server} is left");
    }
}
