//! Clients under test on real homeservers. The client is built here if nobody has built it yet, which takes minutes.

mod support;

use support::{alone, fedproof, run, with_verdict};

#[test]
fn the_reference_client_keeps_its_promises() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let selectors =
        ["downstream/my-notes/**", "downstream/roles/**", "policy/rooms/shape/**", "encryption/backup-*/**"];
    let options = ["--client", "reference", "--profile", "bundesmessenger", "--seed", "21"];
    let (code, record, stderr) = run(&[&selectors[..], &options[..]].concat(), out.path());
    assert_eq!(code, 0, "{stderr}");
    let (passed, skipped) = (with_verdict(&record, "pass"), with_verdict(&record, "skipped"));
    assert!(passed.len() >= 30, "{passed:?}");
    assert!(skipped.iter().all(|id| id.starts_with("invariant/")), "{skipped:?}");
    // What was said is kept.
    assert!(out.path().join("clients").read_dir().expect("records").count() > 5);
}

/// What only a downstream's client does, the SDK alone does not fail at: it has never promised it.
#[test]
fn the_sdk_alone_is_not_blamed_for_a_downstreams_features() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let (code, record, stderr) =
        run(&["downstream/roles/**", "--profile", "bundesmessenger", "--seed", "22"], out.path());
    assert_eq!(code, 3, "nothing was decided: {stderr}");
    for case in record["cases"]
        .as_array()
        .expect("cases")
        .iter()
        .filter(|case| case["scenario"] != "scenarios/invariant/always.yaml")
    {
        assert_eq!(case["verdict"], "skipped", "{case}");
        let reason = case["reason"].as_str().unwrap_or_default();
        assert!(reason.starts_with("capability: matrix-rust-sdk"), "{reason}");
    }
}

/// A defect in a client is a survivor's no less than one in a server: one from each corner, all of them by hand
/// (`fedproof mutants 'agent/*'`).
#[test]
fn wrong_clients_are_noticed() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let mutants = ["agent/old-session", "agent/readable-secrets", "agent/acl-port", "agent/shared-notes"];
    let options = ["--seed", "23", "--out", out.path().to_str().expect("a plain path")];
    let (code, stdout, stderr) = fedproof(&[&["mutants"], &mutants[..], &options[..]].concat());
    assert_eq!(code, 0, "{stdout}\n{stderr}");
}
