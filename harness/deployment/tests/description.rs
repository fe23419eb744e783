//! Descriptions and specifications: what is accepted, and what the errors say.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_deployment::{Description, Kind, Spec};

#[test]
fn specifications() {
    for text in ["synapse@1.163.2", "synapse@path:/some/where", "synapse@image:some/where:1.2", "my-server@2.0.0-rc1"] {
        assert_eq!(text.parse::<Spec>().unwrap().to_string(), text);
    }
    for (text, said) in [
        ("synapse", "synapse@1.163.2"),
        ("synapse@", "a version"),
        ("@1.0", "implementation"),
        ("../x@1.0", "implementation"),
        ("synapse@../1.0", "a version"),
        ("synapse@path:", "a folder"),
        ("synapse@image:", "after image:"),
        ("url:https://example.org", "later issue"),
    ] {
        let error = text.parse::<Spec>().unwrap_err();
        assert!(error.to_string().contains(said), "{text}: {error}");
        assert_eq!(error.kind(), Kind::BadInput);
    }
}

/// What reading `yaml` as a description fails with.
fn error(yaml: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("odd.yaml");
    std::fs::write(&file, yaml).unwrap();
    let error = Description::read(&file).unwrap_err();
    assert_eq!(error.kind(), Kind::BadInput, "{error}");
    error.to_string().replace(&folder.path().display().to_string(), "")
}

#[test]
fn errors_of_descriptions_say_where_and_what() {
    let with = |homeserver: &str| error(&format!("about: x\nhomeservers:\n  alpha: {homeserver}\n"));
    assert!(error("about: x\nhomeservers: {}\n").contains("odd: it has no homeservers"));
    let unknown = error("about: x\nhomeserver: {}\n");
    assert!(unknown.starts_with("read /odd.yaml:2:1: ") && unknown.contains("homeserver"), "{unknown}");
    assert!(error("about: [\n").starts_with("read /odd.yaml:"));
    assert!(with("{spec: synapse@1.163.2}").contains("server_name"));
    assert!(with("{spec: synapse, server_name: a.test}").contains("\"synapse\""));
    assert!(with("{spec: synapse@1.0, server_name: 'a.test:8448'}").contains("no host name"));
    assert!(with("{spec: synapse@1.0, server_name: 10.0.0.1}").contains("no host name"));
    assert!(with("{spec: synapse@1.0, server_name: a.test, settings: [x]}").contains("settings: of alpha is no map"));
    let twice = "{spec: synapse@1.0, server_name: a.test}\n  bravo: {spec: synapse@1.0, server_name: A.test}";
    assert!(with(twice).contains("bravo and alpha are both called"));
    let missing = Description::read(std::path::Path::new("/nowhere/x.yaml")).unwrap_err();
    assert!(missing.to_string().starts_with("read /nowhere/x.yaml: "), "{missing}");
}

#[test]
fn builds_are_replaced_by_name() {
    let default = || Description::read(&support::fixtures().join("deployments/default.yaml")).unwrap();
    assert_eq!(default().name, "default");
    let pair = |name: &str, spec: &str| [(name.to_owned(), spec.to_owned())];
    let other = default().with_specs(&pair("bravo", "synapse@1.143.0")).unwrap();
    assert_eq!(other.homeservers["alpha"].spec, "synapse@1.163.2");
    assert_eq!(other.homeservers["bravo"].spec, "synapse@1.143.0");
    let unknown = default().with_specs(&pair("charlie", "synapse@1.143.0")).unwrap_err();
    assert_eq!(unknown.to_string(), "replace homeserver charlie: the deployment has alpha, bravo");
    assert!(default().with_specs(&pair("alpha", "1.143.0")).is_err());
}

#[tokio::test]
async fn a_start_refuses_what_no_adapter_knows() {
    let bed = support::bed();
    let error = support::start(&bed, &[("a", "conduit@1.0")]).await.err().unwrap();
    assert_eq!(error.to_string(), "find the homeserver implementation conduit: there is synapse");
    let error = support::start(&bed, &[("a", "synapse@1.0.0")]).await.err().unwrap();
    assert!(error.kind() == Kind::BadInput && error.to_string().contains("1.143.0, 1.152.1, 1.163.2"), "{error}");
}
