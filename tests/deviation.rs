//! What a known deviation is worth: the chart's Synapse may go out with it, and may not without.

mod support;

use serde_json::Value;
use std::{fs, os::unix::fs::symlink, path::Path};
use support::{alone, run, with_verdict};

const SELECTED: [&str; 6] = [
    "acl/send/typing/v12",
    "acl/send/pdu/v12",
    "leak/outsiders/joined/never/timestamp_to_event/v12",
    "--deployment",
    "mixed",
    "--profile=bundesmessenger",
];
/// What fails on it.
const FAILING: [&str; 2] = ["acl/send/typing/v12", "leak/outsiders/joined/never/timestamp_to_event/v12"];

/// Synapse 1.143.0, which the chart 2.1.0 ships, applies ACLs to PDUs only.
#[test]
fn a_build_that_needs_a_deviation_fails_without_it() {
    let _turn = alone();
    let out = tempfile::tempdir().expect("a folder");
    let (code, record, stderr) = run(&SELECTED, &out.path().join("with"));
    assert_eq!((code, record["verdict"].as_str()), (0, Some("qualified")), "{stderr}");
    assert_eq!(failing(&record), FAILING, "a known deviation stays a failure");
    assert_eq!(typing(&record)["known_deviation"], Value::Bool(true));

    let root = project_without_deviations(out.path());
    let root = format!("--root={}", root.display());
    let selected: Vec<&str> = SELECTED.iter().copied().chain([root.as_str()]).collect();
    let (code, record, stderr) = run(&selected, &out.path().join("without"));
    assert_eq!((code, record["verdict"].as_str()), (1, Some("not_qualified")), "{stderr}");
    assert_eq!(failing(&record), FAILING);
}

fn failing(record: &Value) -> Vec<&str> {
    let mut failing = with_verdict(record, "fail");
    failing.sort_unstable();
    failing
}

fn typing(record: &Value) -> &Value {
    let cases = record["cases"].as_array().expect("cases");
    cases.iter().find(|case| case["id"] == "acl/send/typing/v12").expect("it is there")
}

/// The project, but for the deviations of its profile.
fn project_without_deviations(folder: &Path) -> std::path::PathBuf {
    let (here, root) = (Path::new(env!("CARGO_MANIFEST_DIR")), folder.join("project"));
    let profiles = root.join("fixtures/profiles");
    fs::create_dir_all(&profiles).expect("a folder");
    symlink(here.join("scenarios"), root.join("scenarios")).expect("a link");
    for entry in fs::read_dir(here.join("fixtures")).expect("fixtures").flatten() {
        if entry.file_name() != "profiles" {
            symlink(entry.path(), root.join("fixtures").join(entry.file_name())).expect("a link");
        }
    }
    let text = fs::read_to_string(here.join("fixtures/profiles/bundesmessenger.yaml")).expect("the profile");
    let (kept, _) = text.split_once("\ndeviations:").expect("it has deviations");
    fs::write(profiles.join("bundesmessenger.yaml"), format!("{kept}\n")).expect("a file");
    root
}
