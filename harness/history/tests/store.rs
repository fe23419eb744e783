//! The same questions to both databases.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_history::{Entry, HistoryError, Imported, Keep, Pruned, Store};
use fedproof_results::Verdict;
use std::time::{Duration, Instant};
use support::{Cluster, entry};

/// Every test of this file, on one store: a run of each database is slow to start.
async fn holds(at: &str) {
    let store = Store::create(at).await.unwrap();
    what_goes_in_comes_out(&store).await;
    once(&store, at).await;
    questions(&store).await;
    times_that_an_earlier_version_told(&store, at).await;
    forgetting(&store).await;
    store.close().await;
    // Opening again brings nothing up to date a second time.
    let store = Store::open(at).await.unwrap();
    assert_eq!(store.run("run-1").await.unwrap().run_id, "run-1");
}

async fn what_goes_in_comes_out(store: &Store) {
    let given = entry(1, 729);
    let began = Instant::now();
    assert_eq!(store.import(&given).await.unwrap(), Imported::New);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    let mut sorted = given.clone();
    sorted.cases.sort_by(|one, other| one.id.cmp(&other.id));
    sorted.outcomes.sort_by(|one, other| one.case.cmp(&other.case));
    assert_eq!(store.entry("run-1").await.unwrap(), sorted);
    assert!(matches!(store.entry("run-2").await, Err(HistoryError::NoRun { .. })));
}

async fn once(store: &Store, at: &str) {
    assert_eq!(store.import(&entry(1, 729)).await.unwrap(), Imported::Known);
    let mut elsewhere = entry(1, 729);
    elsewhere.head.branch = "another".into();
    assert!(matches!(store.import(&elsewhere).await, Err(HistoryError::OtherLabel { branch, .. }) if branch == "main"));
    let other = Entry { digest: "another".into(), ..entry(1, 3) };
    assert!(matches!(store.import(&other).await, Err(HistoryError::Different { .. })));
    // Four at once, through connections of their own, all with the same thirty runs.
    let importing = (0..4).map(|_| {
        let at = at.to_owned();
        tokio::spawn(async move {
            let store = Store::open(&at).await.unwrap();
            let mut new = 0;
            for number in 2..32 {
                new += usize::from(store.import(&entry(number, 50)).await.unwrap() == Imported::New);
            }
            new
        })
    });
    let mut new = 0;
    for task in importing.collect::<Vec<_>>() {
        new += task.await.unwrap();
    }
    assert_eq!(new, 30);
}

async fn questions(store: &Store) {
    let mut failing = entry(32, 50);
    failing.outcomes[3].verdict = Verdict::Fail;
    failing.outcomes[3].reason = "let it in".into();
    failing.figures[0].value = 200.0;
    store.import(&failing).await.unwrap();
    let runs = store.runs(Some("main"), None, 3).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["run-32", "run-31", "run-30"]);
    assert_eq!(store.runs(Some("other"), None, 3).await.unwrap(), []);
    let tracks = store.tracks().await.unwrap();
    assert_eq!((tracks.len(), tracks[0].runs), (1, 32), "{tracks:?}");
    let case = &failing.outcomes[3].case;
    let outcomes = store.outcomes_of(case, 2).await.unwrap();
    assert_eq!(outcomes.iter().map(|one| one.verdict).collect::<Vec<_>>(), [Verdict::Fail, Verdict::Pass]);
    assert_eq!((outcomes[0].reason.as_str(), outcomes[0].build.as_str()), ("let it in", "c32"));
    let cells = store.matrix(&["run-32".into(), "run-31".into()]).await.unwrap();
    assert_eq!(cells.len(), 100);
    assert_eq!(cells.iter().filter(|cell| cell.verdict == Verdict::Fail).count(), 1);
    let place = &failing.head.place;
    let last = entry(99, 0).head;
    let last = fedproof_history::RunHead { started_at: "2026-12-31T00:00:00Z".into(), ..last };
    let before = store.outcomes_before(&last, "main", 5).await.unwrap();
    assert!(before[case].len() == 5 && before[case][0].verdict == Verdict::Fail, "{:?}", before[case]);
    let figures = store.figures("main", place, 10).await.unwrap();
    let values: Vec<f64> = figures["cpu(alpha)"].iter().map(|point| point.value).collect();
    assert_eq!((values.len(), values[9]), (10, 200.0));
    assert_eq!(store.figures_of("main", place, "cpu(alpha)", 10).await.unwrap(), figures["cpu(alpha)"]);
    assert_eq!(store.figures_of("main", place, "cpu(bravo)", 10).await.unwrap(), []);
    // Of the runs before one, the run itself and what came after are none.
    let before = store.figures_before(&failing.head, "main", 100).await.unwrap();
    assert!(before["cpu(alpha)"].len() == 31 && before["cpu(alpha)"].iter().all(|point| point.value == 100.5));
    let before = store.runs_before(&entry(5, 0).head, "main", 2).await.unwrap();
    assert_eq!(before.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["run-4", "run-3"]);
    // A first run of a branch has those of others before it; of its own none.
    let mut first = fedproof_history::RunHead { run_id: "first".into(), branch: "rebase".into(), ..entry(20, 0).head };
    let good = async |run: &fedproof_history::RunHead| store.good_elsewhere(run).await.unwrap().map(|run| run.run_id);
    assert_eq!(good(&first).await.as_deref(), Some("run-20"));
    first.branch = "main".into();
    assert_eq!(good(&first).await, None);
    let mut other = entry(40, 0);
    (other.head.branch, other.head.verdict) = ("rebase".into(), "not_qualified".into());
    store.import(&other).await.unwrap();
    let second = fedproof_history::RunHead { run_id: "second".into(), ..other.head };
    assert_eq!(good(&second).await.as_deref(), Some("run-32"), "nothing on it was good yet");
    store.forget("run-40").await.unwrap();
    let series = store.series("main", place).await.unwrap();
    assert_eq!(series.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["cpu(alpha)"]);
    assert_eq!(store.cases().await.unwrap().len(), 729);
    one_run(store, &failing).await;
}

/// To the second: what it stored is put right when the store is opened, what it exported when that comes in.
async fn times_that_an_earlier_version_told(store: &Store, at: &str) {
    let began = |number: usize, at: &str| {
        let mut entry = entry(number, 1);
        (entry.head.branch, entry.head.started_at) = ("times".into(), format!("2026-11-27T00:00:{at}Z"));
        entry.cases[0].title = format!("as run {number} knew it");
        entry
    };
    for entry in [began(203, "10.750"), began(201, "10"), began(202, "10.250"), began(204, "11.1")] {
        store.import(&entry).await.unwrap();
    }
    let order = async |store: &Store| {
        let runs = store.runs(Some("times"), None, 9).await.unwrap();
        runs.into_iter().map(|run| run.run_id).collect::<Vec<_>>()
    };
    assert_eq!(order(store).await, ["run-204", "run-203", "run-202", "run-201"]);
    let title = store.case(&entry(1, 1).cases[0].id).await.unwrap().unwrap().title;
    assert_eq!(title, "as run 204 knew it");

    // As it was before, without what puts it right.
    let url = if at.starts_with("postgres") { at.to_owned() } else { format!("sqlite://{}", at.replace('%', "%25")) };
    let raw = sqlx::AnyPool::connect(&url).await.unwrap();
    let earlier = "UPDATE run SET started_at = '2026-11-27T00:00:10Z', \
                   head = REPLACE(head, '\"2026-11-27T00:00:10.000Z\"', '\"2026-11-27T00:00:10Z\"') WHERE run_id = 'run-201'";
    let seen = "UPDATE suite_case SET seen_at = '2026-11-27T00:00:11Z' WHERE seen_at = '2026-11-27T00:00:11.100Z'";
    for (statement, rows) in [(earlier, 1), (seen, 1), ("DELETE FROM _sqlx_migrations WHERE version > 1", 1)] {
        assert_eq!(sqlx::query(statement).execute(&raw).await.unwrap().rows_affected(), rows, "{statement}");
    }
    raw.close().await;
    assert_eq!(order(store).await, ["run-204", "run-201", "run-203", "run-202"], "what is wrong is noticed");
    let store = Store::open(at).await.unwrap();
    assert_eq!(order(&store).await, ["run-204", "run-203", "run-202", "run-201"]);
    let second = store.run("run-202").await.unwrap();
    assert_eq!(store.runs_before(&second, "times", 9).await.unwrap()[0].run_id, "run-201");
    let first = store.run("run-201").await.unwrap();
    assert_eq!(first.started_at, "2026-11-27T00:00:10.000Z", "and is told so");
    assert_eq!(store.runs_before(&first, "times", 9).await.unwrap(), []);
    store.import(&began(205, "11.050")).await.unwrap();
    let title = store.case(&entry(1, 1).cases[0].id).await.unwrap().unwrap().title;
    assert_eq!(title, "as run 205 knew it", "later than the second that the case was seen in");
    for number in 201..=205 {
        store.forget(&format!("run-{number}")).await.unwrap();
    }
}

async fn one_run(store: &Store, failing: &Entry) {
    let case = &failing.outcomes[3].case;
    let outcomes = store.outcomes_of_run("run-32").await.unwrap();
    assert_eq!((outcomes.len(), outcomes.iter().filter(|one| one.verdict == Verdict::Fail).count()), (50, 1));
    let found = store.differing("run-32", "run-31").await.unwrap();
    assert!(found.len() == 1 && (&found[0].case, found[0].verdict) == (case, Verdict::Fail), "{found:?}");
    let troubles = store.troubles_of_run("run-32").await.unwrap();
    assert!(troubles.len() == 1 && troubles[0].case == *case, "{troubles:?}");
    let other = failing.outcomes[4].case.as_str();
    let since = async |run: &str, runs: u32| {
        let run = store.run(run).await.unwrap();
        let found = store.since(&run, &[case, other, "no/such/case"], runs).await.unwrap();
        found.into_iter().map(|((case, _), since)| (case, since.run_id, since.changed)).collect::<Vec<_>>()
    };
    let told = |one: &str, run: &str, changed: bool| (one.to_owned(), run.to_owned(), changed);
    assert_eq!(since("run-32", 100).await, [told(case, "run-32", true), told(other, "run-1", false)]);
    assert_eq!(since("run-32", 5).await, [told(case, "run-32", true), told(other, "run-28", false)]);
    assert_eq!(since("run-31", 100).await[0], told(case, "run-1", false), "what came later is not looked at");
    let found = store.differing("run-1", "run-31").await.unwrap();
    assert_eq!(found.len(), 729 - 50, "cases that only the one has");
    let figures = store.figures_of_run("run-32").await.unwrap();
    assert_eq!(figures, failing.figures);
    assert_eq!(store.case(case).await.unwrap().map(|info| info.id), Some(case.clone()));
    assert_eq!(store.case("no/such/case").await.unwrap(), None);
    let named = store.cases_named(&[case, other, "no/such/case"]).await.unwrap();
    let named: std::collections::BTreeSet<&str> = named.iter().map(|info| info.id.as_str()).collect();
    assert_eq!(named, [case.as_str(), other].into());
    let found = async |text: &str| store.find_runs(text, 3).await.unwrap().into_iter().map(|run| run.run_id);
    assert_eq!(found("RUN-3").await.collect::<Vec<_>>(), ["run-32", "run-31", "run-30"]);
    assert_eq!(found("c17").await.collect::<Vec<_>>(), ["run-17"]);
    assert_eq!(found("100%_").await.len(), 0, "what means something to LIKE means itself");
}

async fn forgetting(store: &Store) {
    let mut keep = Keep { runs: 20, whole: 5, since: None };
    assert_eq!(store.prune(&keep).await.unwrap(), Pruned { runs: 12, stripped: 15 });
    assert_eq!(store.prune(&keep).await.unwrap(), Pruned::default());
    // What is older goes, however few there are.
    let oldest = store.runs(None, None, 100).await.unwrap().pop().unwrap();
    keep.since = Some(oldest.started_at.clone());
    assert_eq!(store.prune(&keep).await.unwrap(), Pruned::default(), "what began at that time stays");
    keep.since = Some(oldest.started_at.replace(":00.000Z", ":01Z"));
    assert_eq!(store.prune(&keep).await.unwrap(), Pruned { runs: 1, stripped: 0 });
    assert!(matches!(store.run(&oldest.run_id).await, Err(HistoryError::NoRun { .. })));
    assert_eq!(store.document("run-30", "load.hlog").await.unwrap().map(|text| text.len()), Some(170));
    assert_eq!(store.document("run-20", "load.hlog").await.unwrap(), None);
    assert_eq!(store.entry("run-20").await.unwrap().outcomes.len(), 50, "verdicts stay");
    assert!(matches!(store.run("run-1").await, Err(HistoryError::NoRun { .. })));
    store.forget("run-30").await.unwrap();
    assert!(matches!(store.forget("run-30").await, Err(HistoryError::NoRun { .. })));
    // What others are held against stays, however old.
    keep.since = Some("9999-01-01T00:00:00Z".to_owned());
    store.prune(&keep).await.unwrap();
    let left = store.runs(None, None, 100).await.unwrap();
    assert!(left.len() == 1 && left[0].verdict == "qualified", "{left:?}");
    // What was forgotten may come again.
    assert_eq!(store.import(&entry(1, 3)).await.unwrap(), Imported::New);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a new folder/history 100%.db");
    holds(file.to_str().unwrap()).await;
    // What was forgotten takes no room.
    let store = Store::open(file.to_str().unwrap()).await.unwrap();
    let size = async |store: Store| {
        store.close().await;
        std::fs::metadata(&file).unwrap().len()
    };
    for number in 100..140 {
        store.import(&entry(number, 700)).await.unwrap();
    }
    let full = size(store).await;
    let store = Store::open(file.to_str().unwrap()).await.unwrap();
    store.prune(&Keep { runs: 2, whole: 1, since: None }).await.unwrap();
    let left = size(store).await;
    assert!(left * 3 < full, "{left} of {full} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_holds() {
    let Some(cluster) = Cluster::start() else { return };
    holds(&cluster.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_history_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "these are notes, and no database at all, for some two hundred bytes ".repeat(4)).unwrap();
    let error = Store::open(file.to_str().unwrap()).await.unwrap_err().to_string();
    assert!(error.contains("notes.txt") && error.contains("not a database"), "{error}");
    assert!(matches!(Store::open("").await, Err(HistoryError::Missing { .. })));
    assert!(matches!(Store::create("").await, Err(HistoryError::Missing { .. })));
    let error = Store::open(folder.path().join("typo.db").to_str().unwrap()).await.unwrap_err().to_string();
    assert!(error.contains("typo.db") && error.contains("`fedproof history import` makes one"), "{error}");
    let error = Store::open("postgres://me:secret@127.0.0.1:1/runs").await.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:1/runs") && !error.contains("secret"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_who_open_a_new_file_at_once_all_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("new.db").to_str().unwrap().to_owned();
    let opening = (0..8).map(|number| {
        let at = at.clone();
        tokio::spawn(async move { Store::create(&at).await.unwrap().import(&entry(number, 5)).await.unwrap() })
    });
    for task in opening.collect::<Vec<_>>() {
        assert_eq!(task.await.unwrap(), Imported::New);
    }
    assert_eq!(Store::open(&at).await.unwrap().runs(None, None, 100).await.unwrap().len(), 8);
}
