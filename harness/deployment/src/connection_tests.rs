//! Connection files: what is read, and what is refused.

use super::*;
use std::os::unix::fs::PermissionsExt;

fn connection() -> Connection {
    let alpha = Connected {
        name: "alpha".into(),
        server_name: ServerName::new("alpha.fedproof.test"),
        base_url: "http://127.0.0.1:8008".into(),
        accounts: Accounts::Open,
        administrator: None,
        spec: "synapse@1.163.2".into(),
        implementation: "synapse".into(),
        version: "1.163.2".into(),
        digest: "00".into(),
        database: "SQLite".into(),
        metrics: None,
        process: Located::here(std::process::id()),
    };
    Connection::new("one".into(), "default", vec![alpha])
}

#[test]
fn only_its_owner_reads_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("connection.json");
    std::fs::write(&path, "an older one").unwrap();
    connection().write(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Connection::read(&path).unwrap(), connection());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn what_is_no_connection_is_refused() {
    let changed = |change: fn(&mut Connection)| {
        let mut connection = connection();
        change(&mut connection);
        Connection::parse(&serde_json::to_string(&connection).unwrap()).unwrap_err()
    };
    assert!(changed(|one| one.schema = "fedproof/connection/9".into()).contains("fedproof/connection/9"));
    assert!(changed(|one| one.homeservers.clear()).contains("no homeservers"));
    for url in ["ftp://example.org", "http://example.org/", "https://", "example.org"] {
        let mut connection = connection();
        connection.homeservers[0].base_url = url.into();
        let problem = Connection::parse(&serde_json::to_string(&connection).unwrap()).unwrap_err();
        assert!(problem.contains("base_url of alpha"), "{problem}");
    }
}

#[test]
fn a_process_is_known_on_its_own_machine_only() {
    let own = Located::here(std::process::id()).unwrap();
    assert!(own.is_here() && own.usage().rss_bytes > 0);
    let elsewhere = [
        Located { boot_id: "other".into(), ..own.clone() },
        Located { pid_namespace: "pid:[1]".into(), ..own.clone() },
        Located { start_time: own.start_time + 1, ..own },
    ];
    assert!(elsewhere.iter().all(|one| !one.is_here()));
}

#[test]
fn people_write_no_more_than_they_must() {
    let text = "schema: fedproof/connection/1\ndeployment: staging\ngateway: {ca: ca, routes: routes.yaml}\nhomeservers:\n\
        - name: alpha\n  server_name: alpha.example\n  base_url: https://alpha.example\n  accounts: {shared_secret: {file: secret}}\n";
    let connection = Connection::parse(text).unwrap();
    assert_eq!(
        connection.homeservers[0].accounts,
        Accounts::SharedSecret(Secret { env: None, file: Some("secret".into()) })
    );
    assert_eq!(connection.gateway.as_ref().unwrap().bind, crate::LOOPBACK);
    assert_eq!(connection.description().homeservers["alpha"].server_name, "alpha.example");
    // A secret that stands there itself is not shown.
    let careless = text.replace("{file: secret}", "hunter2");
    let problem = Connection::parse(&careless).unwrap_err();
    assert!(problem.contains("line 8") && !problem.contains("hunter2"), "{problem}");
    let twice = text.to_owned() + "- {name: bravo, server_name: alpha.example, base_url: 'http://b:1'}\n";
    assert!(Connection::parse(&twice).unwrap_err().contains("bravo, alpha.example"));
}
