//! A history of replayed runs, a dashboard on it, and requests as plain as they are on the wire.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used)]

pub(crate) mod chrome;
#[path = "../../../report/tests/sample/mod.rs"]
pub(crate) mod sample;

use fedproof_dashboard::{Dashboard, Settings};
use fedproof_history::{Entry, Label, Store};
use fedproof_results::{Day, Deviation, Event, RunRecord, Verdict, load::LoadRecord};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, net::SocketAddr, path::Path};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Runs of cases on branch `main`, and of a load.
pub(crate) const RUNS: usize = 220;
pub(crate) const LOADS: usize = 60;
/// The build at which processor time went up, and a case began to fail.
pub(crate) const STEP: usize = 180;

/// A store with runs that were played once and are told again with other builds, figures and verdicts.
pub(crate) async fn history(folder: &Path) -> Store {
    let store = Store::create(folder.join("history.db").to_str().unwrap()).await.unwrap();
    for number in 0..RUNS {
        store.import(&replayed(number)).await.unwrap();
    }
    for number in 0..LOADS {
        store.import(&load(number)).await.unwrap();
    }
    let other = Label { branch: "rebase/1.164".into(), build: Some("v1.164.0rc1".into()) };
    let stopped = RunRecord::from_events(&sample::stopped()).unwrap();
    store.import(&Entry::of_run(&stopped, &other)).await.unwrap();
    store
}

/// Noise that is the same in every test: -1 to 1.
fn noise(number: usize, salt: usize) -> f64 {
    let mut state =
        (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (salt as u64).wrapping_mul(0xd1b5_4a32_d192_ed03);
    for _ in 0..3 {
        state = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    }
    (state >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

pub(crate) fn build(number: usize) -> String {
    format!("{:07x}", 0x00a1_b2c3 + number * 0x0001_0203)
}

fn started(number: usize) -> String {
    format!("2026-{:02}-{:02}T{:02}:10:00Z", 1 + number / 56 % 12, 1 + number / 2 % 28, 8 + number % 2 * 6)
}

/// Run `number`: a case that fails from [`STEP`] on, one that comes and goes, one that a profile accepts.
pub(crate) fn replayed(number: usize) -> Entry {
    let mut events = sample::chapters();
    for event in &mut events {
        match event {
            Event::RunStarted { identity, cases } => {
                // A name of a setting is a long word on a narrow screen.
                if let Some(case) = cases.iter_mut().find(|case| case.id == "interop/join") {
                    case.requirement =
                        "Profile: every room (Synapse: encryption_enabled_by_default_for_room_type: all)".into();
                }
                identity.run_id = format!("2026-replayed-{number:03}");
                identity.started_at = started(number);
            }
            Event::CaseDecided { id, result } => {
                match id.as_str() {
                    "acl/endpoint/backfill/v12" if number < STEP => result.verdict = Verdict::Pass,
                    "acl/endpoint/send_join_v2/v11" if number % 17 == 3 => {
                        result.verdict = Verdict::Fail;
                        result.reason = "it came and went".into();
                    }
                    "acl/match/port/v12" => result.deviation = Some(deviation()),
                    // What a sample is made to break is well in most runs.
                    "interop/join" | "invariant/recipients" | "acl/endpoint/state/v10" if number < STEP => {
                        result.verdict = Verdict::Pass;
                    }
                    _ => {}
                }
                result.measurements.iter_mut().for_each(|one| {
                    one.value = (one.value as f64 * (1.0 + noise(number, 3) / 20.0)) as u64;
                });
            }
            Event::RunFinished { usage, wall_ms, .. } => {
                let level = if number < STEP { 1.0 } else { 1.12 };
                for (salt, one) in usage.iter_mut().enumerate() {
                    one.cpu_ms = (one.cpu_ms as f64 * level * (1.0 + noise(number, salt) / 50.0)) as u64;
                    one.rss_bytes = (one.rss_bytes as f64 * (1.0 + noise(number, salt + 7) / 80.0)) as u64;
                }
                wall_ms.cases += (noise(number, 9) * 900.0) as u64;
            }
            _ => {}
        }
    }
    let events = events.into_iter().filter(|event| !matches!(event, Event::BaselineTaken { .. }));
    let record = RunRecord::from_events(&events.collect::<Vec<_>>()).unwrap();
    let build = Some(build(number));
    Entry::of_run(&record, &Label { branch: "main".into(), build })
}

fn deviation() -> Deviation {
    Deviation {
        reason: format!("Synapse takes the port for a part of the name {}", sample::HOSTILE),
        accepted_by: "N. N.".into(),
        expires: Day::new(2099, 12, 31).unwrap(),
        expired: false,
        reference: "https://github.com/element-hq/synapse/issues/1".into(),
    }
}

/// A load: latencies with noise, and work that went up by a twentieth.
fn load(number: usize) -> Entry {
    let us = |base: f64, salt| (base * (1.0 + noise(number, salt) / 12.0)) as u64;
    let transactions = if number < 40 { 22_000 } else { 23_100 };
    let operation = |name: &str, base: f64, salt| {
        json!({"name": name, "count": 1_000, "errors": 0, "rate": 20.0, "mean_us": base, "p50_us": us(base, salt),
            "p90_us": us(base * 1.6, salt), "p95_us": us(base * 2.0, salt), "p99_us": us(base * 3.0, salt),
            "p999_us": us(base * 5.0, salt), "max_us": us(base * 9.0, salt), "reasons": {}})
    };
    let record = json!({
        "schema": "fedproof/load/1", "run_id": format!("2026-load-{number:03}"), "started_at": started(number * 2),
        "suite_version": "0.1.0", "workload": "federation-in", "about": "what does a message from elsewhere cost?",
        "workload_digest": "0a1b2c3d4e5f", "deployment": "load", "seed": 1, "valid": true, "invalid_because": [],
        "complete": true, "stopped_because": "", "servers": [],
        "thresholds": [{"expression": "p95(seen) < 250ms", "ok": number != 45, "value": 182_000.0}],
        "operations": [operation("send", 21_000.0, 11), operation("seen_remote", 90_000.0, 12)],
        "work": [{"server": "alpha", "operation": "send", "count": 1_000, "cpu_ms": us(14_000.0, 13),
            "db_transactions": transactions, "events_persisted": 1_000, "requests": 1_000, "bytes": 1_204_000}],
        "phases": [{"name": "measure", "measured": true, "from": 0.0, "to": 60.0, "due": 1_000}], "lost": 0,
        "timeline": [], "resources": [], "generator": {"cpu_ms": 9_000, "rss_bytes": 90_000_000, "late_p99_us": 900,
        "abandoned": 0, "workers": 32}, "invariants": []
    });
    let record: LoadRecord = serde_json::from_value(record).unwrap();
    Entry::of_load(&record, BTreeMap::new(), &Label { branch: "main".into(), build: Some(build(number * 2)) })
}

/// Where it listens; it ends with the test.
pub(crate) async fn serve(store: Store, token: Option<&str>, results: &Path) -> SocketAddr {
    let settings = Settings {
        bind: "127.0.0.1:0".parse().unwrap(),
        token: token.map(str::to_owned),
        results: results.to_owned(),
        build_link: Some("https://git.example.org/synapse/-/commit/{build}".into()),
    };
    let dashboard = Dashboard::bind(store, settings).await.unwrap();
    let address = dashboard.address();
    tokio::spawn(dashboard.serve(std::future::pending()));
    address
}

/// The track of the replayed runs, as links name it.
pub(crate) fn track() -> String {
    key(&replayed(0))
}

fn key(entry: &Entry) -> String {
    let head = &entry.head;
    let hash = Sha256::digest(format!("{}\0{}", head.branch, head.place));
    hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every page there is, by a name.
pub(crate) fn pages() -> Vec<(&'static str, String)> {
    let (track, loads) = (track(), key(&load(0)));
    let of_track = |path: &str| format!("{path}{}track={track}", if path.contains('?') { '&' } else { '?' });
    let case = "/case/acl/endpoint/backfill/v12";
    let (before, at) = (STEP - 1, STEP);
    [
        ("overview", "/"),
        ("run", "/run/2026-replayed-219"),
        ("load", "/run/2026-load-059"),
        ("matrix", &of_track("/matrix")),
        ("matrix-changes", &of_track("/matrix?changes=1")),
        ("case", case),
        ("case-hostile", "/case/acl/match/odd/v12"),
        ("requirements", "/requirements"),
        ("performance", &of_track("/performance")),
        ("performance-load", &format!("/performance?track={loads}")),
        ("series-load", &format!("/series?name=db_transactions_per_op(alpha, send)&track={loads}").replace(' ', "%20")),
        ("series", &of_track("/series?name=cpu_per_case(alpha)")),
        ("interop", &of_track("/interop")),
        ("deviations", "/deviations"),
        ("compare-form", "/compare"),
        ("compare", &format!("/compare?a=2026-replayed-{before}&b=2026-replayed-{at}")),
        ("compare-loads", "/compare?a=2026-load-039&b=2026-load-040"),
        ("compare-others", "/compare?a=2026-load-039&b=2026-replayed-219"),
        ("search", "/search?q=endpoint"),
        ("search-none", "/search?q=no-such-thing"),
        ("live", "/live"),
        ("report", "/run/2026-replayed-219/report"),
        ("report-load", "/run/2026-load-045/report"),
        ("login", "/login"),
        ("missing", "/run/no-such-run"),
    ]
    .map(|(name, path)| (name, path.to_owned()))
    .into()
}

/// An answer: status, head, body.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Asks with these lines of head beside `Host`, unless they bring their own.
pub(crate) async fn ask(at: SocketAddr, method: &str, path: &str, lines: &[&str], body: &str) -> Answer {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !lines.iter().any(|line| line.starts_with("Host:")) {
        head += &format!("Host: {at}\r\n");
    }
    lines.iter().for_each(|line| head += &format!("{line}\r\n"));
    stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_lowercase(), body: body.to_owned() }
}

pub(crate) async fn get(at: SocketAddr, path: &str) -> Answer {
    ask(at, "GET", path, &[], "").await
}
