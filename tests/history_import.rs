//! Folders as they lie in `fedproof-results`: of runs, finished or not, of other things, and broken ones. In both databases.

#[path = "../harness/history/tests/support/mod.rs"]
mod history_support;
mod support;

use fedproof_history::{Entry, Imported, Label, Store};
use fedproof_report::Archive;
use fedproof_results::{
    Level::Must,
    Verdict::{Fail, Pass},
};
use std::{fs, path::Path};
use support::{
    canned::{Row, store_at},
    command, ended,
};

const GOOD: &[Row] = &[("acl/endpoint/backfill/v12", Must, Pass), ("leak/after-leave/kick/v12", Must, Pass)];
const WORSE: &[Row] = &[("acl/endpoint/backfill/v12", Must, Fail), ("leak/after-leave/kick/v12", Must, Pass)];

/// A history, and the folder beside which it is.
struct Imports<'a> {
    database: &'a str,
    here: &'a Path,
}

impl Imports<'_> {
    /// `folders` with what else is named: exit code, stdout, stderr.
    fn import(&self, folders: &[&str]) -> (i32, String, String) {
        let args = [&["history", "import", "--history", self.database], folders].concat();
        ended(command(&args).current_dir(self.here).env_remove("FEDPROOF_HISTORY"))
    }

    /// Lays down the run of a minute, in the place of what was there.
    fn play(&self, folder: &str, minute: u32, rows: &[Row], complete: bool) {
        let folder = self.here.join(folder);
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("removed");
        }
        store_at(&folder, minute, rows, &[], 200, complete);
    }

    /// What the history has of a run, and what its folder gives.
    async fn entries(&self, folder: &str) -> (Entry, Entry) {
        let record = Archive::read(&self.here.join(folder)).expect("a run");
        let played = Entry::of_run(&record, &Label { branch: "main".to_owned(), build: None });
        let store = Store::open(self.database).await.expect("a store");
        (store.entry(&played.head.run_id).await.expect("it is there"), played)
    }

    async fn what_is_no_run_is_passed_over(&self) {
        for folder in ["mutants-1", "bisect-1/run-1"] {
            fs::create_dir_all(self.here.join(folder)).expect("made");
        }
        fs::write(self.here.join("mutants-1/mutants.json"), "{}").expect("written");
        self.play("run-1", 1, GOOD, false);
        self.play("run-2", 2, GOOD, true);
        let (code, told, error) = self.import(&["bisect-1", "mutants-1", "run-1", "run-2"]);
        let passed = "bisect-1 holds no run: passed over\nmutants-1 holds no run: passed over\n";
        assert_eq!((code, told), (0, format!("2 imported, 0 were there\n{passed}")), "{error}");
        for alone in [&["mutants-1"][..], &["mutants-1", "bisect-1"]] {
            let (code, told, error) = self.import(alone);
            assert!(
                code == 2 && told.is_empty() && error.contains("holds neither events.jsonl"),
                "{code} {told} {error}"
            );
        }
    }

    async fn a_run_that_went_on_takes_the_place_of_its_beginning(&self) {
        assert!(!self.entries("run-1").await.0.head.complete);
        fs::rename(self.here.join("run-1"), self.here.join("earlier")).expect("moved");
        self.play("run-1", 1, GOOD, true);
        let (code, told, error) = self.import(&["run-1"]);
        assert_eq!(
            (code, told.as_str()),
            (0, "0 imported, 0 were there, 1 went on since they were imported\n"),
            "{error}"
        );
        let (stored, played) = self.entries("run-1").await;
        assert!(stored == played && stored.head.complete && stored.outcomes.len() == 2, "{stored:?}");
        // Neither the whole nor a copy of the beginning changes that.
        let (code, told, error) = self.import(&["run-1", "earlier"]);
        assert_eq!((code, told.as_str()), (0, "0 imported, 2 were there\n"), "{error}");
        assert_eq!(self.entries("run-1").await.0, played);
    }

    async fn what_is_wrong_keeps_nothing_else_out(&self) {
        self.play("run-3", 3, GOOD, false);
        assert_eq!(self.import(&["run-3"]).0, 0);
        let (before, _) = self.entries("run-3").await;
        // Another run of the same id: what it begins with is not what is there.
        self.play("run-3", 3, WORSE, true);
        self.play("run-4", 4, GOOD, true);
        fs::create_dir_all(self.here.join("broken")).expect("made");
        fs::write(self.here.join("broken/events.jsonl"), "no event\n").expect("written");
        let (code, told, error) = self.import(&["broken", "run-3", "no-such-run", "run-4", "mutants-1"]);
        assert_eq!(
            (code, told.as_str()),
            (2, "1 imported, 0 were there\nmutants-1 holds no run: passed over\n"),
            "{error}"
        );
        let forget = format!("`fedproof history forget {}` first", before.head.run_id);
        for word in ["broken", &forget, "no-such-run holds neither", "error: 3 of 4 runs were not imported"] {
            assert!(error.contains(word), "{word} is not in {error}");
        }
        assert_eq!(self.entries("run-3").await.0, before);
        assert_eq!(self.entries("run-4").await.0.head.verdict, "qualified");
        let (code, told, _) = self.import(&["run-3", "run-4", "--format", "json"]);
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        assert_eq!((code, &told["runs"][0]["new"], &told["runs"][1]), (2, &false.into(), &serde_json::Value::Null));
    }

    async fn of_four_at_once_one_finishes_it(&self) {
        self.play("run-6", 6, GOOD, false);
        assert_eq!(self.import(&["run-6"]).0, 0);
        self.play("run-6", 6, GOOD, true);
        let (_, played) = self.entries("run-6").await;
        let importing = (0..4).map(|_| {
            let (database, played) = (self.database.to_owned(), played.clone());
            tokio::spawn(async move { Store::open(&database).await.expect("a store").import(&played).await })
        });
        let mut longer = 0;
        for task in importing.collect::<Vec<_>>() {
            longer += usize::from(task.await.expect("ended").expect("imported") == Imported::Longer);
        }
        assert_eq!((longer, self.entries("run-6").await.0), (1, played));
    }
}

async fn holds(database: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let imports = Imports { database, here: folder.path() };
    imports.what_is_no_run_is_passed_over().await;
    imports.a_run_that_went_on_takes_the_place_of_its_beginning().await;
    imports.what_is_wrong_keeps_nothing_else_out().await;
    imports.of_four_at_once_one_finishes_it().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    holds(folder.path().join("history.db").to_str().expect("a plain path")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_holds() {
    let Some(cluster) = history_support::Cluster::start() else { return };
    holds(&cluster.url()).await;
}
