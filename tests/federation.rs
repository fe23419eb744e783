//! The federation of docker-compose.yml, as far as it can be looked at without an engine: what `prepare` makes, and that files
//! agree with each other. `.ci/containers` has Compose read it.

mod support;

use fedproof_deployment::{Accounts, Connection, Routes};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/compose")
}

fn yaml(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("it can be read");
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn services() -> BTreeMap<String, Value> {
    let file = yaml(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docker-compose.yml"));
    serde_json::from_value(file["services"].clone()).expect("services")
}

/// Runs `prepare` over volumes in `folder`.
fn prepare(folder: &Path, profiles: &str) {
    let mut command = Command::new("python3");
    command.arg(fixtures().join("prepare.py")).env("VOLUMES", folder).env("COMPOSE_PROFILES", profiles);
    let (code, _, stderr) = support::ended(&mut command);
    assert_eq!(code, 0, "{stderr}");
}

/// All files below `folder` with their modes and texts.
fn files(folder: &Path) -> BTreeMap<PathBuf, (u32, String)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)),
            path => {
                let mode = std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
                let text = std::fs::read_to_string(&path).expect("text");
                found.insert(path, (mode, text));
            }
        }
    }
    found
}

#[test]
fn every_volume_is_filled_and_secrets_are_made_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let volumes: BTreeSet<String> = services()["prepare"]["volumes"]
        .as_array()
        .expect("volumes")
        .iter()
        .filter_map(|volume| volume.as_str()?.split_once(":/volumes/").map(|(_, place)| place.to_owned()))
        .collect();
    volumes.iter().for_each(|name| std::fs::create_dir(folder.path().join(name)).expect("a volume"));
    prepare(folder.path(), "");
    let first = files(folder.path());
    for name in &volumes {
        let is_empty = std::fs::read_dir(folder.path().join(name)).expect("a volume").next().is_none();
        assert!(!is_empty, "{name} would be given to whoever the image says");
    }
    for (path, (mode, text)) in &first {
        assert_eq!(mode & 0o077, 0, "{} is not for others", path.display());
        assert!(!text.contains("@NAME@") && !text.contains("@PROXY@"), "{}", path.display());
    }
    let secret = |path: &&PathBuf| path.components().any(|part| part.as_os_str() == "secrets");
    let texts: Vec<&String> = first.iter().filter(|(path, _)| secret(path)).map(|(_, (_, text))| text).collect();
    assert_eq!(texts.len(), 3 * 6 + 1, "six secrets of each homeserver, and that of Redis");
    assert_eq!(texts.iter().collect::<BTreeSet<_>>().len(), texts.len(), "no two are the same");

    // With workers, alpha's configuration is another; no secret is.
    prepare(folder.path(), "observation,workers");
    let second = files(folder.path());
    let changed: Vec<_> = first.keys().filter(|path| first[*path] != second[*path]).collect();
    assert_eq!(changed, [&folder.path().join("alpha/workers.yaml")]);
    assert!(yaml(changed[0])["redis"]["enabled"] == true && first.len() == second.len());
}

#[test]
fn routes_lead_to_services_that_are_configured_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let services = services();
    for volume in services["prepare"]["volumes"].as_array().expect("volumes") {
        let place = volume.as_str().and_then(|volume| volume.split_once(":/volumes/")).expect("a volume").1;
        std::fs::create_dir(folder.path().join(place)).expect("a volume");
    }
    prepare(folder.path(), "");
    let routes = Routes::read(&fixtures().join("routes.yaml")).expect("routes");
    assert_eq!(routes.servers.len(), 3);
    for (name, route) in &routes.servers {
        let (service, _) = route.base_url.authority().split_once(':').expect("a host and a port");
        let written = yaml(&folder.path().join(service).join("homeserver.yaml"));
        assert_eq!(written["server_name"], name.server().as_str());
        assert_eq!(written["https_proxy"], format!("http://gateway:{}", route.proxy_port));
        let listens =
            |port: u64| written["listeners"].as_array().expect("listeners").iter().any(|one| one["port"] == port);
        assert!(listens(8008) && route.base_url.authority().ends_with(":8008"));
        assert!(services[service]["ports"][0].as_str().is_some_and(|port| port.ends_with(":8008")));
    }
    // The suite's connection file says the same, and its secrets are those of the homeservers.
    let connection = Connection::read(&folder.path().join("suite/connection.yaml")).expect("a connection file");
    assert_eq!(connection.homeservers.len(), routes.servers.len());
    for one in &connection.homeservers {
        let route = routes.servers.iter().find(|(name, _)| name.server() == one.server_name).expect("a route").1;
        assert_eq!(one.base_url, format!("http://{}", route.base_url.authority()));
        let Accounts::SharedSecret(secret) = &one.accounts else { panic!("{}", one.name) };
        let file = secret.file.as_ref().expect("a file");
        let read = |path: PathBuf| std::fs::read_to_string(path).expect("a secret");
        let own = read(folder.path().join(&one.name).join("secrets/registration"));
        assert_eq!((read(folder.path().join("suite").join(file)), own.len()), (own, 64));
    }
    for (name, service) in &services {
        for port in service["ports"].as_array().into_iter().flatten() {
            assert!(port.as_str().is_some_and(|port| port.starts_with("127.0.0.1:")), "{name}: {port}");
        }
        assert_eq!((&service["user"], &service["read_only"]), (&"70000:70000".into(), &true.into()), "{name}");
    }
}

#[test]
fn the_dashboard_asks_the_provisioned_source() {
    let grafana = fixtures().join("grafana");
    let source = &yaml(&grafana.join("datasource.yaml"))["datasources"][0];
    assert_eq!((source["url"].as_str(), services().contains_key("prometheus")), (Some("http://prometheus:9090"), true));
    // What they ask for is held against what is there by the dashboard's own tests (runs.json), and by hand (synapse.json).
    for board in ["synapse.json", "runs.json"] {
        let board = yaml(&grafana.join(board));
        let panels = board["panels"].as_array().expect("panels");
        assert!(panels.len() > 5);
        for panel in panels {
            assert_eq!(panel["datasource"]["uid"], source["uid"], "{}", panel["title"]);
            let asks = panel["targets"].as_array().expect("targets");
            assert!(!asks.is_empty() && asks.iter().all(|ask| ask["expr"].is_string() && ask["refId"].is_string()));
        }
    }
    let places = &yaml(&grafana.join("dashboards.yaml"))["providers"][0]["options"]["path"];
    assert_eq!(places, "/var/lib/grafana/dashboards");
}

#[test]
fn prometheus_asks_the_dashboard_with_its_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let services = services();
    for volume in services["prepare"]["volumes"].as_array().expect("volumes") {
        let place = volume.as_str().and_then(|volume| volume.split_once(":/volumes/")).expect("a volume").1;
        std::fs::create_dir(folder.path().join(place)).expect("a volume");
    }
    prepare(folder.path(), "observation");
    let jobs = yaml(&folder.path().join("prometheus/prometheus.yaml"))["scrape_configs"].clone();
    let job = jobs.as_array().and_then(|jobs| jobs.iter().find(|job| job["job_name"] == "fedproof")).expect("a job");
    let (service, port) =
        job["static_configs"][0]["targets"][0].as_str().and_then(|target| target.split_once(':')).expect("a target");
    let mounted = |service: &str, path: &str| {
        let volumes = services[service]["volumes"].as_array().into_iter().flatten();
        let mounts = volumes.filter_map(|volume| volume.as_str()?.split_once(':'));
        let (volume, rest) =
            mounts.filter_map(|(volume, at)| Some((volume, path.strip_prefix(at)?))).next().expect("mounted");
        folder.path().join(volume).join(rest.trim_start_matches('/'))
    };
    let option = |name: &str| {
        let command = services[service]["command"].as_array().into_iter().flatten().filter_map(|part| part.as_str());
        command.filter_map(|part| part.strip_prefix(name)?.strip_prefix('=')).next().expect("an option").to_owned()
    };
    assert_eq!(option("--bind"), format!("0.0.0.0:{port}"));
    let given = job["authorization"]["credentials_file"].as_str().expect("a file");
    let read = |path: PathBuf| std::fs::read_to_string(path).expect("a file");
    let token = read(mounted(service, &option("--token-file")));
    assert_eq!((read(mounted("prometheus", given)), token.len()), (token.clone(), 48));
    assert!(mounted(service, &option("--history")).is_file());
}
