//! Every case is decided once: those that the default deployment cannot decide, on the others.

mod support;

use support::{alone, run, with_verdict};

/// The run must let the build go out, and leave nothing open.
fn qualifies(args: &[&str]) -> usize {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let (code, record, stderr) = run(args, out.path().join("run").as_path());
    let open: Vec<&str> = with_verdict(&record, "inconclusive");
    assert_eq!(open, Vec::<&str>::new(), "{stderr}");
    assert_eq!(code, 0, "{stderr}");
    record["cases"].as_array().expect("cases").len()
}

#[test]
fn a_closed_federation_qualifies() {
    let count = qualifies(&["--deployment", "closed"]);
    assert!(count > 50, "the allow-list's chapter is asked for: {count}");
}

/// What fails on stock servers passes where a module enforces it.
#[test]
fn an_encrypted_federation_qualifies() {
    let count = qualifies(&["--deployment", "encrypted"]);
    assert!(count > 150, "the promises of an encrypted federation are asked for: {count}");
}

#[test]
fn an_operators_settings_qualify() {
    let args = ["--deployment", "operator", "--profile", "bundesmessenger", "leak/lookups/**", "acl/endpoint/**"];
    let count = qualifies(&args);
    assert!(count > 40, "lookups are asked for: {count}");
}

#[test]
fn the_chart_s_synapse_qualifies_with_its_known_deviations() {
    let args = ["--deployment", "mixed", "--profile", "bundesmessenger", "acl/**", "leak/**", "policy/**"];
    let count = qualifies(&args);
    assert!(count > 400, "{count}");
}

/// Every worker by itself, where PostgreSQL and Redis are; in CI they must be.
#[test]
fn homeservers_of_several_processes_qualify() {
    let (_, doctor, _) = support::fedproof(&["doctor", "--format", "json"]);
    let doctor: serde_json::Value = serde_json::from_str(&doctor).expect("the doctor prints JSON");
    let checks = doctor["checks"].as_array().expect("checks");
    let is_there = |name: &str| checks.iter().any(|check| check["name"] == name && check["ok"] == true);
    if std::env::var_os("CI").is_none() && !(is_there("postgresql") && is_there("redis")) {
        return;
    }
    let count = qualifies(&["--deployment", "saas", "acl/lifecycle/every-worker/**"]);
    assert!(count > 15, "every worker is asked: {count}");
}
