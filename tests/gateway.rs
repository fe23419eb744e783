//! `fedproof gateway` as a service: real TLS through it, an authority that stays, and ends that are clean.

mod support;

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject},
};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};
use support::{command, ended};

/// A homeserver's listener that says `word` to everybody.
fn homeserver(word: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = BufReader::new(stream.try_clone().expect("a stream"));
            let mut line = String::new();
            while head.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{word}", word.len());
            let _gone = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// Starts the service in `folder` and waits for its ready line.
fn start(folder: &Path, arguments: &[&str]) -> (Child, Value) {
    let mut command = command(&["gateway", "--routes", "routes.yaml", "--format", "json"]);
    let mut child = command.args(arguments).current_dir(folder).stdout(Stdio::piped()).spawn().expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    (child, serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")))
}

/// Sends `signal` and gives the exit code.
fn end(mut child: Child, signal: &str) -> Option<i32> {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status().expect("kill");
    assert!(sent.success());
    child.wait().expect("it ends").code()
}

/// What `GET /` at `name` answers through the proxy of `caller`, trusting `certificate` alone.
fn ask(ready: &Value, caller: &str, certificate: &Path, name: &str) -> Result<String, String> {
    let servers = ready["servers"].as_array().expect("servers");
    let proxy = servers.iter().find(|server| server["server_name"] == caller).expect("the caller has a proxy");
    let proxy = proxy["proxy"].as_str().and_then(|url| url.strip_prefix("http://")).expect("a URL");
    let mut stream = TcpStream::connect(proxy).expect("the proxy listens");
    stream.write_all(format!("CONNECT {name}:8448 HTTP/1.1\r\n\r\n").as_bytes()).expect("it is sent");
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).map_err(|error| error.to_string())?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head);
    if !head.contains(" 200 ") {
        return Err(head.lines().next().unwrap_or_default().to_owned());
    }
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).expect("a certificate")).expect("an authority");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let name = name.to_owned();
    let connection = ClientConnection::new(Arc::new(config), name.clone().try_into().expect("a name")).expect("TLS");
    let mut stream = StreamOwned::new(connection, stream);
    let request = format!("GET /_matrix/federation/v1/version HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
    let mut answer = Vec::new();
    // The gateway may end the connection without a goodbye of TLS.
    let _end = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    Ok(answer.split("\r\n\r\n").nth(1).unwrap_or(&answer).to_owned())
}

#[test]
fn servers_reach_each_other_and_nobody_else_and_trust_outlives_the_service() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (alpha, bravo) = (homeserver("I am alpha"), homeserver("I am bravo"));
    let routes = format!(
        "servers:\n  alpha.example: {{base_url: 'http://localhost:{}'}}\n  bravo.example: {{base_url: 'http://{bravo}'}}\n",
        alpha.port()
    );
    std::fs::write(at("routes.yaml"), routes).expect("it can be written");
    let arguments = ["--ca", "ca", "--certificate", "trusted.pem", "--transcript", "exchanges.jsonl"];
    let (child, ready) = start(folder.path(), &arguments);
    assert_eq!(ready["ca"]["certificate"], "trusted.pem");
    let trusted = at("trusted.pem");
    assert_eq!(ask(&ready, "alpha.example", &trusted, "bravo.example").as_deref(), Ok("I am bravo"));
    // A route may name its host: it is looked up.
    assert_eq!(ask(&ready, "bravo.example", &trusted, "Alpha.example").as_deref(), Ok("I am alpha"));
    let refused = ask(&ready, "alpha.example", &trusted, "charlie.example").expect_err("nobody is called charlie");
    assert!(refused.contains("403"), "{refused}");
    assert_eq!(end(child, "TERM"), Some(0));

    let text = std::fs::read_to_string(at("exchanges.jsonl")).expect("a transcript");
    let exchanges: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let seen: Vec<_> = exchanges.iter().map(|one| (&one["id"], &one["caller"], &one["outcome"]["kind"])).collect();
    let expected =
        [(0, "alpha.example", "answered"), (1, "bravo.example", "answered"), (2, "alpha.example", "unknown_name")];
    assert_eq!(seen.len(), expected.len(), "{text}");
    for (seen, (id, caller, kind)) in seen.into_iter().zip(expected) {
        assert!(*seen.0 == id && *seen.1 == caller && *seen.2 == kind, "{seen:?}");
    }

    // Started again: the same authority, and what was trusted before is trusted still.
    std::fs::copy(&trusted, at("kept.pem")).expect("a copy");
    let (child, again) = start(folder.path(), &arguments);
    assert_eq!(again["ca"]["sha256"], ready["ca"]["sha256"]);
    assert_eq!(ask(&again, "alpha.example", &at("kept.pem"), "bravo.example").as_deref(), Ok("I am bravo"));
    assert_eq!(end(child, "INT"), Some(0));
    // Another folder, another authority, whom nobody trusts yet.
    let (child, other) = start(folder.path(), &["--ca", "other"]);
    assert_ne!(other["ca"]["sha256"], ready["ca"]["sha256"]);
    ask(&other, "alpha.example", &trusted, "bravo.example").expect_err("it is not trusted");
    assert_eq!(end(child, "TERM"), Some(0));
}

#[test]
fn what_cannot_be_is_told_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("routes.yaml");
    let gateway = |routes: &str| {
        std::fs::write(&file, routes).expect("it can be written");
        ended(command(&["gateway", "--routes", "routes.yaml"]).current_dir(folder.path()))
    };
    let (code, _, stderr) = gateway("servers:\n  alpha.example:\n    base_url: ftp://x\n");
    assert!(code == 2 && stderr.contains("routes.yaml:3:"), "{code} {stderr}");
    let (code, _, stderr) = gateway("servers:\n  alpha.example: {base_url: 'http://x:1', port: 1}\n");
    assert!(code == 2 && stderr.contains("routes.yaml:2:"), "{code} {stderr}");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let (code, _, stderr) =
        gateway(&format!("servers: {{alpha.example: {{base_url: 'http://x:1', proxy_port: {port}}}}}\n"));
    assert!(code == 3 && stderr.contains(&format!("127.0.0.1:{port}")) && stderr.contains("alpha.example"), "{stderr}");
    let (code, _, stderr) = ended(command(&["gateway", "--routes", "nowhere.yaml"]).current_dir(folder.path()));
    assert!(code == 2 && stderr.contains("nowhere.yaml"), "{code} {stderr}");
}
