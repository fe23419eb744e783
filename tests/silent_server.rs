//! A homeserver that hangs, for whatever reason, is trouble and not a verdict: real Synapse, frozen in the middle.

mod support;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    fs,
    path::Path,
    process::{Child, Stdio},
    time::{Duration, Instant},
};
use support::{alone, children_of, command, project};

/// Waits for an event that nobody sends. Just before, a wrong password leaves a mark in the homeserver's log.
const SCENARIO: &str = r#"
scenario: waits
title: An event that never comes
about: Waits for an event that nobody sends.
requirement: none
level: MUST
priority: 0
since: "1.0"
room_versions: ["12"]
actors:
  S: {homeserver: subject}
  alice: {client: S}
phases:
  - {phase: setup, role: setup, each: [make]}
  - {phase: control, role: control, each: [talk]}
  - {phase: check, role: check, each: [wait]}
cases:
  - id: waits/in-vain
    title: An event that never comes
    steps:
      make: [{as: alice, create_room: {}, save: room}]
      talk: [{as: alice, send: {room: "${room}"}}]
      wait:
        - as: alice
          request:
            method: POST
            path: /_matrix/client/v3/login
            body: {type: m.login.password, password: wrong, identifier: {type: m.id.user, user: "${alice}"}}
          expect: {status: 403}
        - {as: alice, eventually: {event: {room: "${room}", id: "$nobody-sends-this"}}}
"#;

#[test]
fn what_does_not_come_is_held_against_a_server_that_answers_and_not_against_one_that_hangs() {
    let _turn = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let root = project(folder.path(), SCENARIO);
    // Side by side: each waits for twenty seconds and more.
    let (well, hangs) = (begin(&root, &folder.path().join("well")), begin(&root, &folder.path().join("hangs")));
    until_it_waits(&folder.path().join("hangs"));
    freeze(&descendants(hangs.id()));
    assert_eq!(ended(well), (1, "fail".to_owned()), "it answers, and the event did not come");
    assert_eq!(ended(hangs), (3, "inconclusive".to_owned()), "it answered nobody");
}

fn begin(root: &Path, out: &Path) -> Child {
    let (root, out) = (root.to_str().expect("a plain path"), out.to_str().expect("a plain path"));
    let mut run = command(&["run", "waits/in-vain/**", "--root", root, "--out", out, "--format", "json"]);
    run.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts")
}

fn until_it_waits(out: &Path) {
    let (began, log) = (Instant::now(), out.join("logs/alpha.log"));
    while !fs::read_to_string(&log).unwrap_or_default().contains("Failed password login") {
        assert!(began.elapsed() < Duration::from_secs(120), "the check has begun by now");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn descendants(pid: u32) -> Vec<u32> {
    let children = children_of(pid);
    let below: Vec<u32> = children.iter().flat_map(|child| descendants(*child)).collect();
    children.into_iter().chain(below).collect()
}

/// The homeservers among them; what only watches over them goes on.
fn freeze(pids: &[u32]) {
    let is_server = |pid: &&u32| {
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains("homeserver.yaml")
    };
    let servers: Vec<&u32> = pids.iter().filter(is_server).collect();
    assert!(!servers.is_empty(), "homeservers run");
    for pid in servers {
        kill(Pid::from_raw(i32::try_from(*pid).expect("a process id")), Signal::SIGSTOP).expect("it runs");
    }
}

/// Exit code, and the verdict of the one case.
fn ended(run: Child) -> (i32, String) {
    let output = run.wait_with_output().expect("it ends");
    let record: Value = serde_json::from_slice(&output.stdout).expect("a record");
    let cases = record["cases"].as_array().expect("cases").iter();
    let verdicts: Vec<_> = cases.filter(|case| case["scenario"] == "scenarios/of-a-test.yaml").collect();
    assert_eq!(verdicts.len(), 1, "{record}");
    (output.status.code().unwrap_or(-1), verdicts[0]["verdict"].as_str().unwrap_or_default().to_owned())
}
