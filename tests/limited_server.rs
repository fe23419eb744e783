//! A homeserver that limits the rate is asked again when it says so, by clients and by simulated servers.

mod support;

use serde_json::Value;
use support::{alone, project, run};

const SCENARIO: &str = r#"
scenario: limited
title: A homeserver that limits the rate
about: The gateway answers in its place, every second request or every one.
requirement: none
level: MUST
priority: 0
since: "1.0"
room_versions: ["12"]
actors:
  S: {homeserver: subject}
  asks: {virtual: "*.asks.example"}
phases:
  - {phase: control, role: control, each: [control]}
  - {phase: check, role: check, each: [ask]}
cases:
  - id: limited/once
    title: It limits the first request and not the second
    steps:
      control: [&control {as: asks, request: {to: "${S}", method: GET, path: "/_matrix/federation/v1/version"}, expect: {status: 200}}]
      ask:
        - {fault: {from: "${asks}", path: "*once", one_in: 2, effect: &limited {answer: {status: 429, body: {errcode: M_LIMIT_EXCEEDED, retry_after_ms: 1}}}}}
        - {as: asks, request: {to: "${S}", method: GET, path: "/_matrix/federation/v1/version?once"}, expect: {status: 200}}
  - id: limited/always
    title: It limits every one
    steps:
      control: [*control]
      ask:
        - {fault: {from: "${asks}", path: "*always", effect: *limited}}
        - {as: asks, request: {to: "${S}", method: GET, path: "/_matrix/federation/v1/version?always"}, expect: {status: 200}}
  - id: limited/as-it-must
    title: That it does is what is asked
    steps:
      control: [*control]
      ask:
        - {fault: {from: "${asks}", path: "*meant", effect: *limited}}
        - {as: asks, request: {to: "${S}", method: GET, path: "/_matrix/federation/v1/version?meant"}, expect: {status: 429}}
"#;

#[test]
fn who_is_told_to_come_later_does() {
    let _turn = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let root = project(folder.path(), SCENARIO);
    let out = folder.path().join("out");
    let (code, record, stderr) = run(&["limited/**", "--root", root.to_str().expect("a plain path")], &out);
    let cases = record["cases"].as_array().expect("cases");
    let verdict = |id: &str| cases.iter().find(|case| case["id"] == id).map(|case| case["verdict"].clone());
    let verdicts = ["limited/once/v12", "limited/always/v12", "limited/as-it-must/v12"].map(verdict);
    assert_eq!(verdicts, ["pass", "fail", "pass"].map(|verdict| Some(Value::from(verdict))), "{stderr}");
    assert_eq!(code, 1, "{stderr}");
    let all = std::fs::read_to_string(out.join("transcripts/all.jsonl")).expect("a transcript");
    let asked = |word: &str| all.lines().filter(|line| line.contains(&format!("version?{word}"))).count();
    assert_eq!((asked("once"), asked("always"), asked("meant")), (2, 10, 1));
}
