//! Somebody's homeservers, behind a gateway of their own.

use crate::support::command;
use fedproof_client::{Client, Endpoint};
use fedproof_core::{ServerName, transcript::Transcript};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    time::Duration,
};

pub(crate) const SECRET: &str = "a-shared-secret-of-the-operator";

/// Limits as Synapse comes, which homeservers of fedproof's own are free of.
const LIMITS: &str = "  rc_message: {per_second: 0.2, burst_count: 10}
  rc_joins: {local: {per_second: 0.1, burst_count: 10}, remote: {per_second: 0.01, burst_count: 10}}
  rc_joins_per_room: {per_second: 1, burst_count: 10}
  rc_invites: {per_room: {per_second: 0.3, burst_count: 10}, per_user: {per_second: 0.003, burst_count: 5}, per_issuer: {per_second: 0.3, burst_count: 10}}
  rc_room_creation: {per_second: 0.016, burst_count: 10}
  rc_federation: {window_size: 1000, sleep_limit: 10, sleep_delay: 500, reject_limit: 50, concurrent: 3}
";

/// A process of fedproof that is asked to end however the test ends.
pub(crate) struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.0.id() as i32), Signal::SIGTERM);
        let _ = self.0.wait();
    }
}

/// Homeservers of their own, whose proxy is `fedproof gateway`.
pub(crate) struct Staging {
    pub(crate) folder: tempfile::TempDir,
    _up: Service,
    pub(crate) urls: BTreeMap<String, String>,
    pub(crate) ports: [u16; 2],
}

impl Staging {
    pub(crate) fn start() -> Self {
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
        let staging = Self { folder, _up: up, urls, ports };
        staging.connect("attach.yaml", "", ["secret"; 2]);
        staging
    }

    /// Writes a connection file, with more at its top level, and the files that the shared secrets are in.
    pub(crate) fn connect(&self, file: &str, more: &str, secrets: [&str; 2]) {
        let attached = |(name, secret): (&String, &str)| {
            format!(
                "  - name: {name}\n    server_name: {name}.staging.test\n    base_url: {}\n    \
                 accounts: {{shared_secret: {{file: {secret}}}}}\n",
                self.urls[name]
            )
        };
        let homeservers: String = self.urls.keys().zip(secrets).map(attached).collect();
        let text = format!(
            "schema: fedproof/connection/1\ndeployment: staging\ngateway: {{ca: ca, routes: routes.yaml}}\n\
             {more}homeservers:\n{homeservers}"
        );
        std::fs::write(self.at(file), text).expect("it can be written");
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) async fn user(&self, on: &str, name: &str) -> Client {
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let server = ServerName::new(format!("{on}.staging.test"));
        let endpoint = Endpoint::new(http, &self.urls[on], server, Transcript::default());
        endpoint.register(name).await.expect("anybody may register")
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").port()
}

pub(crate) fn write_routes(folder: &Path, urls: &BTreeMap<String, String>, ports: [u16; 2]) {
    let route = |(name, port): (&String, u16)| {
        format!("  {name}.staging.test: {{base_url: '{}', proxy_port: {port}}}\n", urls[name])
    };
    let routes: String = urls.keys().zip(ports).map(route).collect();
    std::fs::write(folder.join("routes.yaml"), format!("servers:\n{routes}")).expect("it can be written");
}

/// The service, ready.
pub(crate) fn gateway(folder: &Path) -> Service {
    let mut command = command(&["gateway", "--routes", "routes.yaml", "--ca", "ca", "--format", "json"]);
    let mut child = command.current_dir(folder).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    assert!(line.contains("\"ready\":true"), "{line}");
    Service(child)
}
