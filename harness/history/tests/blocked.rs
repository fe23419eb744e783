//! What a gate did not let pass is nobody's base, and is seen by who looks at its branch: in both databases.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_history::{Entry, RunHead, Store};
use fedproof_results::Verdict;
use support::{Cluster, entry};

/// `main` was well, a build of it failed, one was well but its gate said no, and it was well again. `rebase` was only ever blocked.
async fn holds(at: &str) {
    let store = Store::create(at).await.unwrap();
    let blocked = |number: usize, branch: &str, verdict: &str| {
        let mut entry = entry(number, 3);
        (entry.head.branch, entry.head.verdict) = (branch.into(), verdict.into());
        entry.outcomes[0].verdict = Verdict::Fail;
        entry
    };
    let failed = blocked(3, "main:blocked", "not_qualified");
    let stopped = blocked(4, "main:blocked", "qualified");
    let case = failed.outcomes[0].case.clone();
    let since = async |run: &RunHead| {
        let found = store.since(run, &[&case], 50).await.unwrap();
        found.into_values().map(|since| (since.run_id, since.changed)).collect::<Vec<_>>()
    };
    let latest = async |branch: &str| {
        let runs = store.runs_of_line(branch, &failed.head.place, 9).await.unwrap();
        runs.iter().map(|run| format!("{} {}", run.run_id, run.word())).collect::<Vec<_>>()
    };
    let import = async |entry: &Entry| store.import(entry).await.unwrap();
    import(&entry(1, 3)).await;
    import(&entry(2, 3)).await;
    import(&failed).await;
    import(&stopped).await;
    assert_eq!(latest("main").await, ["run-4 blocked", "run-3 not_qualified", "run-2 qualified", "run-1 qualified"]);
    assert_eq!(store.runs_of_line("main", &failed.head.place, 1).await.unwrap().len(), 1);
    assert!(!stopped.head.is_good() && !failed.head.is_good() && entry(1, 3).head.is_good());
    assert_eq!(since(&stopped.head).await, [("run-3".to_owned(), true)], "main is what it was otherwise on");
    // Held against it is the branch without what was blocked, and a first run of another is not held against that either.
    let before = store.runs_before(&entry(9, 0).head, "main", 9).await.unwrap();
    assert_eq!(before.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["run-2", "run-1"]);
    let elsewhere = RunHead { branch: "rebase".into(), ..entry(9, 0).head };
    assert_eq!(store.good_elsewhere(&elsewhere).await.unwrap().map(|run| run.run_id).as_deref(), Some("run-2"));
    assert_eq!(store.good_elsewhere(&stopped.head).await.unwrap(), None, "its own branch was good");

    import(&entry(5, 3)).await;
    assert_eq!(latest("main").await[..2], ["run-5 qualified", "run-4 blocked"]);
    import(&blocked(6, "rebase:blocked", "not_qualified")).await;
    let lines = store.lines().await.unwrap();
    let lines: Vec<_> = lines.iter().map(|line| (line.branch.as_str(), line.runs, &line.latest[..13])).collect();
    assert_eq!(lines, [("rebase", 1, "2026-01-01T06"), ("main", 5, "2026-01-01T05")]);
    assert_eq!(latest("rebase").await, ["run-6 not_qualified"]);
    store.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    holds(folder.path().join("history.db").to_str().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_holds() {
    let Some(cluster) = Cluster::start() else { return };
    holds(&cluster.url()).await;
}
