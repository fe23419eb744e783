//! `fedproof harden` as it is called: formats, exit codes, our own deployment files.

mod support;

use serde_json::Value;
use std::path::Path;
use support::fedproof;

const FILES: &str = "harness/hardening/tests/files";

fn file(name: &str) -> String {
    format!("{FILES}/{name}")
}

#[test]
fn hard_files_are_qualified_and_soft_ones_are_not() {
    for (name, code, word) in [
        ("hard.compose.yaml", 0, "\nQUALIFIED"),
        ("hard.manifest.yaml", 0, "\nQUALIFIED"),
        ("soft.compose.yaml", 1, "NOT QUALIFIED"),
        ("soft.manifest.yaml", 1, "NOT QUALIFIED"),
    ] {
        let (seen, stdout, stderr) = fedproof(&["harden", &file(name)]);
        assert_eq!(seen, code, "{name}: {stdout}{stderr}");
        assert!(stdout.contains(word), "{name}: {stdout}");
        assert!(!stdout.contains("hunter2"), "a secret is shown: {stdout}");
    }
}

#[test]
fn what_is_not_there_or_not_known_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("compose.yaml");
    let path = path.to_str().expect("a plain path");
    let hard = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file("hard.compose.yaml")));
    let hard = hard.expect("it is there").replace("./sygnal.yaml", "./none.yaml");
    std::fs::write(path, hard.replacen("group_add:", "runtime: kata\n    group_add:", 1)).expect("it can be written");
    let (code, stdout, stderr) = fedproof(&["harden", path]);
    assert!(
        code == 3 && stdout.contains("\nINCONCLUSIVE") && stdout.contains("no rule knows it: 1"),
        "{code}: {stdout}"
    );
    for text in ["./none.yaml is not there", "compose.yaml:14: `runtime` of service `synapse` was not judged"] {
        assert!(stderr.contains(text), "{text} in {stderr}");
    }
    let (_, stdout, _) = fedproof(&["harden", path, "--format", "json"]);
    let record: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(
        (&record["verdict"], &record["unread"][0], &record["unjudged"][0]["line"]),
        (&"inconclusive".into(), &"./none.yaml".into(), &14.into())
    );
}

#[test]
fn a_finding_names_file_line_and_what_to_do() {
    let (_, stdout, _) = fedproof(&["harden", &file("soft.compose.yaml"), "--only", "hardening/user/high-uid"]);
    for text in [
        "hardening/user/high-uid",
        "soft.compose.yaml:5:11",
        "service `synapse`: expected a number above 65535, seen `root`",
        "help: compose: `user:",
    ] {
        assert!(stdout.contains(text), "{text} in {stdout}");
    }
    assert!(!stdout.contains("high-gid"), "{stdout}");
}

#[test]
fn programs_get_json_and_people_markdown() {
    let (code, stdout, _) =
        fedproof(&["harden", &file("soft.compose.yaml"), &file("hard.manifest.yaml"), "--format", "json"]);
    let record: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!(
        (code, &record["verdict"], &record["schema"]),
        (1, &"not_qualified".into(), &"fedproof/harden/1".into())
    );
    let judgements = record["judgements"].as_array().expect("a list");
    let privileged =
        judgements.iter().find(|one| one["rule"] == "hardening/capabilities/not-privileged").expect("it is judged");
    assert_eq!(
        (&privileged["denies"], &privileged["level"], &privileged["verdict"]),
        (&true.into(), &"POLICY".into(), &"fail".into())
    );
    assert_eq!(privileged["findings"][0]["line"], 10);
    let account = judgements.iter().find(|one| one["rule"] == "hardening/service-account/own").expect("it is judged");
    assert_eq!(
        (&account["verdict"], &account["reason"]),
        (&"not_applicable".into(), &"compose has no service accounts".into())
    );
    let (_, stdout, _) = fedproof(&["harden", &file("soft.compose.yaml"), "--format", "markdown"]);
    assert!(
        stdout.starts_with("| rule | level |") && stdout.contains("soft.compose.yaml:10, service `synapse`"),
        "{stdout}"
    );
}

#[test]
fn registries_come_from_the_command_line_or_the_profile() {
    let only = ["--only", "hardening/images/registry"];
    let run = |more: &[&str]| fedproof(&[&["harden", &file("hard.compose.yaml")], &only[..], more].concat());
    assert_eq!(run(&[]).0, 4, "nobody said which are allowed");
    assert_eq!(run(&["--registry", "registry.example"]).0, 0);
    assert_eq!(run(&["--profile", "bundesmessenger"]).0, 1);
    assert_eq!(run(&["--profile", "bundesmessenger", "--registry", "registry.example"]).0, 0);
}

#[test]
fn bills_of_materials_are_looked_for_where_it_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let bills = folder.path().to_str().expect("a plain path");
    let image = file("hard.compose.yaml");
    let run = || fedproof(&["harden", &image, "--only", "hardening/images/bill-of-materials", "--bills", bills]);
    let (code, stdout, _) = run();
    assert!(code == 1 && stdout.contains("none of `registry.example/synapse:v1.163.2`"), "{stdout}");
    let bill = r#"{"bomFormat": "CycloneDX", "components": [{"name": "synapse"}]}"#;
    for name in ["synapse-v1.163.2", &format!("keys@sha256-{}", "0".repeat(64))] {
        let path = folder.path().join(format!("registry.example-{name}.pypi.cdx.json"));
        std::fs::write(path, bill).expect("it can be written");
    }
    let (code, stdout, _) = run();
    assert_eq!(code, 0, "{stdout}");
}

#[test]
fn rules_are_part_of_the_catalogue() {
    let (code, stdout, _) = fedproof(&["list", "hardening/user/**", "acl/endpoint/backfill"]);
    assert!(
        code == 0 && stdout.contains("hardening/user/not-root") && stdout.contains("acl/endpoint/backfill"),
        "{stdout}"
    );
    assert_eq!(fedproof(&["list", "hardening/nothing"]).0, 4);
    let (code, stdout, _) = fedproof(&["explain", "hardening/service-account/own"]);
    assert!(code == 0 && stdout.contains("compose has no service accounts"), "{stdout}");
}

#[test]
fn the_documentation_lists_every_rule() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hardening.md");
    let text = std::fs::read_to_string(&path).expect("it is there");
    let (_, table, _) = fedproof(&["list", "hardening/**", "--format", "markdown"]);
    let (before, _) = text.split_once("\n| id |").unwrap_or((text.trim_end(), ""));
    let expected = format!("{}\n\n{table}", before.trim_end());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &expected).expect("it can be written");
    }
    assert_eq!(std::fs::read_to_string(&path).expect("it is there"), expected, "BLESS=1 writes it");
    assert!(table.lines().count() > 50, "{table}");
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("it is there");
    assert!(readme.contains(&format!("against {} rules", table.lines().count() - 2)), "README counts them wrong");
}

#[test]
fn our_own_deployments_keep_every_rule() {
    for name in ["docker-compose.yml", "fixtures/kubernetes/load-job.yaml", "fixtures/kubernetes/merge-job.yaml"] {
        let (code, stdout, stderr) = fedproof(&["harden", name, "--profile", "bundesmessenger"]);
        assert_eq!(code, 0, "{name}: {stdout}{stderr}");
    }
}
