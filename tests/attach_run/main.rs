//! `fedproof run --attach`: a run on homeservers that somebody else keeps running behind a gateway, and what is there after it.

mod staging;
#[path = "../support/mod.rs"]
mod support;

use fedproof_client::Client;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::Method;
use serde_json::{Value, json};
use staging::{SECRET, Staging, free_port, gateway, text, write_routes};
use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
    time::{Duration, Instant},
};
use support::{alone, command, ended, row, with_verdict};

/// What a homeserver holds, as its administrator sees it.
#[derive(Debug, PartialEq, Eq)]
struct Held {
    /// Rooms with what is told of each.
    rooms: BTreeMap<String, Value>,
    /// Users that are not deactivated.
    users: BTreeSet<String>,
    media: Value,
    reports: Value,
}

/// What is held, and the users that are deactivated.
async fn held(administrator: &Client) -> (Held, BTreeSet<String>) {
    let get = async |path: &str| {
        let reply = administrator.request(Method::GET, path, None).await.expect("an answer");
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
        reply.body
    };
    let rooms = get("/_synapse/admin/v1/rooms?limit=5000").await;
    assert!(rooms["next_batch"].is_null(), "one page holds them all");
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let named = |one: &Value, key: &str| one[key].as_str().expect("a text").to_owned();
    let users = get("/_synapse/admin/v2/users?limit=5000&deactivated=true").await;
    let (gone, there): (Vec<Value>, Vec<Value>) =
        list(&users["users"]).into_iter().partition(|user| user["deactivated"] == true);
    let names = |users: Vec<Value>| users.iter().map(|user| named(user, "name")).collect();
    let held = Held {
        rooms: list(&rooms["rooms"]).into_iter().map(|room| (named(&room, "room_id"), room)).collect(),
        users: names(there),
        media: get("/_synapse/admin/v1/statistics/users/media").await,
        reports: get("/_synapse/admin/v1/event_reports").await,
    };
    (held, names(gone))
}

/// The same, once what Synapse counts in its own time is counted.
async fn settled(administrator: &Client) -> (Held, BTreeSet<String>) {
    let mut last = held(administrator).await;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = held(administrator).await;
        if now == last && now.0.rooms.values().any(|room| room["name"] == "Ours" && room["joined_members"] == 1) {
            return now;
        }
        last = now;
    }
}

/// `fedproof run … --attach`: exit code, record, stderr.
fn run(staging: &Staging, args: &[&str], out: &str) -> (i32, Value, String) {
    let (file, out) = (staging.at("attach.yaml"), staging.at(out));
    support::run(&[&["--attach", text(&file)], args].concat(), &out)
}

#[test]
fn a_run_decides_on_somebody_elses_homeservers_and_leaves_them_as_they_were() {
    let _turn = alone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(decides_and_leaves());
}

async fn decides_and_leaves() {
    let staging = Staging::start();
    let mut administrators = Vec::new();
    for name in ["alpha", "bravo"] {
        let administrator = staging.user(name, "admin-operator").await;
        // Something that is there, and is none of the run's.
        let room = json!({"preset": "public_chat", "name": "Ours", "room_alias_name": "ours"});
        let made = administrator.request(Method::POST, "/_matrix/client/v3/createRoom", Some(&room)).await;
        assert_eq!(made.expect("an answer").status, 200);
        administrators.push(administrator);
    }
    let mut before = Vec::new();
    for administrator in &administrators {
        before.push(settled(administrator).await);
    }

    // While the service holds the ports there is nothing for the run to take.
    let service = gateway(staging.folder.path());
    let (code, record, stderr) = run(&staging, &["acl/endpoint/make_join"], "early");
    assert!(code == 3 && stderr.contains("stop that one first"), "{code} {stderr}");
    assert!(with_verdict(&record, "pass").is_empty());
    drop(service);

    // Without one, each finds the other out of reach, and would not try it again for minutes.
    for (administrator, other) in administrators.iter().zip(["bravo", "alpha"]) {
        let path = format!("/_matrix/client/v3/join/!none:{other}.staging.test?via={other}.staging.test");
        let joined = administrator.request(Method::POST, &path, Some(&json!({}))).await.expect("an answer");
        assert!(joined.status >= 400, "{}", joined.body);
    }

    // A run that stands where nobody comes by says so, and decides nothing.
    write_routes(&staging.at("."), &staging.urls, [free_port(), free_port()]);
    let (code, record, stderr) = run(&staging, &["acl/endpoint/make_join"], "aside");
    assert!(code == 3 && stderr.contains("did not come to this run"), "{code} {stderr}");
    assert!(with_verdict(&record, "pass").is_empty());
    write_routes(&staging.at("."), &staging.urls, staging.ports);

    let file = staging.at("attach.yaml");
    let (code, listed, stderr) =
        ended(&mut command(&["run", "acl/**", "--dry-run", "--format", "json", "--attach", text(&file)]));
    assert_eq!(code, 0, "{stderr}");
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    let planned = listed["accounts"]["alpha"].as_array().expect("accounts").len()
        + listed["accounts"]["bravo"].as_array().expect("accounts").len();
    assert!(planned > 50 && listed["rooms"].as_u64().expect("rooms") > 20, "{planned} accounts");
    for (administrator, before) in administrators.iter().zip(&before) {
        assert_eq!(held(administrator).await, *before, "a dry run makes nothing");
    }

    let (code, record, stderr) = run(&staging, &["acl/**"], "run");
    let passed = with_verdict(&record, "pass");
    assert!(passed.len() >= 200, "{} passed: {stderr}", passed.len());
    assert_eq!(with_verdict(&record, "inconclusive"), Vec::<&str>::new(), "{stderr}");
    assert_eq!((code, with_verdict(&record, "fail")), (0, Vec::new()), "as on homeservers of fedproof's own: {stderr}");
    let skipped = record["cases"].as_array().expect("cases").iter().filter(|case| case["verdict"] == "skipped");
    let reasons: Vec<&str> = skipped.filter_map(|case| case["reason"].as_str()).collect();
    for why in ["only who started it can", "--allow-destructive"] {
        assert!(reasons.iter().any(|reason| reason.contains(why)), "{why}: {reasons:?}");
    }

    let purged: Value =
        serde_json::from_slice(&std::fs::read(staging.at("run/purged.json")).expect("it is there")).expect("JSON");
    let purged = &purged["homeservers"];
    let mut accounts = 0;
    for (administrator, (before, gone)) in administrators.iter().zip(&before) {
        let (now, gone_now) = held(administrator).await;
        assert_eq!(now, *before, "what was there is as it was, and nothing else is there");
        accounts += gone_now.difference(gone).count();
    }
    for name in ["alpha", "bravo"] {
        assert_eq!(purged[name]["left"], json!([]), "{purged}");
        assert!(purged[name]["rooms"].as_u64().expect("a number") > 20, "{purged}");
    }
    let told = |name: &str| purged[name]["accounts"].as_u64().expect("a number") as usize;
    assert_eq!(accounts, told("alpha") + told("bravo"), "every account that was made is deactivated");
    // The list told the truth: those, and for each run that came so far an administrator on each.
    assert_eq!(accounts, planned + 2);
    let secret =
        std::process::Command::new("grep").args(["-rlF", SECRET, text(&staging.at("run"))]).output().expect("grep");
    assert!(secret.stdout.is_empty(), "the secret stands in {}", String::from_utf8_lossy(&secret.stdout));

    for (administrator, server) in administrators.iter().zip(["alpha", "bravo"]) {
        let gone = held(administrator).await.1;
        let user = gone.iter().find(|name| name.contains("alice")).expect("one of the run's");
        let path = format!("/_synapse/admin/v1/users/{}/override_ratelimit", fedproof_core::path::encode(user));
        let limits = administrator.request(Method::GET, &path, None).await.expect("an answer");
        assert_eq!((limits.status, limits.body), (200, json!({})), "{user} on {server} is nobody special any more");
    }
    leaves_nothing_otherwise(&staging, &administrators, &before).await;

    directly(&staging);
    // Nobody could purge those rooms, and the comparison sees it.
    let mut more = 0;
    for (administrator, (before, _)) in administrators.iter().zip(&before) {
        more += held(administrator).await.0.rooms.len() - before.rooms.len();
    }
    assert!(more > 0, "rooms are left");
}

/// Nor where it ends early, administers, or is killed and cleaned up after.
async fn leaves_nothing_otherwise(staging: &Staging, administrators: &[Client], before: &[(Held, BTreeSet<String>)]) {
    let is_as_before = async |when: &str| {
        for (administrator, (before, _)) in administrators.iter().zip(before) {
            assert_eq!(held(administrator).await.0, *before, "{when}");
            let tokens = administrator.request(Method::GET, "/_synapse/admin/v1/registration_tokens", None).await;
            assert_eq!(tokens.expect("an answer").body["registration_tokens"], json!([]), "{when}");
        }
    };
    std::fs::write(staging.at("wrong"), "another secret").expect("it can be written");
    staging.connect("wrong.yaml", "", ["secret", "wrong"]);
    let file = staging.at("wrong.yaml");
    let (code, _, stderr) =
        support::run(&["acl/endpoint/make_join", "--attach", text(&file)], &staging.at("wrong-run"));
    assert!(code == 3 && stderr.contains("bravo"), "{code} {stderr}");
    is_as_before("the second homeserver's secret was wrong").await;

    staging.connect("operated.yaml", "features: [operated]\n", ["secret"; 2]);
    let file = staging.at("operated.yaml");
    let args = [
        "admin/registration-tokens/**",
        "--profile",
        "bundesmessenger",
        "--allow-destructive",
        "--attach",
        text(&file),
    ];
    let (_, record, stderr) = support::run(&args, &staging.at("operated"));
    assert!(!with_verdict(&record, "pass").is_empty(), "{stderr}");
    is_as_before("an administrator of the run made registration tokens").await;

    let (file, out) = (staging.at("attach.yaml"), staging.at("killed"));
    let mut run = command(&["run", "acl/**", "--attach", text(&file), "--out", text(&out)]);
    let mut run = run.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let (began, events) = (Instant::now(), out.join("events.jsonl"));
    let said = || std::fs::read_to_string(&events).unwrap_or_default();
    while said().matches("\"verdict\"").count() < 5 {
        assert!(began.elapsed() < Duration::from_secs(120), "some cases are decided by now");
        std::thread::sleep(Duration::from_millis(100));
    }
    kill(Pid::from_raw(run.id() as i32), Signal::SIGKILL).expect("it is there");
    run.wait().expect("it ended");
    let said = said();
    let mark = said
        .split_once("all that the run makes there has ")
        .and_then(|(_, rest)| rest.split_once(' '))
        .expect("its mark")
        .0;
    assert_ne!(held(&administrators[0]).await.0, before[0].0, "it was in the middle");
    let (code, stdout, stderr) = ended(&mut command(&["cleanup", "--attach", text(&file), "--mark", mark]));
    assert_eq!(code, 0, "{stdout} {stderr}");
    is_as_before("it was killed, and cleaned up after").await;
}

/// With the service back in its place, and nothing of it to be seen.
fn directly(staging: &Staging) {
    let _service = gateway(staging.folder.path());
    let urls: Vec<String> = staging.urls.iter().map(|(name, url)| format!("{name}=url:{url}")).collect();
    let args = [
        "acl/lifecycle/**",
        "acl/endpoint/**",
        "--backend",
        "attach",
        "--homeserver",
        &urls[0],
        "--homeserver",
        &urls[1],
    ];
    let (code, record, stderr) = support::run(&args, &staging.at("direct"));
    assert!(code == 3 && stderr.contains("nothing speaks for this build"), "{stderr}");
    let cases = record["cases"].as_array().expect("cases");
    let of = |case: &Value| (row(case["id"].as_str().unwrap_or_default()).to_owned(), case["verdict"].clone());
    // What clients alone can show.
    let seen = with_verdict(&record, "observed");
    assert!(seen.iter().any(|id| id.starts_with("acl/lifecycle/self-excluded/")), "{stderr}");
    let is_played = |case: &&Value| case["verdict"] != "not_applicable";
    let endpoints = cases.iter().filter(|case| case["id"].as_str().is_some_and(|id| id.starts_with("acl/endpoint/")));
    for case in endpoints.filter(is_played) {
        assert_eq!(case["verdict"], "skipped", "{:?}", of(case));
        let why = case["reason"].as_str().unwrap_or_default();
        assert!(why.contains("which others reach through fedproof's gateway alone"), "{why}");
    }
    let undecided: Vec<_> = cases.iter().filter(|case| case["verdict"] == "inconclusive").map(of).collect();
    assert!(undecided.is_empty(), "{undecided:?}");
    assert!(stderr.contains("only an administrator can purge them"), "{stderr}");
}
