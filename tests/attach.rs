//! Shards that load one deployment which somebody else keeps running, put together again.

mod support;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

const SHARDS: usize = 2;
/// From the start of the shards to their first arrival: time to boot two homeservers and to make users and rooms on them.
const LEAD_SECONDS: u64 = 30;

/// The playground, stopped as a user would stop it however the test ends.
struct Playground(Child);

impl Drop for Playground {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id() as i32), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// The command, with the playground's process id kept where no other playground's is.
fn command(args: &[&str], folder: &Path) -> Command {
    let mut command = support::command(args);
    command.env("XDG_RUNTIME_DIR", folder);
    command
}

#[test]
fn shards_attach_to_one_deployment_and_a_lost_one_is_named() {
    let _turn = support::alone();
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("a plain path").to_owned();
    let (playground, connection) = (path("playground"), path("connection.json"));
    let up = ["up", "--out", &playground, "--connection", &connection];
    let up = command(&up, folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let playground = Playground(up);
    let start = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() + LEAD_SECONDS;
    let start = start.to_string();
    let common = ["load", "clients", "--attach", &connection, "--attach-within", "120", "--seed", "7"];
    let shards: Vec<Child> = (1..=SHARDS)
        .map(|slot| {
            let out = path(&format!("shard{slot}"));
            let mut shard = command(&common, folder.path());
            shard.args(["--duration", "6", "--out", &out, "--format", "json"]).env("FEDPROOF_START_AT", &start);
            // As Docker Swarm tells them, from 1.
            shard.env("FEDPROOF_TASK_SLOT", slot.to_string()).env("FEDPROOF_SHARDS", SHARDS.to_string());
            shard.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts")
        })
        .collect();
    let records: Vec<Value> = shards
        .into_iter()
        .map(|shard| {
            let output = shard.wait_with_output().expect("it ends");
            let stderr = String::from_utf8_lossy(&output.stderr);
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"))
        })
        .collect();
    for record in &records {
        assert_eq!(record["complete"], true, "{}", record["stopped_because"]);
    }
    assert_eq!(records[0]["attached"], records[1]["attached"], "they were on the same homeservers");

    let refused = support::fedproof(&["load", "smoke", "--attach", &connection]);
    assert!(refused.0 == 2 && refused.2.contains("fan_out") && refused.2.contains("transaction"), "{refused:?}");
    drop(playground);
    assert!(!Path::new(&connection).exists(), "the connection file goes with the deployment");

    let (one, two, whole) = (path("shard1"), path("shard2"), path("whole"));
    let (_, stdout, stderr) = support::fedproof(&["merge", &one, &two, "--out", &whole, "--format", "json"]);
    let merged: Value = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stderr}"));
    assert_eq!(merged["complete"], true, "{}", merged["stopped_because"]);
    let sends = |record: &Value| {
        let operations = record["operations"].as_array().expect("operations");
        let send = operations.iter().find(|one| one["name"] == "send").expect("messages were sent");
        send["count"].as_u64().expect("a number")
    };
    assert_eq!(sends(&merged), records.iter().map(sends).sum::<u64>());
    for work in merged["work"].as_array().expect("work") {
        // Both saw the same counters: added up, they would tell twice what was spent.
        let seen = |record: &Value| {
            let all = record["work"].as_array().expect("work").iter();
            let same = all.filter(|one| one["server"] == work["server"] && one["operation"] == work["operation"]);
            same.map(|one| one["db_transactions"].as_u64().expect("counted")).max().expect("it is there")
        };
        assert_eq!(work["db_transactions"].as_u64(), records.iter().map(seen).max());
        assert!(work["cpu_ms"].as_u64().is_some_and(|cpu| cpu > 0), "its process is on this machine: {work}");
    }

    std::fs::remove_file(Path::new(&two).join("load.json")).expect("the second shard's results");
    let partial = path("partial");
    let (code, stdout, stderr) = support::fedproof(&["merge", &one, &two, "--out", &partial]);
    assert_eq!(code, 3, "{stdout}{stderr}");
    let record = std::fs::read(Path::new(&partial).join("load.json")).expect("what there is");
    let record: Value = serde_json::from_slice(&record).expect("JSON");
    assert_eq!(record["work"], Value::Array(vec![]), "the lost shard's part in it is not known");
    assert!(stdout.contains("shard 1/2 is missing") && stderr.contains("shard2 holds no results"), "{stdout}{stderr}");
}
