//! A hard file keeps every rule, a soft one breaks every rule, at the place that is said.

mod support;

use fedproof_hardening::{HardeningError, Kind, read};
use fedproof_results::Verdict;
use std::{collections::BTreeSet, fmt::Write, path::Path};
use support::{broken, folder, judged, rules_of};

const KINDS: [(Kind, &str); 2] = [(Kind::Compose, "compose"), (Kind::Kubernetes, "manifest")];

#[test]
fn a_hard_file_keeps_every_rule_that_applies() {
    for (kind, name) in KINDS {
        let judgements = judged(&folder().join(format!("hard.{name}.yaml")));
        assert_eq!(broken(&judgements), [""; 0], "{name}");
        let held: BTreeSet<_> =
            judgements.iter().filter(|one| one.verdict == Verdict::Pass).map(|one| one.rule).collect();
        let applying: BTreeSet<_> = rules_of(kind).map(|rule| rule.id).collect();
        assert_eq!(held, applying, "{name}");
        // What does not apply says why.
        assert!(judgements.iter().all(|one| one.verdict != Verdict::NotApplicable || !one.reason.is_empty()));
    }
}

#[test]
fn a_soft_file_breaks_every_rule_that_applies() {
    for (kind, name) in KINDS {
        let judgements = judged(&folder().join(format!("soft.{name}.yaml")));
        let applying: BTreeSet<_> = rules_of(kind).map(|rule| rule.id).collect();
        assert_eq!(broken(&judgements).into_iter().collect::<BTreeSet<_>>(), applying, "{name}");

        let mut seen = String::new();
        for (one, finding) in judgements.iter().flat_map(|one| one.findings.iter().map(move |finding| (one, finding))) {
            let file = Path::new(&finding.file).file_name().expect("a file").to_string_lossy();
            let (line, column, subjects) = (finding.line, finding.column, finding.subjects.join(", "));
            let _ = writeln!(seen, "{file}:{line}:{column}: {}: {subjects}: {}", one.rule, finding.seen);
            let shown = finding.diagnostic.render(false);
            assert!(!shown.contains("hunter2") && !finding.seen.contains("hunter2"), "{shown}");
        }
        let golden = folder().join(format!("soft.{name}.txt"));
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&golden, &seen).expect("it can be written");
        }
        assert_eq!(seen, std::fs::read_to_string(&golden).unwrap_or_default(), "BLESS=1 writes {}", golden.display());
    }
}

#[test]
fn a_configuration_is_judged_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("homeserver.yaml");
    std::fs::write(&file, "server_name: a\nlisteners: []\nform_secret: x\n").expect("it can be written");
    let judgements = judged(&file);
    assert_eq!(broken(&judgements), ["hardening/secrets/configuration", "hardening/tls/minimum-version"]);
    let secret = judgements.iter().find(|one| one.rule == "hardening/secrets/configuration").expect("it is judged");
    assert_eq!((secret.findings[0].line, secret.findings[0].column), (3, 14));
    let user = judgements.iter().find(|one| one.rule == "hardening/user/not-root").expect("it is judged");
    assert_eq!((user.verdict, &*user.reason), (Verdict::NotApplicable, "no container is described here"));
}

#[test]
fn what_cannot_be_judged_is_an_error_with_its_place() {
    let folder = tempfile::tempdir().expect("a folder");
    for (text, line, says) in [
        ("services: {a: {image: b}\n", 1, "unclosed bracket"),
        ("a: 1\n", 1, "no compose file"),
        ("services:\n  a:\n    extends: {file: b.yaml}\n", 3, "`extends` is not followed"),
        ("services:\n  a: {image: x}\n  a: {image: y}\n", 3, "duplicate"),
        (
            "services:\n  a: {image: x}\n---\nservices:\n  b: {privileged: true}\n",
            4,
            "a second document is not followed",
        ),
    ] {
        let file = folder.path().join("compose.yaml");
        std::fs::write(&file, text).expect("it can be written");
        match read(&[&file]) {
            Err(HardeningError::Wrong(found)) => {
                assert!(found.line == line && found.title.contains(says), "{text}: {found}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    assert!(matches!(read(&[folder.path().join("none")]), Err(HardeningError::Unreadable { .. })));
}

#[test]
fn what_a_compose_file_names_and_is_not_there_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("compose.yaml");
    let text = "services: {a: {image: b, env_file: [c.env, {path: f.env, required: false}]}}\nconfigs: {d: {file: ./e.yaml}}\n";
    std::fs::write(&file, text).expect("it can be written");
    let unread: Vec<_> = read(&[&file]).expect("it reads").into_iter().flat_map(|input| input.unread).collect();
    assert_eq!(unread, ["c.env", "./e.yaml"]);
}

#[test]
fn what_no_reader_knows_is_told_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("compose.yaml");
    let text = "services:\n  a:\n    image: b\n    x-own: 1\n    runtime: kata\n    security_opt: [writable-cgroups=true, label:user:x]\n\
                configs: {c: {external: true}}\n";
    std::fs::write(&file, text).expect("it can be written");
    let unjudged: Vec<_> = read(&[&file]).expect("it reads").into_iter().flat_map(|input| input.unjudged).collect();
    let told: Vec<_> = unjudged.iter().map(|one| (one.line, one.what.as_str())).collect();
    assert_eq!(
        told,
        [(5, "`runtime` of service `a`"), (6, "`writable-cgroups=true` of service `a`"), (7, "what is in config `c`")]
    );
}

#[test]
fn whatever_has_a_pod_template_is_a_workload() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("manifest.yaml");
    let hard = std::fs::read_to_string(support::folder().join("hard.manifest.yaml")).expect("it is there");
    let pod = "spec: {hostNetwork: true, containers: [{name: a, image: b}]}";
    for text in [
        format!("kind: ReplicationController\nspec: {{template: {{{pod}}}}}"),
        format!("kind: Rollout\nspec: {{template: {{{pod}}}}}"),
        format!("kind: PodTemplate\ntemplate: {{{pod}}}"),
        format!("kind: Service\nspec: {{template: {{{pod}}}}}"),
        format!("kind: DeploymentList\nitems: [{{spec: {{template: {{{pod}}}}}}}]"),
        format!("kind: PodList\nitems: [{{{pod}}}]"),
        format!("kind: JobSet\nspec: {{replicatedJobs: [{{template: {{spec: {{template: {{{pod}}}}}}}}}]}}"),
    ] {
        std::fs::write(&file, format!("{hard}---\napiVersion: a/v1\n{text}\n")).expect("it can be written");
        assert!(broken(&judged(&file)).contains(&"hardening/namespaces-and-mounts/no-host-network"), "{text}");
    }
}

#[test]
fn a_kind_that_no_reader_knows_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("manifest.yaml");
    let text = "apiVersion: v1\nkind: Role\n---\napiVersion: a/v1\nkind: Synapse\nmetadata: {name: b}\n---\nservices: {}\n\
                ---\napiVersion: a/v1\nkind: Ingress\nmetadata: {name: c, annotations: {x.example/server-snippet: d}}\n";
    std::fs::write(&file, text).expect("it can be written");
    let unjudged: Vec<_> = read(&[&file]).expect("it reads").into_iter().flat_map(|input| input.unjudged).collect();
    let told: Vec<_> = unjudged.iter().map(|one| (one.line, one.what.as_str())).collect();
    let snippet = "`x.example/server-snippet` of Ingress/c";
    assert_eq!(told, [(4, "`Synapse/b`"), (8, "a document without `kind`"), (12, snippet)]);
}

#[test]
fn variables_are_what_the_file_beside_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("compose.yaml");
    std::fs::write(&file, "services: {a: {image: \"x:${TAG:-1.2}\"}}\n").expect("it can be written");
    assert!(!broken(&judged(&file)).contains(&"hardening/images/no-latest"));
    std::fs::write(folder.path().join(".env"), "# ours\nexport TAG=\"latest\"\n").expect("it can be written");
    assert!(broken(&judged(&file)).contains(&"hardening/images/no-latest"));
}
