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
    assert!(passed.contains(&"downstream/client/offers"), "it offers all that is demanded: {passed:?}");
    // What was said is kept.
    assert!(out.path().join("clients").read_dir().expect("records").count() > 5);
}

/// What only a downstream's client does, the SDK alone does not fail at: it has never promised it. But where the profile
/// demands it, skipped cases do not pass for a client that is whole.
#[test]
fn the_sdk_alone_is_blamed_for_lacking_a_downstreams_features_and_for_nothing_else() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let options = ["--client", "rust-sdk", "--profile", "bundesmessenger", "--seed", "22"];
    let (code, record, stderr) = run(&[&["downstream/roles/**"], &options[..]].concat(), out.path());
    assert_eq!(code, 1, "{stderr}");
    assert_eq!(with_verdict(&record, "fail"), ["downstream/client/offers"]);
    let cases = record["cases"].as_array().expect("cases").iter();
    let roles: Vec<_> = cases.filter(|case| case["scenario"] == "scenarios/downstream/roles.yaml").collect();
    assert!(roles.len() > 5);
    for case in roles {
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
    let mutants = [
        "agent/next-session-early",
        "agent/passes-keys-on",
        "agent/readable-secrets",
        "agent/acl-port",
        "agent/shared-notes",
    ];
    let options = ["--seed", "23", "--out", out.path().to_str().expect("a plain path")];
    let (code, stdout, stderr) = fedproof(&[&["mutants"], &mutants[..], &options[..]].concat());
    assert_eq!(code, 0, "{stdout}\n{stderr}");
}
