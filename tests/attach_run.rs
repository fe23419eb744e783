//! `fedproof run --attach`: a run on homeservers that somebody else keeps running behind a gateway, and what is there after it.

mod support;

use fedproof_client::{Client, Endpoint};
use fedproof_core::{ServerName, transcript::Transcript};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};
use support::{alone, command, ended, row, with_verdict};

const SECRET: &str = "a-shared-secret-of-the-operator";

/// Limits as Synapse comes, which homeservers of fedproof's own are free of.
const LIMITS: &str = "  rc_message: {per_second: 0.2, burst_count: 10}
  rc_joins: {local: {per_second: 0.1, burst_count: 10}, remote: {per_second: 0.01, burst_count: 10}}
  rc_joins_per_room: {per_second: 1, burst_count: 10}
  rc_invites: {per_room: {per_second: 0.3, burst_count: 10}, per_user: {per_second: 0.003, burst_count: 5}, per_issuer: {per_second: 0.3, burst_count: 10}}
  rc_room_creation: {per_second: 0.016, burst_count: 10}
  rc_federation: {window_size: 1000, sleep_limit: 10, sleep_delay: 500, reject_limit: 50, concurrent: 3}
";

/// A process of fedproof that is asked to end however the test ends.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id() as i32), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// Homeservers of their own, whose proxy is `fedproof gateway`.
struct Staging {
    folder: tempfile::TempDir,
    _up: Service,
    urls: BTreeMap<String, String>,
    ports: [u16; 2],
}

impl Staging {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let ports = [free_port(), free_port()];
        // The authority is there before who trusts it.
        let nobody = BTreeMap::from(["alpha", "bravo"].map(|name| (name.to_owned(), "http://127.0.0.1:1".to_owned())));
        write_routes(folder.path(), &nobody, ports);
        drop(gateway(folder.path()));
        let ca = at("ca/ca.crt");
        let homeserver = |name: &str, port: u16| {
            format!(
                "  {name}:\n    spec: synapse@1.163.2\n    server_name: {name}.staging.test\n    \
                 settings: {{https_proxy: 'http://127.0.0.1:{port}'}}\n"
            )
        };
        let deployment = format!(
            "about: Somebody's staging system\nfeatures: []\nenvironment: {{SSL_CERT_FILE: '{ca}'}}\n\
             settings:\n{LIMITS}  registration_shared_secret: {SECRET}\n  federation_custom_ca_list: ['{ca}']\n  \
             modules: [{{module: admins.Admins}}]\nhomeservers:\n{}{}",
            homeserver("alpha", ports[0]),
            homeserver("bravo", ports[1]),
            ca = ca.display()
        );
        std::fs::write(at("staging.yaml"), deployment).expect("it can be written");
        let (file, connection, out) = (at("staging.yaml"), at("connection.json"), at("playground"));
        let mut up =
            command(&["up", "--deployment", text(&file), "--connection", text(&connection), "--out", text(&out)]);
        up.env("XDG_RUNTIME_DIR", folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let up = Service(up.spawn().expect("it starts"));
        let began = std::time::Instant::now();
        while !connection.exists() {
            assert!(began.elapsed() < Duration::from_secs(180), "the homeservers did not come up");
            std::thread::sleep(Duration::from_millis(100));
        }
        let connection: Value = serde_json::from_slice(&std::fs::read(connection).expect("it is there")).expect("JSON");
        let homeservers = connection["homeservers"].as_array().expect("homeservers");
        let plain = |one: &Value, key: &str| one[key].as_str().expect("a text").to_owned();
        let urls: BTreeMap<String, String> =
            homeservers.iter().map(|one| (plain(one, "name"), plain(one, "base_url"))).collect();
        write_routes(folder.path(), &urls, ports);
        std::fs::write(at("secret"), format!("{SECRET}\n")).expect("it can be written");
        let attached = |name: &str| {
            format!(
                "  - name: {name}\n    server_name: {name}.staging.test\n    base_url: {}\n    \
                 accounts: {{shared_secret: {{file: secret}}}}\n",
                urls[name]
            )
        };
        let file = format!(
            "schema: fedproof/connection/1\ndeployment: staging\ngateway: {{ca: ca, routes: routes.yaml}}\nhomeservers:\n{}{}",
            attached("alpha"),
            attached("bravo")
        );
        std::fs::write(at("attach.yaml"), file).expect("it can be written");
        Self { folder, _up: up, urls, ports }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn user(&self, on: &str, name: &str) -> Client {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let server = ServerName::new(format!("{on}.staging.test"));
        let endpoint = Endpoint::new(http, &self.urls[on], server, Transcript::default());
        endpoint.register(name).await.expect("anybody may register")
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

fn write_routes(folder: &Path, urls: &BTreeMap<String, String>, ports: [u16; 2]) {
    let route = |(name, port): (&String, u16)| {
        format!("  {name}.staging.test: {{base_url: '{}', proxy_port: {port}}}\n", urls[name])
    };
    let routes: String = urls.keys().zip(ports).map(route).collect();
    std::fs::write(folder.join("routes.yaml"), format!("servers:\n{routes}")).expect("it can be written");
}

/// The service, ready.
fn gateway(folder: &Path) -> Service {
    let mut command = command(&["gateway", "--routes", "routes.yaml", "--ca", "ca", "--format", "json"]);
    let mut child = command.current_dir(folder).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    assert!(line.contains("\"ready\":true"), "{line}");
    Service(child)
}

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

    directly(&staging);
    // Nobody could purge those rooms, and the comparison sees it.
    let mut more = 0;
    for (administrator, (before, _)) in administrators.iter().zip(&before) {
        more += held(administrator).await.0.rooms.len() - before.rooms.len();
    }
    assert!(more > 0, "rooms are left");
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
    let (_, record, stderr) = support::run(&args, &staging.at("direct"));
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
