//! The whole tool on real homeservers.

mod support;

use serde_json::Value;
use std::{
    collections::BTreeSet,
    path::Path,
    process::{Command, Stdio},
};
use support::{alone, children_of, command, row, run, with_verdict};

#[test]
fn the_current_synapse_qualifies() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let (code, record, stderr) = run(&["--seed", "11"], out.path());
    assert_eq!(code, 0, "{stderr}");
    assert_eq!((record["verdict"].as_str(), &record["complete"]), (Some("qualified"), &Value::Bool(true)));
    assert_eq!(with_verdict(&record, "inconclusive"), Vec::<&str>::new());
    // What Synapse breaks for good is shown as failed, and nothing else is.
    let cases = record["cases"].as_array().expect("cases").iter();
    let failed: Vec<&Value> = cases.filter(|case| case["verdict"] == "fail" && case["level"] != "SHOULD").collect();
    assert!(failed.iter().all(|case| case["known_deviation"] == true), "{failed:?}");
    let mut failed: Vec<&str> = failed.iter().filter_map(|case| case["id"].as_str()).collect();
    failed.sort_unstable();
    assert_eq!(failed, ["leak/catch-up/ban-shared/v12", "leak/catch-up/kick-shared/v12"]);
    assert_eq!(record["servers"][0]["implementation"], "synapse");
    assert!(record["wall_ms"]["boot"].as_u64() > Some(0) && record["wall_ms"]["cases"].as_u64() > Some(0));
    for name in ["run.json", "events.jsonl", "junit.xml", "summary.md", "report.html", "logs/alpha.log"] {
        assert!(out.path().join(name).is_file(), "{name}");
    }
    no_secret_in(out.path());

    // The stored run renders again, with the same verdict.
    let (code, stdout, _) = support::fedproof(&["report", out.path().to_str().expect("a plain path")]);
    assert_eq!((code, stdout.contains("QUALIFIED")), (0, true));
}

/// Neither access tokens nor passwords in anything that was written.
fn no_secret_in(folder: &Path) {
    for entry in std::fs::read_dir(folder).expect("the folder is there").flatten() {
        let path = entry.path();
        if path.is_dir() {
            no_secret_in(&path);
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).expect("readable")).into_owned();
        assert!(!text.contains("syt_"), "an access token in {}", path.display());
        assert!(!text.contains("\"pw-"), "a password in {}", path.display());
    }
}

/// Synapse 1.152.1 does not apply ACLs to EDUs; 1.153.0 does.
#[test]
fn an_old_synapse_fails_where_it_must() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let (code, record, stderr) = run(
        &[
            "acl/endpoint/**",
            "acl/send/**",
            "--homeserver",
            "alpha=synapse@1.152.1",
            "--homeserver",
            "bravo=synapse@1.152.1",
        ],
        out.path(),
    );
    assert_eq!(code, 1, "{stderr}");
    let failed: BTreeSet<&str> = with_verdict(&record, "fail").into_iter().map(row).collect();
    assert_eq!(failed, BTreeSet::from(["acl/send/typing", "acl/send/receipt", "acl/send/receipt-mixed-rooms"]));
    assert_eq!(with_verdict(&record, "inconclusive"), Vec::<&str>::new());
    let typing = record["cases"].as_array().expect("cases").iter().find(|case| case["id"] == "acl/send/typing/v12");
    let reason = typing.expect("it is there")["reason"].as_str().unwrap_or_default().to_owned();
    assert!(reason.contains("typing in !") && reason.contains("was shown it by /sync"), "{reason}");
}

/// A rebase that lost one check: an unpacked source distribution, edited by hand.
#[test]
fn a_checkout_without_one_check_fails_exactly_there() {
    let _turn = alone();
    let folder = tempfile::tempdir().expect("a folder");
    let pip = ["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "matrix-synapse==1.163.2"];
    succeeds(Command::new("python3").args(pip).current_dir(&folder));
    succeeds(Command::new("tar").args(["xzf", "matrix_synapse-1.163.2.tar.gz"]).current_dir(&folder));
    let checkout = folder.path().join("matrix_synapse-1.163.2");
    let file = checkout.join("synapse/federation/federation_server.py");
    let source = std::fs::read_to_string(&file).expect("it is there");
    let (before, handler) = source.split_once("async def on_backfill_request").expect("the handler is there");
    let check = "await self.check_server_matches_acl(origin_host, room_id)";
    std::fs::write(&file, format!("{before}async def on_backfill_request{}", handler.replacen(check, "pass", 1)))
        .expect("written");

    let spec = |name: &str| format!("{name}=synapse@path:{}", checkout.display());
    let out = folder.path().join("out");
    let selected = ["acl/endpoint/**", "acl/send/**"];
    let (alpha, bravo) = (spec("alpha"), spec("bravo"));
    let args = [&selected[..], &["--homeserver", &alpha, "--homeserver", &bravo]].concat();
    let (code, record, stderr) = run(&args, &out);
    assert_eq!((code, record["verdict"].as_str()), (1, Some("not_qualified")), "{stderr}");
    let failed = with_verdict(&record, "fail");
    let backfill = ["acl/endpoint/backfill/v10", "acl/endpoint/backfill/v11", "acl/endpoint/backfill/v12"];
    assert_eq!(failed, [&backfill[..], &["invariant/acl-accepted"]].concat());
}

fn succeeds(command: &mut Command) {
    let (code, _, stderr) = support::ended(command);
    assert_eq!(code, 0, "{command:?}: {stderr}");
}

#[test]
fn servers_of_two_versions_run_in_one_deployment() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let specs = ["--homeserver", "alpha=synapse@1.143.0", "--homeserver", "bravo=synapse@1.163.2"];
    let (code, record, stderr) = run(&[&["acl/endpoint/**", "acl/send/pdu"][..], &specs[..]].concat(), out.path());
    assert_eq!(code, 0, "{stderr}");
    let versions: Vec<&str> =
        record["servers"].as_array().expect("servers").iter().filter_map(|server| server["version"].as_str()).collect();
    assert_eq!(versions, ["1.143.0", "1.163.2"]);
    let subjects = record["cases"][0]["subjects"].as_array().expect("subjects").len();
    assert_eq!(subjects, 2, "each version is under test");
}

#[test]
fn every_ordered_pair_of_releases_meets() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let (code, record, stderr) = run(&["interop/join", "--deployment", "three"], out.path());
    assert_eq!(code, 0, "{stderr}");
    for case in record["cases"].as_array().expect("cases").iter().filter(|case| row(id(case)) == "interop/join") {
        let subjects = case["subjects"].as_array().expect("subjects").iter();
        let met: BTreeSet<(&str, &str)> = subjects
            .map(|met| (met["server"].as_str().unwrap_or_default(), met["facts"]["other"].as_str().unwrap_or_default()))
            .collect();
        let names = ["alpha", "bravo", "charlie"];
        let pairs = names.iter().flat_map(|one| names.iter().map(move |other| (*one, *other)));
        assert_eq!(met, pairs.filter(|(one, other)| one != other).collect(), "{}", id(case));
    }
}

fn id(case: &Value) -> &str {
    case["id"].as_str().unwrap_or_default()
}

/// What the chart 2.1.0 ships, upgraded over its database to the newest supported release.
#[test]
fn a_server_is_upgraded_in_place() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let (code, record, stderr) = run(&["interop/in-place-upgrade/**", "--deployment", "upgrade"], out.path());
    assert_eq!(code, 0, "{stderr}");
    let passed: Vec<&str> =
        with_verdict(&record, "pass").into_iter().filter(|id| id.starts_with("interop/")).map(row).collect();
    let rows = ["users", "rooms", "messages", "acl", "federation"];
    assert_eq!(passed, rows.map(|row| format!("interop/in-place-upgrade/{row}")));
    let subjects = &record["cases"][0]["subjects"];
    assert_eq!(subjects.as_array().map(Vec::len), Some(1), "only what can be upgraded is under test: {subjects}");
    // Both releases have run on that folder, one after the other, and the first again.
    let ready: Vec<&str> = stderr.lines().filter_map(|line| line.strip_prefix("alpha: synapse ")).collect();
    let versions: Vec<&str> = ready.iter().filter_map(|line| line.split_once(" is ready").map(|(it, _)| it)).collect();
    assert_eq!(versions, ["1.143.0", "1.163.2", "1.143.0"], "{stderr}");

    // Elsewhere it says what it needs.
    let (_, record, _) = run(&["interop/in-place-upgrade/acl"], &out.path().join("default"));
    let reason = record["cases"][0]["reason"].as_str().unwrap_or_default();
    assert_eq!(
        (record["cases"][0]["verdict"].as_str(), reason.contains("upgrade")),
        (Some("skipped"), true),
        "{reason}"
    );
}

#[test]
fn one_mutant_of_each_family_is_killed() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let out_text = out.path().to_str().expect("a plain path");
    let args = ["mutants", "--one-of-each-family", "--format", "json", "--out", out_text];
    let (code, stdout, stderr) = support::fedproof(&args);
    let matrix: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("code {code}, no JSON: {stderr}"));
    let mutants = matrix["mutants"].as_array().expect("mutants");
    // What is wrong, and nothing else: the whole matrix is longer than what a reader of CI's output gets to see.
    let surviving: Vec<&Value> = mutants.iter().filter(|mutant| mutant["killed"] != true).collect();
    let wrong = ["without_mutant", "stopped_because", "kept"].map(|key| format!("{key}: {}", matrix[key]));
    assert_eq!(code, 0, "surviving: {surviving:?}; {}; {stderr}", wrong.join("; "));
    assert!(mutants.len() >= 20, "a family for each chapter: {}", mutants.len());
    for mutant in mutants {
        let rows = |key: &str| mutant[key].as_array().expect("rows").iter().filter_map(Value::as_str);
        let unnamed = rows("killed_by").filter(|row| rows("expected").all(|expected| expected != *row));
        assert!(unnamed.into_iter().all(|row| row.starts_with("invariant/")), "{mutant}: invariants see all traffic");
    }
    assert_eq!(matrix["without_mutant"], serde_json::json!({}));
}

/// However fedproof dies, no homeserver outlives it, and the next run works.
#[test]
fn a_killed_run_leaves_no_process() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let mut child = command(&["run", "acl/endpoint/**", "--out"])
        .arg(out.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // "deployment is up" is the moment at which there is most to leave behind.
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().expect("piped")));
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("deployment is up"))), "it boots");
    let servers = children_of(child.id());
    assert!(servers.len() >= 2, "{servers:?}");
    child.kill().expect("it is running");
    child.wait().expect("it ends");
    let gone = (0..500).any(|_| {
        let left = servers.iter().filter(|pid| is_running(**pid)).count();
        if left > 0 {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        left == 0
    });
    assert!(gone, "left behind: {servers:?}");
    let (code, stdout, _) = support::fedproof(&["cleanup"]);
    assert_eq!(code, 0);
    assert!(stdout.contains("removed"), "{stdout}");
    let (code, stdout, _) = support::fedproof(&["cleanup"]);
    assert_eq!((code, stdout.trim()), (0, "nothing was left behind"));

    let again = tempfile::tempdir().expect("a folder");
    let (code, _, stderr) = run(&["acl/match/property"], again.path());
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn an_interrupted_run_cleans_up_and_says_so() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let mut child = command(&["run", "--format", "json", "--out"])
        .arg(out.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stderr.take().expect("piped")));
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("deployment is up"))), "it boots");
    let servers = children_of(child.id());
    let pid = nix::unistd::Pid::from_raw(child.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("it is running");
    let said: String = lines.map_while(Result::ok).collect::<Vec<_>>().join("\n");
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{said}");
    assert!(servers.iter().all(|pid| !is_running(*pid)), "{said}");
    let record: Value =
        serde_json::from_slice(&std::fs::read(out.path().join("run.json")).expect("written")).expect("JSON");
    assert_eq!((&record["complete"], &record["stopped_because"]), (&Value::Bool(false), &"interrupted".into()));
}

fn is_running(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
