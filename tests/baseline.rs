//! Accepted verdicts at the command line, on canned runs: no homeserver takes part. What is printed is compared word for
//! word; `SNAPSHOTS=overwrite cargo test --test baseline` accepts a change.

mod support;

use fedproof_results::{
    Level::{Must, Observe, Should},
    Verdict::{Fail, Inconclusive, Observed, Pass, Skipped},
};
use snapbox::{assert_data_eq, file};
use std::{fs, path::Path};
use support::{
    canned::{Row, store},
    command, ended,
};

/// The run that is accepted.
const BEFORE: &[Row] = &[
    ("acl/endpoint/backfill/v11", Must, Pass),
    ("acl/endpoint/backfill/v12", Must, Pass),
    ("acl/endpoint/state/v12", Should, Fail),
    ("acl/unlisted/hierarchy/v12", Observe, Observed),
    ("leak/after-leave/kick/v12", Must, Pass),
    ("policy/policy-server/v12", Must, Skipped),
];

/// A rebase later: one of each difference, and nothing that gates fails.
const AFTER: &[Row] = &[
    ("acl/endpoint/backfill/v11", Must, Pass),
    ("acl/endpoint/backfill/v12", Should, Pass),
    ("acl/endpoint/state/v12", Should, Pass),
    ("acl/endpoint/state_ids/v12", Must, Pass),
    ("acl/unlisted/hierarchy/v12", Observe, Observed),
    ("policy/policy-server/v12", Must, Pass),
];

/// Exit code, stdout and stderr of a command that runs in `folder`.
fn at(folder: &Path, args: &[&str]) -> (i32, String) {
    let (code, stdout, stderr) = ended(command(args).current_dir(folder));
    (code, format!("$ fedproof {}\n{stdout}{stderr}(exit code {code})\n", args.join(" ")))
}

/// A folder with the runs `before` and `after`, and `before` accepted as `baseline.json`.
fn ground() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    store(&folder.path().join("before"), BEFORE, &[], 200, true);
    store(&folder.path().join("after"), AFTER, &[], 403, true);
    assert_eq!(at(folder.path(), &["baseline", "accept", "before", "--baseline", "baseline.json"]).0, 0);
    folder
}

#[test]
fn a_rebase_is_compared_judged_and_accepted() {
    let ground = ground();
    let told: Vec<String> = [
        &["compare", "before", "after"] as &[&str],
        &["compare", "before", "before"],
        &["compare", "baseline.json", "after/run.json", "--format", "markdown"],
        &["gate", "before"],
        &["gate", "before", "--baseline", "baseline.json"],
        &["gate", "after", "--baseline", "baseline.json"],
        &["baseline", "accept", "after", "--baseline", "baseline.json"],
        &["gate", "after", "--baseline", "baseline.json"],
        &["baseline", "accept", "after"],
    ]
    .iter()
    .map(|args| at(ground.path(), args).1)
    .collect();
    assert_data_eq!(told.join("\n"), file!["golden/baseline.txt"].raw());
    let accepted = fs::read_to_string(ground.path().join("baseline.json")).expect("written");
    assert_data_eq!(accepted, file!["golden/baseline.json"].raw());
}

#[test]
fn json_is_for_programs() {
    let ground = ground();
    let (code, text, _) =
        ended(command(&["compare", "before", "after", "--format", "json"]).current_dir(ground.path()));
    let compared: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((code, &compared["unchanged"], &compared["with"]), (1, &1.into(), &"before".into()));
    let kinds: Vec<_> = compared["changes"].as_array().expect("changes").iter().map(|one| &one["change"]).collect();
    assert_eq!(kinds, ["new_pass", "new_pass", "level", "behaviour", "new_case", "removed_case"]);
    let gate = ["gate", "after", "--baseline", "baseline.json", "--format", "json"];
    let (code, text, _) = ended(command(&gate).current_dir(ground.path()));
    let gate: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((code, &gate["verdict"], &gate["exit_code"]), (1, &"not_qualified".into(), &1.into()));
    let (code, text, _) = support::fedproof(&["schema", "baseline"]);
    assert_eq!((code, text.contains("fedproof/baseline/1")), (0, true), "{text}");
}

#[test]
fn a_gating_failure_is_none_the_less_one_for_being_accepted() {
    let ground = ground();
    let failing = [("acl/endpoint/backfill/v11", Must, Fail)];
    store(&ground.path().join("failing"), &failing, &["acl/endpoint/backfill/v11"], 200, true);
    let gate = ["gate", "failing", "--baseline", "baseline.json"];
    assert!(at(ground.path(), &gate).1.contains("1 new failure"));
    assert_eq!(at(ground.path(), &["baseline", "accept", "failing", "--baseline", "baseline.json"]).0, 0);
    let (code, text) = at(ground.path(), &gate);
    assert_eq!(
        (code, text.contains("no difference"), text.contains("1 gating case failed")),
        (1, true, true),
        "{text}"
    );
}

/// What was not asked about is neither removed nor forgotten.
#[test]
fn a_run_of_a_part_speaks_of_that_part() {
    let ground = ground();
    store(&ground.path().join("part"), &BEFORE[..1], &["acl/endpoint/backfill"], 200, true);
    let (code, text) = at(ground.path(), &["gate", "part", "--baseline", "baseline.json"]);
    assert_eq!(
        (code, text.contains("1 removed case"), text.contains("v12 on alpha: was passed")),
        (1, true, true),
        "{text}"
    );
    assert_eq!(at(ground.path(), &["baseline", "accept", "part", "--baseline", "baseline.json"]).0, 0);
    let text = fs::read_to_string(ground.path().join("baseline.json")).expect("written");
    assert_eq!(text.matches("\"case\":").count(), BEFORE.len() - 1, "{text}");
    assert!(text.contains("leak/after-leave/kick/v12") && !text.contains("backfill/v12"));
}

#[test]
fn what_says_too_little_is_never_accepted() {
    let ground = ground();
    let before = fs::read_to_string(ground.path().join("baseline.json")).expect("written");
    store(&ground.path().join("stopped"), BEFORE, &[], 200, false);
    store(&ground.path().join("undecided"), &[("acl/endpoint/state/v11", Must, Inconclusive)], &[], 200, true);
    for (run, says) in [("stopped", "stopped early: bravo ended"), ("undecided", "acl/endpoint/state/v11")] {
        let (code, text) = at(ground.path(), &["baseline", "accept", run, "--baseline", "baseline.json"]);
        assert_eq!((code, text.contains(says)), (3, true), "{text}");
        assert_eq!(at(ground.path(), &["gate", run, "--baseline", "baseline.json"]).0, 3);
    }
    // What a stopped run did not come to is not removed.
    let (_, text) = at(ground.path(), &["gate", "stopped", "--baseline", "baseline.json"]);
    assert!(text.contains("no difference") && text.contains("1 not reached"), "{text}");
    assert_eq!(fs::read_to_string(ground.path().join("baseline.json")).expect("there"), before, "untouched");
}

#[test]
fn bad_files_are_explained() {
    let ground = ground();
    let write = |name: &str, text: &str| fs::write(ground.path().join(name), text).expect("written");
    let good = fs::read_to_string(ground.path().join("baseline.json")).expect("written");
    write("new.json", &good.replace("baseline/1", "baseline/9"));
    write("foreign.json", &good.replace("\"deployment\": \"default\"", "\"deployment\": \"mixed\""));
    write("twice.json", &good.replace("backfill/v12", "backfill/v11"));
    write("none.json", "[]");
    for (args, code, says) in [
        (&["gate", "after", "--baseline", "new.json"] as &[&str], 2, "fedproof/baseline/9"),
        (&["gate", "after", "--baseline", "foreign.json"], 2, "deployment mixed"),
        (&["baseline", "accept", "after", "--baseline", "foreign.json"], 2, "stays as it is"),
        (&["gate", "after", "--baseline", "twice.json"], 2, "backfill/v11 on alpha twice"),
        (&["gate", "after", "--baseline", "none.json"], 2, "none.json"),
        (&["gate", "after", "--baseline", "nowhere.json"], 2, "nowhere.json"),
        (&["gate", "nowhere"], 2, "nowhere"),
        (&["compare", "before", "nowhere"], 2, "nowhere"),
    ] {
        let (seen, text) = at(ground.path(), args);
        assert_eq!((seen, text.contains(says)), (code, true), "{text}");
    }
    let nowhere = at(ground.path(), &["baseline", "accept", "after", "--baseline", "no/such/folder.json"]);
    assert_eq!(nowhere.0, 3, "{}", nowhere.1);
}

/// Without a project no case could be repeated; whether there is one to repeat is known before.
#[test]
fn nothing_that_failed_is_nothing_to_repeat() {
    let ground = ground();
    let run = ground.path().join("after");
    let (code, _, stderr) = support::fedproof(&["run", "--failed-from", run.to_str().expect("a plain path")]);
    assert_eq!((code, stderr.contains("nothing failed")), (4, true), "{stderr}");
}
