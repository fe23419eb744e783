//! What the tests of the command share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod canned;

use serde_json::Value;
use std::{
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The command, to be run at the project's root.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fedproof"));
    command.args(args).current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs the command to its end: exit code, stdout, stderr.
pub(crate) fn fedproof(args: &[&str]) -> (i32, String, String) {
    ended(&mut command(args))
}

/// Runs a prepared command to its end.
pub(crate) fn ended(command: &mut Command) -> (i32, String, String) {
    let output = command.output().expect("the command can be started");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// One test with homeservers at a time: two cores serve no more.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `fedproof run … --format json --out out`: exit code, record, stderr.
pub(crate) fn run(args: &[&str], out: &Path) -> (i32, Value, String) {
    let out = out.to_str().expect("a plain path");
    let args: Vec<&str> = ["run", "--format", "json", "--out", out].into_iter().chain(args.iter().copied()).collect();
    let (code, stdout, stderr) = fedproof(&args);
    let record = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}\n{stderr}"));
    (code, record, stderr)
}

/// Ids of the cases with this verdict.
pub(crate) fn with_verdict<'a>(record: &'a Value, verdict: &str) -> Vec<&'a str> {
    let cases = record["cases"].as_array().expect("cases");
    cases.iter().filter(|case| case["verdict"] == verdict).filter_map(|case| case["id"].as_str()).collect()
}

/// The part of an id without the room version.
pub(crate) fn row(id: &str) -> &str {
    id.rsplit_once("/v").map_or(id, |(row, _)| row)
}

/// The project in `folder`, with a scenario beside its own.
pub(crate) fn project(folder: &Path, scenario: &str) -> PathBuf {
    let (here, root) = (Path::new(env!("CARGO_MANIFEST_DIR")), folder.join("project"));
    let scenarios = root.join("scenarios");
    std::fs::create_dir_all(&scenarios).expect("a folder");
    for entry in here.join("scenarios").read_dir().expect("scenarios").flatten() {
        symlink(entry.path(), scenarios.join(entry.file_name())).expect("a link");
    }
    std::fs::write(scenarios.join("of-a-test.yaml"), scenario).expect("a file");
    symlink(here.join("fixtures"), root.join("fixtures")).expect("a link");
    root
}

/// Process ids of the direct children.
pub(crate) fn children_of(pid: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").expect("/proc is there").flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|child| parent_of(*child) == Some(pid)).collect()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}
