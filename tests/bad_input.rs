//! Bad input: a clear message, the documented exit code, never a panic.

mod support;

use std::path::Path;
use support::{command, ended, fedproof};

/// Arguments, exit code, and what the message must say.
const WRONG: &[(&[&str], i32, &[&str])] = &[
    (&["run", "--no-such-option"], 2, &["unexpected argument"]),
    (&["run", "acl/endpoint/bakfill"], 4, &["`acl/endpoint/bakfill` selects no case", "`acl/endpoint/backfill`"]),
    (&["run", "@nothing"], 4, &["selects no case"]),
    (&["run", "--deployment", "nowhere"], 2, &["no deployment \"nowhere\"", "default"]),
    (&["run", "--homeserver", "alpha"], 2, &["expected NAME=SPEC"]),
    (&["run", "--homeserver", "charlie=synapse@1.163.2"], 2, &["charlie", "alpha", "bravo"]),
    (&["run", "--homeserver", "alpha=synapse@one"], 2, &["synapse@one"]),
    (&["run", "--homeserver", "alpha=synapse@1.0.1"], 2, &["1.0.1", "constraints", "1.163.2"]),
    (&["run", "--homeserver", "alpha=dendrite@1.0.0"], 2, &["dendrite", "synapse"]),
    (&["run", "--homeserver", "alpha=synapse@path:/nowhere/at/all"], 2, &["/nowhere/at/all"]),
    (&["run", "--profile", "nobody"], 2, &["no profile \"nobody\"", "matrix-spec"]),
    (&["run", "--backend", "cloud"], 2, &["no backend \"cloud\"", "process and compose"]),
    (&["run", "--backend", "attach"], 2, &["no homeservers"]),
    (&["run", "--backend", "attach", "--homeserver", "alpha=synapse@1.163.2"], 2, &["NAME=url:BASE_URL"]),
    (
        &["run", "--backend", "attach", "--homeserver", "alpha=url:http://127.0.0.1:1"],
        3,
        &["failed to reach alpha", "http://127.0.0.1:1", "refused"],
    ),
    (&["run", "--attach", "no/such/file"], 2, &["no/such/file"]),
    (&["run", "--attach", "fixtures/compose/routes.yaml"], 2, &["routes.yaml", "fedproof/connection/1"]),
    (&["run", "--attach", "x", "--deployment", "default"], 2, &["--attach", "--deployment"]),
    (&["run", "--dry-run"], 2, &["--attach FILE"]),
    (&["up", "--backend", "attach"], 2, &["`run` alone"]),
    (&["run", "--homeserver", "alpha=synapse@image:some:1"], 2, &["image:some:1", "--backend compose"]),
    (&["run", "--backend", "compose", "--homeserver", "alpha=synapse@path:/some"], 2, &["path:/some", "image:REF"]),
    (&["run", "--client", "nobody"], 2, &["no client \"nobody\"", "reference, rust-sdk"]),
    (&["run", "--client", "rust-sdk@1.0"], 2, &["path:"]),
    (&["run", "--client", "rust-sdk@path:/nowhere/at/all"], 2, &["/nowhere/at/all"]),
    (&["run", "--jobs", "0"], 2, &["0"]),
    (&["run", "--seed", "x"], 2, &["invalid value 'x'"]),
    (&["explain", "acl/nothing"], 4, &["selects no case"]),
    (&["lint", "no/such/file.yaml"], 2, &["cannot be read"]),
    (&["schema", "nothing"], 2, &["nothing", "scenario"]),
    (&["mutants", "no/such"], 4, &["no mutant is called like no/such"]),
    (&["load", "nothing"], 2, &["no workload \"nothing\"", "smoke"]),
    (&["load", "paired", "--pairs", "4"], 2, &["--against"]),
    (&["load", "paired", "--against", "synapse@1.163.2"], 2, &["expected NAME=SPEC"]),
    (&["load", "paired", "--against", "charlie=synapse@1.163.2"], 2, &["charlie", "alpha", "bravo"]),
    (&["load", "paired", "--against", "alpha=synapse@1.163.2", "--shard", "0/2"], 2, &["--shard"]),
    (
        &["load", "paired", "--against", "alpha=synapse@1.163.2", "--against-mutant", "no/such"],
        2,
        &["no mutant no/such", "synapse/load/cpu"],
    ),
    (&["load", "clients", "--shard", "0/2"], 2, &["--seed"]),
    (&["load", "clients", "--attach", "no/such/file"], 2, &["no/such/file"]),
    (&["load", "clients", "--attach", "Cargo.toml"], 2, &["Cargo.toml", "no connection"]),
    (&["load", "clients", "--attach", "x", "--deployment", "load"], 2, &["--attach", "--deployment"]),
    (&["load", "limit", "--rate", "5"], 2, &["looks for its rate itself"]),
    (&["load", "limit", "--against", "alpha=synapse@1.163.2"], 2, &["looks for its rate itself"]),
    (&["harden", "no/such/file"], 2, &["no/such/file"]),
    (&["run", "hardening/user/**"], 4, &["selects no case", "fedproof harden"]),
    (&["harden", "docker-compose.yml", "--bills", "no/such/folder"], 2, &["no/such/folder"]),
    (&["harden", "Cargo.toml"], 2, &["Cargo.toml"]),
    (&["harden", "fixtures/catalogue.yaml"], 2, &["no compose file"]),
    (&["harden", "fixtures/catalogue.yaml", "--only", "acl/**"], 4, &["no rule", "hardening/user/not-root"]),
    (&["harden", "fixtures/kubernetes/merge-job.yaml", "--profile", "nobody"], 2, &["no profile \"nobody\""]),
    (&["report", "no/such/folder"], 2, &["no/such/folder"]),
];

#[test]
fn every_wrong_command_line_is_explained() {
    for (args, code, says) in WRONG {
        let (seen, _, stderr) = fedproof(args);
        assert_eq!(seen, *code, "{args:?}: {stderr}");
        for text in *says {
            assert!(stderr.contains(text), "{args:?} should say {text:?}:\n{stderr}");
        }
        assert!(!stderr.contains("panicked"), "{args:?}: {stderr}");
    }
}

#[test]
fn a_broken_scenario_is_shown_with_its_line() {
    let (_, stdout, _) = fedproof(&["explain", "acl/match/property", "--format", "json"]);
    let explained: serde_json::Value = serde_json::from_str(&stdout).expect("JSON");
    let good = explained["source"].as_str().expect("the source").to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("broken.yaml");
    for (what, broken) in [
        ("an unknown key", good.replacen("title:", "titel:", 1)),
        ("an unknown actor", good.replacen("as: asker", "as: charlie", 1)),
        ("an unbound variable", good.replacen("${asker.user}", "${nobody.user}", 1)),
        ("a duplicate key", good.replacen("level: MUST", "level: MUST\nlevel: MUST", 1)),
        ("an unknown verb", good.replacen("create_room", "crate_room", 1)),
        ("no YAML", good.replacen("actors:", "actors: [", 1)),
    ] {
        assert_ne!(broken, good, "{what}: nothing was broken");
        std::fs::write(&file, &broken).expect("the file can be written");
        let (code, _, stderr) = ended(command(&["lint"]).arg(&file));
        assert_eq!(code, 2, "{what}: {stderr}");
        assert!(stderr.contains("broken.yaml:") && stderr.contains('^'), "{what} has file, line and caret:\n{stderr}");
    }
    // The same ids twice, in two files.
    std::fs::write(&file, &good).expect("the file can be written");
    std::fs::copy(&file, folder.path().join("copy.yaml")).expect("the file can be copied");
    let (code, _, stderr) = ended(command(&["lint"]).arg(folder.path()));
    assert_eq!(code, 2, "duplicate id: {stderr}");
    assert!(stderr.contains("acl/match/property"), "{stderr}");
}

#[test]
fn without_python_the_machine_is_to_blame() {
    let empty = tempfile::tempdir().expect("a folder");
    let cache = tempfile::tempdir().expect("a folder");
    let out = tempfile::tempdir().expect("a folder");
    let (code, _, stderr) = ended(
        command(&["run", "acl/match/property", "--out"])
            .arg(out.path())
            .env("PATH", empty.path())
            .env("FEDPROOF_CACHE", cache.path()),
    );
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("python3") && stderr.contains("venv"), "{stderr}");
    assert!(Path::new(&out.path().join("run.json")).is_file(), "a run that could not start leaves a record too");
}

#[test]
fn a_full_disk_is_named() {
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let (code, _, stderr) = fedproof(&["run", "acl/match/property", "--out", "/dev/full/results"]);
    assert_eq!(code, 3, "{stderr}");
    assert!(stderr.contains("/dev/full/results"), "{stderr}");
}
