//! Files on disk: what loads, what is wrong with what does not, what the repository holds.
#![allow(clippy::unwrap_used, reason = "tests")]

use fedproof_scenario::{load, schema, schema_kinds};
use proptest::prelude::*;
use std::{
    env, fs,
    path::{Path, PathBuf},
};

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Every `bad/NAME.yaml` (or folder of several files) has its diagnostics in `bad/NAME.txt`; with `BLESS=1` in the
/// environment the texts are written instead of compared.
#[test]
fn bad_files_are_explained() {
    let root = tests().join("bad");
    let mut names: Vec<PathBuf> = fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "yaml"));
    names.sort();
    assert!(names.len() > 20, "the bad files are gone");
    let mut differing = Vec::new();
    for path in names {
        let relative = path.strip_prefix(&root).unwrap().to_owned();
        let diagnostics = load(&root, std::slice::from_ref(&relative)).expect_err(&relative.display().to_string());
        assert!(diagnostics.iter().all(|found| found.line > 0), "{relative:?} has a mistake without a place");
        let rendered: String = diagnostics.iter().map(|found| format!("{}\n\n", found.render(false))).collect();
        let expected = path.with_extension("txt");
        if env::var_os("BLESS").is_some() {
            fs::write(expected, rendered).unwrap();
        } else if fs::read_to_string(expected).unwrap_or_default() != rendered {
            differing.push(format!("{}:\n{rendered}", relative.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn good_files_load() {
    let catalogue = load(&tests().join("good"), &[]).unwrap();
    let ids: Vec<String> = catalogue.cases().into_iter().map(|case| case.id).collect();
    assert_eq!(
        ids,
        [
            "acl/endpoint/backfill/v10",
            "acl/endpoint/send_leave_v1/v10",
            "acl/endpoint/backfill/v11",
            "acl/endpoint/send_leave_v1/v11",
            "acl/endpoint/backfill/v12",
            "acl/endpoint/send_leave_v1/v12",
            "policy/allowlist/inbound",
            "policy/allowlist/observed",
        ]
    );
    let case = &catalogue.cases()[1];
    assert_eq!(case.title, "Leaving by version 1 is refused (room version 10)");
    assert_eq!((case.row(), case.priority), ("acl/endpoint/send_leave_v1", 1));
    assert_eq!(case.scenario, "scenarios/acl/endpoint.yaml");
    assert_eq!(catalogue.scenarios[0].scenario.phases[0].steps[0].line(), 26);
}

/// What the repository ships is clean, once it ships something.
#[test]
fn the_scenarios_of_the_repository_are_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    if root.join("scenarios").exists()
        && let Err(found) = load(&root, &[])
    {
        let rendered: Vec<_> = found.iter().map(|found| found.render(false)).collect();
        panic!("{}", rendered.join("\n\n"));
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let found = load(&tests(), &["nowhere.yaml".into()]).unwrap_err();
    assert!(found[0].render(false).contains("nowhere.yaml cannot be read"), "{}", found[0].render(false));
}

#[test]
fn a_file_that_would_be_passed_over_is_named() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("scenarios")).unwrap();
    fs::write(root.path().join("scenarios/a.yml"), "scenario: a").unwrap();
    let found = load(root.path(), &[]).unwrap_err();
    assert_eq!(found[0].title, "scenarios/a.yml cannot be read: scenario files end in `.yaml`");
}

#[test]
fn native_checks_are_known_to_whoever_runs_them() {
    let root = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(tests().join("good/scenarios/policy.yaml")).unwrap();
    let text = text.replace("    each: [ask]", "    steps:\n      - native: {check: acl_prperty}\n    each: [ask]");
    fs::write(root.path().join("a.yaml"), text).unwrap();
    let catalogue = load(root.path(), &["a.yaml".into()]).unwrap();
    let found = catalogue.unknown_natives(&["acl_property"]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].line, found[0].label.as_str()), (15, "did you mean `acl_property`?"));
    assert!(catalogue.unknown_natives(&["acl_prperty"]).is_empty());
}

#[test]
fn settings_are_known_to_the_profiles() {
    let root = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(tests().join("good/scenarios/policy.yaml")).unwrap();
    let text = text.replace("${unlisted.user}", "${profile.acl_litterals}");
    fs::write(root.path().join("a.yaml"), text).unwrap();
    let catalogue = load(root.path(), &["a.yaml".into()]).unwrap();
    let found = catalogue.unknown_settings(&["acl_literals"]);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].line, found[0].label.as_str()), (29, "did you mean `acl_literals`?"));
    assert!(catalogue.unknown_settings(&["acl_litterals"]).is_empty());
}

#[test]
fn good_files_meet_the_schema_and_bad_ones_do_not() {
    assert_eq!(schema_kinds(), ["scenario", "profile"]);
    assert!(schema("nothing").is_none());
    let validator = jsonschema::validator_for(&schema("scenario").unwrap()).unwrap();
    let read = |text: &str| serde_saphyr::from_str::<serde_json::Value>(text).unwrap();
    let good = fs::read_to_string(tests().join("good/scenarios/acl/endpoint.yaml")).unwrap();
    let errors: Vec<_> =
        validator.iter_errors(&read(&good)).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    for (from, to) in [("create_room", "create_romm"), ("level: MUST", "level: HIGH"), ("role: setup", "role: other")] {
        assert!(!validator.is_valid(&read(&good.replacen(from, to, 1))), "{to} is in the schema");
    }
    let two_verbs = good.replacen("        create_room:", "        leave: {room: a}\n        create_room:", 1);
    assert!(!validator.is_valid(&read(&two_verbs)));
}

proptest! {
    /// A file that somebody is in the middle of writing is explained, whatever it looks like.
    #[test]
    fn half_written_files_are_explained(at in 0.0..1.0, length in 0usize..40, with in "[a-z:{}\\[\\]\"$&*|>#é \n-]{0,8}") {
        let text = fs::read_to_string(tests().join("good/scenarios/acl/endpoint.yaml")).unwrap();
        let start = (at * text.len() as f64) as usize;
        let end = (start + length).min(text.len());
        let text = format!("{}{with}{}", &text[..start], &text[end..]);
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.yaml"), &text).unwrap();
        for found in load(root.path(), &["a.yaml".into()]).err().unwrap_or_default() {
            prop_assert!(found.render(false).contains("a.yaml:"), "{}", found);
            prop_assert!(found.line <= text.lines().count() + 1);
        }
    }
}
