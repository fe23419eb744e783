//! A history may grow: pages ask it no more for it, and show no more than can be read.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_history::{Entry, Outcome, Store};
use fedproof_results::{CaseInfo, Verdict};
use std::{
    collections::BTreeMap,
    fmt::Debug,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};
use support::{get, replayed, serve};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

static ASKED: AtomicUsize = AtomicUsize::new(0);

/// Counts the questions of this process: sqlx tells of each statement once, and its beginning.
struct Statements;

impl Visit for Statements {
    // A pool that opens another connection sets it up first: no question.
    fn record_str(&mut self, field: &Field, value: &str) {
        ASKED.fetch_add(usize::from(field.name() == "summary" && value.starts_with("SELECT")), Ordering::SeqCst);
    }
    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

impl Subscriber for Statements {
    fn enabled(&self, of: &Metadata<'_>) -> bool {
        of.target() == "sqlx::query"
    }
    fn event(&self, event: &Event<'_>) {
        event.record(&mut Statements);
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// What a page says, and in how many statements it was asked for.
async fn page(at: SocketAddr, path: &str) -> (String, usize) {
    let before = ASKED.load(Ordering::SeqCst);
    let answer = get(at, path).await;
    assert_eq!(answer.status, 200, "{path}");
    (answer.body, ASKED.load(Ordering::SeqCst) - before)
}

/// A run of `cases` rows that all fail, on a branch.
fn failing(number: usize, branch: &str, cases: usize) -> Entry {
    let mut entry = replayed(number);
    (entry.head.branch, entry.head.run_id) = (branch.to_owned(), format!("{branch}-{number}"));
    entry.digest = entry.head.run_id.clone();
    entry.head.counts = BTreeMap::from([(Verdict::Fail, cases as u64)]);
    let (case, outcome) = (entry.cases[0].clone(), entry.outcomes[0].clone());
    let (id, title) = (|of: usize| format!("acl/many/row-{of}/v12"), |of: usize| format!("title {of}."));
    entry.cases = (0..cases).map(|of| CaseInfo { id: id(of), title: title(of), ..case.clone() }).collect();
    let fail = |of| Outcome { case: id(of), verdict: Verdict::Fail, accepted: false, ..outcome.clone() };
    entry.outcomes = (0..cases).map(fail).collect();
    entry
}

async fn with(folder: &tempfile::TempDir, entries: impl IntoIterator<Item = Entry>) -> SocketAddr {
    let store = Store::create(folder.path().join("history.db").to_str().unwrap()).await.unwrap();
    for entry in entries {
        store.import(&entry).await.unwrap();
    }
    serve(store, None, folder.path()).await
}

/// One test, because statements are counted over the process.
#[tokio::test(flavor = "multi_thread")]
async fn what_grows_is_asked_for_at_once_and_shown_in_part() {
    tracing::subscriber::set_global_default(Statements).unwrap();
    a_run_of_many_failures().await;
    many_branches().await;
}

async fn a_run_of_many_failures() {
    let mut asked = Vec::new();
    for (cases, shown) in [(3, 3), (300, 50)] {
        let folder = tempfile::tempdir().unwrap();
        let at = with(&folder, [failing(1, "main", cases), failing(2, "main", cases)]).await;
        let (body, statements) = page(at, "/run/main-2").await;
        asked.push(statements);
        let (_, list) = body.split_once("<ul class=\"troubles\">").unwrap();
        let (list, rest) = list.split_once("</ul>").unwrap();
        assert_eq!((list.matches("<li").count(), list.matches("<div>title ").count()), (shown, shown), "{list}");
        assert_eq!(rest.contains("<a href=\"#cases\">and 250 more</a>"), cases > shown, "{rest}");
        // Whatever is not in the list is in its area.
        let (_, areas) = rest.split_once("<h2 id=\"cases\">").unwrap();
        assert_eq!(areas.matches("?run=main-2\">acl/").count(), cases, "{areas}");
    }
    assert!(asked[0] > 0 && asked[0] == asked[1], "statements of 3 and of 300 failures: {asked:?}");
}

async fn many_branches() {
    let branches = |count: usize| {
        let merges = (0..count).map(|number| failing(number, &format!("merge-{number:03}"), 2));
        merges.chain([failing(0, "main", 2), failing(1, "main", 2)])
    };
    let mut asked = Vec::new();
    // With `main` there is one more.
    for count in [60, 120] {
        let folder = tempfile::tempdir().unwrap();
        let at = with(&folder, branches(count)).await;
        let (overview, of_overview) = page(at, "/").await;
        assert_eq!(overview.matches("<section class=\"card ").count(), 12);
        assert!(
            overview.contains(&format!("<a href=\"/?from=12\">Earlier tracks: {}</a>", count + 1 - 12)),
            "{overview}"
        );
        let latest = |number: usize| format!("/run/merge-{number:03}-{number}\"");
        assert!(overview.contains(&latest(count - 1)) && !overview.contains(&latest(count - 13)));
        let (next, of_next) = page(at, "/?from=12").await;
        assert!(next.contains(&latest(count - 13)) && !next.contains(&latest(count - 12)));
        let (end, _) = page(at, &format!("/?from={}", count / 12 * 12)).await;
        assert!(end.matches("<section class=\"card ").count() == 1 && !end.contains("Earlier tracks"), "{end}");
        assert_eq!(page(at, "/?from=99999").await.0.matches("<section").count(), 0);

        let (metrics, of_metrics) = page(at, "/metrics").await;
        assert_eq!(metrics.matches("\nfedproof_track_runs{").count(), 50);
        assert!(
            metrics.contains(&format!("branch=\"merge-{:03}\"", count - 1)) && !metrics.contains("branch=\"main\"")
        );
        let (main, of_main) = page(at, "/metrics?branch=main").await;
        assert_eq!(main.matches("\nfedproof_track_runs{branch=\"main\",").count(), 1);
        assert!(!main.contains("merge-") && main.contains("\nfedproof_latest_figure{"), "{main}");

        let (form, _) = page(at, "/matrix").await;
        let rest = (count + 1).saturating_sub(101);
        assert_eq!(form.matches("<option value=").count() > 100, rest > 0);
        assert_eq!(form.contains(&format!("<option disabled>and {rest} more</option>")), rest > 0, "{form}");
        asked.push([of_overview, of_next, of_metrics, of_main]);
    }
    assert_eq!(asked[0], asked[1], "statements of twice as many branches");
}
