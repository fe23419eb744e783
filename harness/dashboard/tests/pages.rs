//! What pages say and who may read them, without a browser.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_dashboard::{Dashboard, DashboardError, Settings};
use fedproof_history::Store;
use std::{collections::BTreeSet, net::SocketAddr};
use support::{Answer, STEP, ask, build, get, history, pages, replayed, serve, track};

async fn all(folder: &tempfile::TempDir) -> SocketAddr {
    serve(history(folder.path()).await, None, &folder.path().join("results")).await
}

/// Targets of links within the dashboard.
fn links(page: &str) -> BTreeSet<String> {
    let targets = page.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    targets.filter(|link| link.starts_with('/')).map(|link| link.replace("&amp;", "&")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_leads_somewhere_and_nothing_foreign_is_markup() {
    let folder = tempfile::tempdir().unwrap();
    let at = all(&folder).await;
    let mut known: BTreeSet<String> = pages().into_iter().map(|(_, path)| path).collect();
    known.remove("/run/no-such-run");
    let mut open: Vec<String> = known.iter().cloned().collect();
    let mut read = 0;
    // Two hundred pages, each of which leads to others, are enough to meet every kind.
    while let Some(path) = open.pop().filter(|_| read < 200) {
        let answer = get(at, &path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(!answer.body.contains("<script>alert"), "{path}");
        read += 1;
        for link in links(&answer.body) {
            if known.insert(link.clone()) {
                open.insert(0, link);
            }
        }
    }
    assert_eq!(read, 200);
    let hostile = get(at, "/case/acl/match/odd/v12").await.body;
    assert!(hostile.contains("&lt;script&gt;alert(1)"), "the hostile name is shown, as text");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_say_what_happened() {
    let folder = tempfile::tempdir().unwrap();
    let at = all(&folder).await;
    let says = async |path: &str, words: &[&str]| {
        let answer = get(at, path).await;
        for word in words {
            assert!(answer.body.contains(word), "{path} does not say {word}");
        }
        answer
    };
    let track = track();
    let (before, after) = (format!("2026-replayed-{}", STEP - 1), format!("2026-replayed-{STEP}"));
    let overview = says("/", &["NOT QUALIFIED", "rebase/1.164", "Runs: 220", "stopped early", "Got worse"]).await.body;
    // In the card of `main`: what fails, what it is about and since which build, and what got slower since then.
    let (_, card) = overview.split_once("Runs: 1 ·").unwrap();
    for word in ["backfill is refused to a denied server", "since", &build(STEP), "cpu_per_case(alpha)", "▲ +1"] {
        assert!(card.contains(word), "{word} is not in {card}");
    }
    says(
        &format!("/compare?a={before}&b={after}"),
        &["new failure", "acl/endpoint/backfill/v12", "cpu_per_case(alpha)"],
    )
    .await;
    says(
        &format!("/case/acl/endpoint/backfill/v12?run={after}"),
        &["since", &build(STEP), "a denied server was given", "/_matrix/federation/v1/backfill"],
    )
    .await;
    // The first run of a branch is held against the latest good one of another: here that before the step.
    let (first, _) = overview.split_once("Runs: 1 ·").unwrap();
    for word in ["Against main".to_lowercase().as_str(), "new failure: 1", &format!("a=2026-replayed-{}", STEP - 1)] {
        assert!(first.contains(word), "{word} is not in {first}");
    }
    says("/case/acl/endpoint/send_join_v2/v11", &["Outcomes: ", "changes: 1"]).await;
    says(
        &format!("/series?name=cpu_per_case(alpha)&track={track}"),
        &["▲ +1", &build(STEP), "git.example.org/synapse/-/commit/"],
    )
    .await;
    says("/deviations", &["accepted by", "N. N.", "2099-12-31", "days left"]).await;
    says(&format!("/interop?track={track}"), &["beta", "0 of 1 passed", "join"]).await;
    says("/search?q=backfill%20denied", &["acl/endpoint/backfill/v10"]).await;
    says(&format!("/search?q={}", build(STEP)), &[&after]).await;
    says("/run/2026-load-045", &["p95(seen) &lt; 250ms", "(182 ms)", "seen_remote"]).await;
    says(&format!("/run/{after}"), &["new in this run"]).await;
    // A row is told once for all its room versions, and leads to what was seen in that run.
    says(
        "/run/2026-replayed-219",
        &[&format!("{}\">acl/<wbr>endpoint/<wbr>backfill</a> v12", "run=2026-replayed-219")],
    )
    .await;
    says("/case/acl/match/port/v12", &["accepted", "known deviation"]).await;
    // Accepted failures are counted apart from those that nobody accepts.
    says("/run/2026-replayed-219", &["1 accepted", "1 failed"]).await;
    says("/requirements", &[" accepted</span>"]).await;
    says(&format!("/matrix?area=acl/endpoint&verdict=fail&track={track}"), &["1 of", "backfill/v12"]).await;
    says("/requirements", &["Server-server API, Server ACLs", "spec.matrix.org"]).await;
    says("/live", &["No run in progress"]).await;
    says("/run/2026-replayed-219/report", &["Endpoint matrix"]).await;
    let german = ask(at, "GET", "/matrix", &["Accept-Language: de-DE,de;q=0.9"], "").await;
    assert!(german.body.contains("<html lang=\"de\">") && german.body.contains("bestanden"));
    let chosen = ask(at, "GET", "/?lang=en", &["Accept-Language: de"], "").await;
    assert!(chosen.body.contains("lang=\"en\"") && chosen.head.contains("fedproof_language=en; samesite=strict"));
    let kept = ask(at, "GET", "/", &["Accept-Language: de", "Cookie: fedproof_language=en"], "").await;
    assert!(kept.body.contains("<html lang=\"en\">"));
    assert_eq!(get(at, "/case/no/such/case").await.status, 404);
    assert_eq!(get(at, "/nowhere").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_history_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("history.db").to_str().unwrap()).await.unwrap();
    let at = serve(store, None, folder.path()).await;
    for path in
        ["/", "/matrix", "/requirements", "/performance", "/interop", "/deviations", "/compare", "/search", "/live"]
    {
        assert_eq!(get(at, path).await.status, 200, "{path}");
    }
    assert!(get(at, "/").await.body.contains("fedproof history import"));
    assert_eq!(get(at, "/metrics").await.body.lines().last(), Some("# EOF"));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_of_the_latest_runs() {
    let folder = tempfile::tempdir().unwrap();
    let at = all(&folder).await;
    let answer = get(at, "/metrics").await;
    assert!(answer.head.contains("application/openmetrics-text; version=1.0.0"), "{}", answer.head);
    let place = replayed(0).head.place;
    let of_track = format!("branch=\"main\",place=\"{place}\"");
    for line in [
        &format!("fedproof_track_runs{{{of_track}}} 220"),
        &format!("fedproof_latest_good{{{of_track}}} 0"),
        "series=\"db_transactions_per_op(alpha, send)\",unit=\"\"} 23.1",
        "verdict=\"not_qualified\"} 1",
        "# EOF",
    ] {
        assert!(answer.body.contains(line), "{line} is not in\n{}", answer.body);
    }
    std::fs::write(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("metrics.txt"), answer.body).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_looks_at_main_sees_that_its_latest_build_was_blocked() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("history.db").to_str().unwrap()).await.unwrap();
    let at = serve(store.clone(), None, folder.path()).await;
    let of_line = format!("{{branch=\"main\",place=\"{}\"", replayed(0).head.place);
    // One that failed, and one that only its gate did not want.
    let [mut failed, mut unwanted] = [STEP, 13].map(replayed);
    for (entry, number) in [(&mut failed, 11), (&mut unwanted, 13)] {
        entry.head.started_at = replayed(number).head.started_at;
        entry.head.branch = "main:blocked".into();
    }
    let runs = [
        (replayed(10), "pass", "QUALIFIED", "qualified"),
        (failed, "fail", "NOT QUALIFIED", "not_qualified"),
        (replayed(12), "pass", "QUALIFIED", "qualified"),
        (unwanted, "fail", "BLOCKED BY THE GATE", "blocked"),
        (replayed(14), "pass", "QUALIFIED", "qualified"),
    ];
    for (number, (entry, class, word, verdict)) in runs.into_iter().enumerate() {
        let (run, build, is_good) = (&entry.head.run_id, &entry.head.build, u8::from(class == "pass"));
        store.import(&entry).await.unwrap();
        let page = get(at, "/").await.body;
        let sections: Vec<&str> = page.split("<section class=\"card ").skip(1).collect();
        let [card] = sections[..] else { panic!("one card for main, not {}: {page}", sections.len()) };
        for told in [&format!("{class}\"><h2>"), ">main: ", &format!("</span> {word}</span>"), &format!("/run/{run}\"")]
        {
            assert!(card.contains(told), "{told} is not in {card}");
        }
        // What was blocked says so, and against what it was held: the latest good one.
        assert_eq!(card.contains("kept as main:blocked"), is_good == 0, "{card}");
        let base = [None, Some(10), Some(10), Some(12), Some(12)][number];
        let base = base.map(|base| format!("?a=2026-replayed-{base:03}&amp;b={run}"));
        assert!(base.is_none_or(|base| card.contains(&base)), "{card}");
        let metrics = get(at, "/metrics?branch=main").await.body;
        for line in [
            format!("fedproof_track_runs{of_line}}} {}\n", number + 1),
            format!("fedproof_latest_good{of_line}}} {is_good}\n"),
            format!("fedproof_latest_run{of_line},run=\"{run}\",build=\"{build}\",verdict=\"{verdict}\"}} 1\n"),
        ] {
            assert_eq!(metrics.matches(&line).count(), 1, "{line} is not in\n{metrics}");
        }
        assert_eq!(metrics.matches("\nfedproof_latest_good{").count(), 1, "{metrics}");
    }
}

fn locked(answer: &Answer, path: &str) {
    for line in [
        "content-security-policy: default-src 'none'; ",
        "frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
        "cache-control: no-",
    ] {
        assert!(answer.head.contains(line), "{path}: {line} is not in\n{}", answer.head);
    }
    let of_pages = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                    form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    assert!(answer.head.contains(of_pages) || answer.head.contains("sandbox allow-scripts"), "{path}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_knows_the_token_reads() {
    let folder = tempfile::tempdir().unwrap();
    let token = "correct horse battery staple";
    let at = serve(history(folder.path()).await, Some(token), folder.path()).await;
    let mut paths: Vec<String> = pages().into_iter().map(|(_, path)| path).collect();
    paths.retain(|path| path != "/login");
    paths.extend(["/metrics", "/live/part", "/run/2026-replayed-219/report", "/nowhere"].map(str::to_owned));
    let bearer = format!("Authorization: Bearer {token}");
    for path in &paths {
        let without = get(at, path).await;
        assert_eq!((without.status, without.body.contains("replayed")), (401, false), "{path}");
        locked(&without, path);
        let wrong = ask(at, "GET", path, &["Authorization: Bearer correct horse battery stapl"], "").await;
        assert_eq!(wrong.status, 401, "{path}");
        let right = ask(at, "GET", path, &[&bearer], "").await;
        assert_ne!(right.status, 401, "{path}");
        locked(&right, path);
    }
    let form = ask(at, "GET", "/", &["Accept: text/html"], "").await;
    assert!(form.status == 401 && form.body.contains("name=\"token\""));
    // Whatever was asked for: the way in leads to no other host.
    for path in ["//evil.example/login", "///evil.example", "/%2F/evil.example/?lang=de", "//evil.example/style.css"] {
        let body = ask(at, "GET", path, &["Accept: text/html"], "").await.body;
        let targets: Vec<&str> = body.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(targets.iter().any(|target| target.contains("lang=")), "{path}: {targets:?}");
        let is_here = |target: &&str| !target.starts_with("//") && target.starts_with(['/', '?', '#']);
        assert!(targets.iter().all(is_here), "{path}: {targets:?}");
    }
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let wrong = ask(at, "POST", "/login", &[kind], "token=correct").await;
    assert!(wrong.status == 401 && !wrong.head.contains("set-cookie"), "{}", wrong.head);
    let right = ask(at, "POST", "/login", &[kind], "token=correct+horse+battery+staple").await;
    assert_eq!(right.status, 303);
    let cookie = right.head.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(cookie.contains("httponly") && cookie.contains("samesite=strict") && !cookie.contains("horse"), "{cookie}");
    let session = format!("Cookie: {}", cookie.split(';').next().unwrap());
    assert_eq!(ask(at, "GET", "/", &[&session], "").await.status, 200);
    // Who has a token may come by any name.
    assert_eq!(ask(at, "GET", "/", &["Host: runs.example.org", &bearer], "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_for_this_machine_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("history.db").to_str().unwrap()).await.unwrap();
    let at = serve(store, None, folder.path()).await;
    for host in ["Host: evil.example", "Host: localhost.evil.example:80", "Host: 127.0.0.1.evil.example", "Host:"] {
        for path in ["/", "/style.css", "/login"] {
            assert_eq!(ask(at, "GET", path, &[host], "").await.status, 421, "{host} {path}");
        }
    }
    let local = format!("Host: localhost:{}", at.port());
    let answer = ask(at, "GET", "/", &[&local], "").await;
    assert_eq!(answer.status, 200);
    locked(&answer, "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_open_to_the_network_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path().join("history.db").to_str().unwrap()).await.unwrap();
    let bind = async |address: &str, token: Option<&str>| {
        let bind = address.parse().unwrap();
        let settings = Settings { bind, token: token.map(str::to_owned), results: "x".into(), build_link: None };
        Dashboard::bind(store.clone(), settings).await
    };
    assert!(matches!(bind("0.0.0.0:0", None).await, Err(DashboardError::Open { .. })));
    assert!(matches!(bind("[::]:0", None).await, Err(DashboardError::Open { .. })));
    assert!(matches!(bind("127.0.0.1:0", Some("short")).await, Err(DashboardError::Short { length: 5, .. })));
    assert!(bind("0.0.0.0:0", Some("a token of length")).await.is_ok());
}
