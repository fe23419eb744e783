//! History, gate and bundle at the command line, on canned runs: no homeserver takes part.

#[path = "../harness/history/tests/support/mod.rs"]
mod history_support;
mod support;

use fedproof_history::Store;
use fedproof_results::{
    Level::Must,
    Verdict::{Fail, Pass, Skipped},
};
use serde_json::Value;
use std::{fs, path::Path};
use support::{
    canned::{Row, store_at},
    command, ended,
};

const GOOD: &[Row] = &[("acl/endpoint/backfill/v12", Must, Pass), ("leak/after-leave/kick/v12", Must, Pass)];
const WORSE: &[Row] = &[("acl/endpoint/backfill/v12", Must, Fail), ("leak/after-leave/kick/v12", Must, Pass)];

fn at(folder: &Path, args: &[&str]) -> (i32, String, String) {
    let root = env!("CARGO_MANIFEST_DIR");
    ended(command(args).current_dir(folder).env("FEDPROOF_ROOT", root).env_remove("FEDPROOF_HISTORY"))
}

fn json(folder: &Path, args: &[&str]) -> (i32, Value) {
    let (code, stdout, stderr) = at(folder, args);
    (code, serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}{stderr}")))
}

#[test]
fn a_regression_against_the_history_blocks_and_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    for minute in 1..4 {
        store_at(&here.join(format!("good-{minute}")), minute, GOOD, &[], 200, true);
    }
    store_at(&here.join("worse"), 9, WORSE, &[], 200, true);
    let import = ["history", "import", "good-1", "good-2", "good-3", "--build", "c1"];
    assert_eq!(at(here, &import).1, "3 imported, 0 were there\n");
    assert_eq!(at(here, &import).1, "0 imported, 3 were there\n");
    let (code, listed) = json(here, &["history", "list", "--format", "json"]);
    assert_eq!((code, listed["runs"].as_array().map(Vec::len)), (0, Some(3)), "{listed}");
    assert_eq!(listed["runs"][0]["started_at"], "2026-11-24T12:03:00.000Z", "latest first");

    let gate = ["gate", "worse", "--base", "main", "--history", "fedproof-history.db", "--build", "c2"];
    let (code, judged) = json(here, &[&gate[..], &["--format", "json"]].concat());
    assert_eq!((code, &judged["verdict"]), (1, &"not_qualified".into()), "{judged}");
    let finding = &judged["findings"][0];
    assert_eq!((&finding["rule"], &finding["effect"]), (&"cases.regressed".into(), &"block".into()));
    assert_eq!(finding["about"], "acl/endpoint/backfill/v12 on alpha");
    assert_eq!(finding["since"], "c2");
    let (_, comment, _) = at(here, &[&gate[..], &["--format", "markdown"]].concat());
    assert!(comment.starts_with("### fedproof: NOT QUALIFIED"), "{comment}");
    assert!(
        comment
            .contains("| blocks | `acl/endpoint/backfill/v12 on alpha` | `pass → fail: denied: fail for a reason` |"),
        "{comment}"
    );

    let (code, text, _) = at(here, &["gate", "good-3", "--base", "main", "--history", "fedproof-history.db"]);
    assert!(code == 0 && text.contains("QUALIFIED"), "{code} {text}");
    // Against a folder, without any history.
    assert_eq!(at(here, &["gate", "worse", "--base", "good-1"]).0, 1);
    let (code, _, error) = at(here, &["gate", "worse", "--base", "nowhere"]);
    assert!(code == 2 && error.contains("--base nowhere is no folder, and as a branch it needs --history"), "{error}");
    // Played again and imported, a bad build is not its own base.
    assert_eq!(at(here, &["history", "import", "worse", "--build", "c2"]).0, 0);
    store_at(&here.join("again"), 10, WORSE, &[], 200, true);
    let again = ["gate", "again", "--base", "main", "--history", "fedproof-history.db", "--build", "c2"];
    let (code, judged) = json(here, &[&again[..], &["--format", "json"]].concat());
    assert!(code == 1 && judged["base"].as_str().is_some_and(|base| base.contains("(c1, ")), "{judged}");
    assert_eq!(judged["findings"][0]["rule"], "cases.regressed", "{judged}");
    // A history that is not there, and one that has nothing to say.
    let (code, _, error) = at(here, &["gate", "good-3", "--history", "typo.db"]);
    assert!(code == 2 && error.contains("there is no such file"), "{code} {error}");
    assert!(!here.join("typo.db").exists());
    let alone = ["gate", "good-3", "--history", "fedproof-history.db", "--branch", "dev", "--format", "json"];
    assert_eq!(json(here, &alone).1["findings"][0]["rule"], "history.nothing");
    let (code, _, error) = at(here, &["gate", "good-3", "--load", "good-1"]);
    assert!(code == 2 && error.contains("load.json as a load"), "{code} {error}");
    let (code, _, error) = at(here, &["gate", "worse", "--base", "dev", "--history", "fedproof-history.db"]);
    assert!(code == 2 && error.contains("no earlier run of branch dev"), "{error}");
}

/// A merge request may bring a folder of any name.
#[test]
fn beside_a_history_a_bare_base_is_a_branch() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    store_at(&here.join("good"), 1, GOOD, &[], 200, true);
    store_at(&here.join("worse"), 9, WORSE, &[], 200, true);
    store_at(&here.join("main"), 2, WORSE, &[], 200, true);
    assert_eq!(at(here, &["history", "import", "good", "--build", "c1"]).0, 0);
    let base = |base: &str| {
        let (_, judged) = json(
            here,
            &["gate", "worse", "--base", base, "--history", "fedproof-history.db", "--build", "c2", "--format", "json"],
        );
        judged["findings"].as_array().expect("findings").iter().any(|finding| finding["rule"] == "cases.regressed")
    };
    assert!(base("main"), "held against the branch");
    assert!(!base("./main"), "and against the folder, where that is meant");
    let args = ["gate", "worse", "--base", "good", "--history", "fedproof-history.db"];
    let (code, _, error) = at(here, &args);
    assert!(code == 2 && error.contains("no earlier run of branch good") && error.contains("is ./good"), "{error}");
}

/// It has no place among the others, either.
#[test]
fn a_build_that_did_not_start_is_told_so_whatever_it_is_to_be_held_against() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    store_at(&here.join("good"), 1, GOOD, &[], 200, true);
    store_at(&here.join("dead"), 2, WORSE, &[], 200, false);
    assert_eq!(at(here, &["history", "import", "good", "--build", "c1"]).0, 0);
    let events = fs::read_to_string(here.join("dead/events.jsonl")).expect("written");
    let started = |line: &&str| line.contains("\"run_started\"") || line.contains("\"run_finished\"");
    let left: Vec<&str> = events.lines().filter(started).collect();
    assert_eq!(left.len(), 2, "{events}");
    fs::remove_dir_all(here.join("dead")).expect("removed");
    fs::create_dir(here.join("dead")).expect("made");
    fs::write(here.join("dead/events.jsonl"), left.join("\n") + "\n").expect("written");
    for against in [&["--base", "main"][..], &["--base", "./good"], &["--load", "good"]] {
        let gate = ["gate", "dead", "--history", "fedproof-history.db", "--format", "markdown"];
        let (code, text, error) = at(here, &[&gate[..], against].concat());
        assert!(code == 3 && text.contains("bravo ended with signal 9"), "{against:?}: {code} {text}{error}");
    }
    // That nothing differs as far as nothing went is no agreement.
    for (before, after) in [("dead", "dead"), ("dead", "good"), ("good", "dead")] {
        let (code, text, error) = at(here, &["compare", before, after]);
        assert_eq!(code, 3, "{before} {after}: {text}{error}");
    }
}

#[test]
fn a_history_goes_from_one_store_to_another() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    store_at(&here.join("one"), 1, GOOD, &[], 200, true);
    assert_eq!(at(here, &["history", "import", "one"]).0, 0);
    assert_eq!(at(here, &["history", "export", "all.jsonl"]).1, "1 runs in all.jsonl\n");
    let (code, text, error) = at(here, &["history", "restore", "all.jsonl", "--history", "second.db"]);
    assert_eq!((code, text.as_str()), (0, "1 imported, 0 were there\n"), "{error}");
    let list = |store: &str| at(here, &["history", "list", "--history", store, "--format", "json"]).1;
    assert_eq!(list("fedproof-history.db"), list("second.db"));
    assert_eq!(at(here, &["history", "prune", "--runs", "0"]).0, 2, "not everything, by a slip");
    let (code, _, error) = at(here, &["history", "import", "one", "--branch", "other"]);
    assert!(code == 2 && error.contains("it is in the history as of branch main"), "{code} {error}");
    assert_eq!(at(here, &["history", "forget", "20261124-200100-1"]).1, "forgot 1 runs\n");
    assert_eq!(at(here, &["history", "import", "one", "--branch", "other"]).0, 0);
    fs::write(here.join("broken.jsonl"), "{\"head\": 1}\n").expect("written");
    let (code, _, error) = at(here, &["history", "restore", "broken.jsonl"]);
    assert!(code == 2 && error.contains("broken.jsonl:1: failed to read a run"), "{error}");
    let (code, _, error) = at(here, &["history", "import", "."]);
    assert!(code == 2 && error.contains("holds neither events.jsonl of a run nor load.json of a load"), "{error}");
}

/// Imports three hundred runs, kills that with SIGKILL once some are in, and imports them all again.
async fn survives(database: &str, here: &Path) {
    let folders: Vec<String> = (0..300).map(|number| format!("run-{number}")).collect();
    if !here.join("run-0").exists() {
        for (minute, folder) in (0..).zip(&folders) {
            store_at(&here.join(folder), minute, GOOD, &[], 200, true);
        }
    }
    let mut args = vec!["history", "import", "--history", database];
    args.extend(folders.iter().map(String::as_str));
    let store = Store::create(database).await.expect("a store");
    let count = async || store.runs(None, None, 1000).await.expect("listed").len();
    let mut importing = command(&args).current_dir(here).stderr(std::process::Stdio::null()).spawn().expect("started");
    while count().await < 20 {
        assert!(importing.try_wait().expect("a child").is_none(), "it ended before it was killed");
    }
    importing.kill().expect("killed");
    importing.wait().expect("waited for");
    let some = count().await;
    assert!((20..300).contains(&some), "{some}");
    for run in store.runs(None, None, 1000).await.expect("listed") {
        let entry = store.entry(&run.run_id).await.expect("read");
        assert!(entry.outcomes.len() == GOOD.len() && entry.documents.len() == 1, "{entry:?}");
    }
    assert_eq!(at(here, &args).1, format!("{} imported, {some} were there\n", 300 - some));
    assert_eq!(count().await, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_an_import_loses_nothing_and_nothing_is_there_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    survives(folder.path().join("history.db").to_str().expect("a plain path"), folder.path()).await;
    if let Some(cluster) = history_support::Cluster::start() {
        survives(&cluster.url(), folder.path()).await;
    }
}

/// A bundle of `runs` under a profile that asks for nothing else: matrix-spec with selectors of its own would ask for all.
fn bundle(here: &Path, runs: &[&str]) -> (i32, Value) {
    let args = [&["bundle"], runs, &["--key", "key", "--to", "b.tar.gz", "--format", "json"]].concat();
    json(here, &args)
}

#[test]
fn a_bundle_says_why_it_is_no_qualification_and_shows_tampering() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    const SKIPPED: &[Row] = &[("acl/endpoint/backfill/v12", Must, Skipped), ("leak/after-leave/kick/v12", Must, Pass)];
    store_at(&here.join("run"), 1, SKIPPED, &[], 200, true);
    assert_eq!(at(here, &["bundle", "--new-key", "key"]).0, 0);
    assert_eq!(at(here, &["bundle", "--new-key", "key"]).0, 2, "a key is not written over");
    let (code, manifest) = bundle(here, &["run"]);
    assert_eq!((code, &manifest["qualified"]), (1, &false.into()));
    let because = manifest["because"].to_string();
    assert!(
        because.contains("1 gating cases of priority 0 were skipped in every run: acl/endpoint/backfill/v12"),
        "{because}"
    );
    assert!(because.contains("were part of no run"), "the catalogue asks for more than two cases: {because}");

    let verify = ["verify", "b.tar.gz", "--key", "key.pub"];
    let (code, text, error) = at(here, &verify);
    assert!(code == 1 && text.contains("NOT A QUALIFICATION"), "{code} {text}{error}");
    // A flipped byte, another key, no signature.
    let whole = fs::read(here.join("b.tar.gz")).expect("written");
    let mut broken = whole.clone();
    broken[whole.len() / 2] ^= 1;
    fs::write(here.join("b.tar.gz"), broken).expect("written");
    let (code, _, error) = at(here, &verify);
    assert!(code == 1 && error.contains("its signature is not one of this archive by this key"), "{code} {error}");
    fs::write(here.join("b.tar.gz"), whole).expect("written");
    assert_eq!(at(here, &["bundle", "--new-key", "other"]).0, 0);
    assert_eq!(at(here, &["verify", "b.tar.gz", "--key", "other.pub"]).0, 1);
    let (code, _, error) = at(here, &["verify", "b.tar.gz", "--key", "key"]);
    assert!(code == 2 && error.contains("as an Ed25519 key"), "the secret half is no public one: {error}");
    fs::remove_file(here.join("b.tar.gz.sig")).expect("it was there");
    assert_eq!(at(here, &verify).0, 2);
}

/// Who makes the runs may say in them what he likes: only the profile in the bundle accepts a failure.
#[test]
fn a_failure_that_no_profile_accepts_qualifies_nothing_and_neither_does_a_run_by_another_profile() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    store_at(&here.join("run"), 1, WORSE, &[], 200, true);
    assert_eq!(at(here, &["bundle", "--new-key", "key"]).0, 0);
    let pack = ["bundle", "run", "--key", "key", "--to", "b.tar.gz"];
    let (code, _, error) = at(here, &[&pack[..], &["--profile", "bundesmessenger"]].concat());
    assert!(code == 2 && error.contains("is of profile matrix-spec, not of bundesmessenger"), "{code} {error}");
    // Without an excuse it goes in, and qualifies nothing.
    assert_eq!(at(here, &pack).0, 1);

    // Nor may a run say that what it broke is no requirement.
    store_at(&here.join("lax"), 2, WORSE, &[], 200, true);
    let events = here.join("lax/events.jsonl");
    let told = fs::read_to_string(&events).expect("written");
    fs::write(&events, told.replace(r#""level":"MUST""#, r#""level":"OBSERVE""#)).expect("written");
    let (code, _, error) = at(here, &["bundle", "lax", "--key", "key", "--to", "b.tar.gz"]);
    assert!(code == 2 && error.contains("as OBSERVE, which by profile matrix-spec is MUST"), "{code} {error}");

    let events = here.join("run/events.jsonl");
    let excuse = r#""verdict":"fail","deviation":{"reason":"my own","accepted_by":"me","expires":"2099-01-01","expired":false,"reference":"none"}"#;
    let told = fs::read_to_string(&events).expect("written");
    assert!(told.contains(r#""verdict":"fail""#) && !told.contains("deviation"), "{told}");
    fs::write(&events, told.replace(r#""verdict":"fail""#, excuse)).expect("written");
    let (code, _, error) = at(here, &pack);
    let says =
        "counts as accepted, which profile matrix-spec does not do: my own (accepted by me until 2099-01-01; none)";
    assert!(code == 2 && error.contains("nothing is bundled") && error.contains(says), "{code} {error}");

    // Whoever has the key can pack it nevertheless, without the record that says otherwise.
    fs::remove_file(here.join("run/run.json")).expect("it was there");
    let key = fedproof_bundle::SigningKey::read(&here.join("key")).expect("a key");
    let profile = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/profiles/matrix-spec.yaml");
    let contents = fedproof_bundle::Contents {
        runs: &[here.join("run")],
        asked: &[],
        beside: &[("profile/matrix-spec.yaml".to_owned(), profile)],
        made_at: "2026-11-26T12:00:00Z",
        suite_version: env!("CARGO_PKG_VERSION"),
    };
    fedproof_bundle::pack(&contents, &key, &here.join("b.tar.gz")).expect("packed");
    let (code, text, error) = at(here, &["verify", "b.tar.gz", "--key", "key.pub"]);
    assert!(code == 1 && text.is_empty() && error.contains(says), "{code} {text}{error}");
}

#[test]
fn a_bundle_that_asks_for_less_than_this_fedproof_does_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (here, theirs) = (folder.path(), folder.path().join("theirs"));
    store_at(&here.join("run"), 1, GOOD, &[], 200, true);
    let in_root = |root: Option<&Path>, args: &[&str]| {
        let mut command = command(args);
        command.current_dir(here).env_remove("FEDPROOF_ROOT");
        ended(root.into_iter().fold(&mut command, |command, root| command.env("FEDPROOF_ROOT", root)))
    };
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir(&theirs).expect("made");
    for part in ["scenarios", "fixtures"] {
        let copied = std::process::Command::new("cp").arg("-R").args([ours.join(part), theirs.join(part)]).status();
        assert!(copied.expect("cp").success());
    }
    assert_eq!(in_root(None, &["bundle", "--new-key", "key"]).0, 0);
    let pack = ["bundle", "run", "--key", "key", "--to", "b.tar.gz"];
    let verify = |root: Option<&Path>| in_root(root, &["verify", "b.tar.gz", "--key", "key.pub"]);
    let version = env!("CARGO_PKG_VERSION");
    let same = format!("its catalogue of what had to be decided is that of fedproof {version}");

    // Theirs is ours: the bundle holds, though two cases qualify nothing.
    assert_eq!(in_root(Some(&theirs), &pack).0, 1);
    let (code, text, error) = verify(Some(ours));
    assert!(
        code == 1 && text.contains(&format!("{same}, and so is the profile\nNOT A QUALIFICATION")),
        "{text}{error}"
    );
    let (_, text, _) = verify(None);
    assert!(text.contains("is as its maker says: no folder of fedproof is here"), "{text}");
    // A profile of theirs is told.
    let profile = theirs.join("fixtures/profiles/matrix-spec.yaml");
    fs::write(&profile, fs::read_to_string(&profile).expect("read") + "# ours\n").expect("written");
    assert_eq!(in_root(Some(&theirs), &pack).0, 1);
    let (_, text, _) = verify(Some(ours));
    assert!(text.contains(&format!("{same}, by a profile matrix-spec.yaml that is not the one here")), "{text}");
    // A row is gone.
    fs::remove_file(theirs.join("scenarios/acl/lifecycle/lifted.yaml")).expect("removed");
    assert_eq!(in_root(Some(&theirs), &pack).0, 1);
    assert!(verify(Some(&theirs)).1.contains(&same), "it is not noticed where it is gone, too");
    let (code, text, error) = verify(Some(ours));
    let says = format!(
        "its catalogue.json is not that of fedproof {version}: 2 gating cases of priority 0 are not asked for: \
         acl/lifecycle/lifted/v11, acl/lifecycle/lifted/v12"
    );
    assert!(code == 1 && text.is_empty() && error.contains(&says), "{code} {text}{error}");
}
