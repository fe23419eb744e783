//! How fast pages are from a large history: 10,000 runs × 300 cases. Told in docs/figures.md:
//! `cargo test -p fedproof-dashboard --test speed -- --ignored --nocapture`, some minutes. The store stays in the target
//! folder for the next time.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_history::{Entry, Figure, FigureKind, Kind, Outcome, RunHead, Store};
use fedproof_results::{CaseInfo, Level, Verdict};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    time::{Duration, Instant},
};
use support::{get, replayed, serve};

const RUNS: usize = 10_000;
const CASES: usize = 300;
/// Runs with a record, as `history prune --whole` leaves them.
const WHOLE: usize = 100;
/// Each page is asked so often.
const TIMES: usize = 9;

/// Run `number`, on one of five branches: a case in two hundred fails now and then.
fn entry(number: usize) -> Entry {
    let id = |case: usize| format!("area-{}/part-{}/case-{case}/v12", case % 3, case % 17);
    let verdict = |case: usize| match (case * 31 + number) % 211 {
        0 => Verdict::Fail,
        1 => Verdict::Inconclusive,
        _ => Verdict::Pass,
    };
    let outcomes: Vec<Outcome> = (0..CASES)
        .map(|case| Outcome {
            case: id(case),
            server: "alpha".into(),
            level: Level::Must,
            verdict: verdict(case),
            seen: String::new(),
            reason: if verdict(case) == Verdict::Pass { String::new() } else { "a denied server was let in".into() },
            accepted: false,
            duration_ms: 40 + case as u64,
        })
        .collect();
    let cases = (0..CASES).map(|case| CaseInfo {
        id: id(case),
        title: format!("case number {case} of the large history"),
        level: Level::Must,
        priority: 0,
        requirement: format!("Server-server API v1.19, Section {}: rule {}", case % 23, case % 5),
        scenario: "scenarios/acl/x.yaml".into(),
        tags: vec![],
        room_version: Some("12".into()),
        since: None,
    });
    let figure = |name: usize| {
        let level = if number % 2_000 > 1_900 && name.is_multiple_of(4) { 1.1 } else { 1.0 };
        let noise = ((number * 7_919 + name * 104_729) % 1_009) as f64 / 1_009.0;
        let kind = FigureKind::Cpu;
        Figure { name: format!("figure-{name}(alpha)"), kind, unit: "ms".into(), value: 100.0 * level + 5.0 * noise }
    };
    let mut counts = BTreeMap::new();
    outcomes.iter().for_each(|outcome| *counts.entry(outcome.verdict).or_default() += 1);
    // The latest come with a record that has evidence; it is that of another run, of the same size.
    let documents = if number >= RUNS - WHOLE { replayed(number % 200).documents } else { BTreeMap::new() };
    Entry {
        head: RunHead {
            run_id: format!("large-{number:05}"),
            kind: Kind::Cases,
            branch: format!("branch-{}", number % 5),
            place: "default · matrix-spec · process".into(),
            build: format!("{:07x}", number * 99_991),
            started_at: format!(
                "20{:02}-{:02}-{:02}T{:02}:00:00Z",
                20 + number / 2_688,
                1 + number / 224 % 12,
                1 + number / 8 % 28,
                number % 8
            ),
            verdict: if counts.contains_key(&Verdict::Fail) { "not_qualified" } else { "qualified" }.into(),
            complete: true,
            servers: vec![],
            suite_version: "0.1.0".into(),
            suite_digest: "9c1185a5c5e9fc54612808977ee8f548b2258d31".into(),
            machine: "linux x86_64, 2 cores".into(),
            seed: 1,
            wall_ms: 60_000,
            counts,
        },
        digest: format!("digest-{number}"),
        cases: cases.collect(),
        outcomes,
        figures: (0..20).map(figure).collect(),
        documents,
    }
}

async fn store() -> Store {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("large.db");
    let store = Store::create(file.to_str().unwrap()).await.unwrap();
    let there = store.runs(None, None, u32::MAX >> 1).await.unwrap().len();
    let began = Instant::now();
    let mut took: Vec<Duration> = Vec::new();
    for number in there..RUNS {
        let one = Instant::now();
        store.import(&entry(number)).await.unwrap();
        took.push(one.elapsed());
        if number % 1_000 == 999 {
            println!("{} runs after {:.0?}", number + 1, began.elapsed());
        }
    }
    if !took.is_empty() {
        took.sort_unstable();
        println!(
            "import of one run of {CASES} cases: median {:.1?}, longest {:.1?}",
            took[took.len() / 2],
            took[took.len() - 1]
        );
    }
    store
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "makes a store of 3 million outcomes"]
async fn pages_are_fast_from_a_large_history() {
    let results = tempfile::tempdir().unwrap();
    let at = serve(store().await, None, results.path()).await;
    let (latest, before) = ("large-09999", "large-09994");
    let case = "/case/area-1/part-4/case-4/v12";
    let mut slow = Vec::new();
    for path in [
        "/",
        "/matrix",
        "/matrix?changes=1",
        &format!("/run/{latest}"),
        &format!("/compare?a={before}&b={latest}"),
        case,
        &format!("{case}?run=large-00001"),
        "/requirements",
        "/performance",
        "/series?name=figure-4(alpha)",
        "/interop",
        "/deviations",
        "/search?q=case-29",
        "/search?q=large-00",
        "/live",
        "/metrics",
    ] {
        let mut took = Vec::new();
        for _ in 0..TIMES {
            let began = Instant::now();
            let answer = get(at, path).await;
            took.push(began.elapsed());
            assert_eq!(answer.status, 200, "{path}");
        }
        let first = took[0];
        took.sort_unstable();
        let median = took[TIMES / 2];
        println!("| `{path}` | {:.0} ms | {:.0} ms |", median.as_secs_f64() * 1e3, first.as_secs_f64() * 1e3);
        if median > Duration::from_millis(200) {
            slow.push((path.to_owned(), median));
        }
    }
    assert!(slow.is_empty(), "slower than 200 ms: {slow:?}");
}
