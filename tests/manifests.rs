//! What starts shards elsewhere: Kubernetes manifests against the published schemas, and what both they and the Swarm stack
//! have to agree with fedproof on.

mod support;

use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

/// The package carries the schemas of all supported releases; nothing is asked of a cluster, or of anybody else.
const VALIDATOR: &str = "kubernetes-validate==1.37.0";

/// Validates each document of a file against two releases. The package's own command ends with 0 whatever it finds.
const SCRIPT: &str = r#"
import sys, yaml, kubernetes_validate
for document in yaml.safe_load_all(sys.stdin):
    for release in ("1.34", "1.37"):
        kubernetes_validate.validate(document, release, strict=True)
        print(document["kind"], document["metadata"]["name"], release)
"#;

/// A Python with the validator, made once for each build folder.
fn validator() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(VALIDATOR.replace("==", "-"));
    let (python, ready) = (folder.join("bin/python"), folder.join("ready"));
    if !ready.exists() {
        let _half_made = std::fs::remove_dir_all(&folder);
        succeeds(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        succeeds(Command::new(&python).args(["-m", "pip", "install", "--quiet", VALIDATOR]));
        std::fs::write(&ready, "").expect("it can be written");
    }
    python
}

fn succeeds(command: &mut Command) {
    let (code, stdout, stderr) = support::ended(command);
    assert_eq!(code, 0, "{command:?}: {stdout}{stderr}");
}

/// Exit code, what was valid, and what was said of the rest.
fn validate(python: &Path, text: &str) -> (i32, String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("manifest.yaml");
    std::fs::write(&file, text).expect("it can be written");
    let input = std::fs::File::open(&file).expect("it is there");
    support::ended(Command::new(python).args(["-c", SCRIPT]).stdin(input))
}

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn documents(text: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(text).expect("YAML")
}

#[test]
fn kubernetes_manifests_are_what_the_published_schemas_say() {
    let python = validator();
    for (file, valid) in [
        (
            "fixtures/kubernetes/load-job.yaml",
            &["PersistentVolumeClaim fedproof-results", "ServiceAccount fedproof", "Job fedproof-load"][..],
        ),
        ("fixtures/kubernetes/merge-job.yaml", &["Job fedproof-merge"]),
    ] {
        let text = read(file);
        let (code, stdout, stderr) = validate(&python, &text);
        assert_eq!(code, 0, "{file}: {stderr}");
        let expected: Vec<String> =
            valid.iter().flat_map(|one| ["1.34", "1.37"].map(|release| format!("{one} {release}"))).collect();
        assert_eq!(stdout.lines().collect::<Vec<_>>(), expected);
        // Valid must mean something: a misspelt field, and a number where a text must be.
        for (right, wrong) in
            [("completions:", "completion:"), ("restartPolicy:", "restartPolice:"), ("image: ", "image: 1 #")]
        {
            if text.contains(right) {
                assert_ne!(validate(&python, &text.replacen(right, wrong, 1)).0, 0, "{file} with {wrong}");
            }
        }
    }
}

#[test]
fn pods_are_shards_and_have_no_more_rights_than_they_need() {
    let (load, merge) = (read("fixtures/kubernetes/load-job.yaml"), read("fixtures/kubernetes/merge-job.yaml"));
    let jobs: Vec<Value> =
        [documents(&load), documents(&merge)].concat().into_iter().filter(|one| one["kind"] == "Job").collect();
    for job in &jobs {
        let pod = &job["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert!(pod["securityContext"]["runAsUser"].as_u64().is_some_and(|user| user > 65_535));
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(container["securityContext"]["allowPrivilegeEscalation"], false);
        assert!(container["resources"]["requests"]["cpu"].is_string());
        assert!(pod["volumes"].as_array().expect("volumes").iter().any(|one| one["emptyDir"].is_object()));
    }
    let job = &jobs[0]["spec"];
    let container = &job["template"]["spec"]["containers"][0];
    assert_eq!(job["completionMode"], "Indexed");
    let count = job["completions"].as_u64().expect("a number");
    assert_eq!(job["parallelism"].as_u64(), Some(count), "all begin at once");
    let environment = container["env"].as_array().expect("variables");
    let shards = environment.iter().find(|one| one["name"] == "FEDPROOF_SHARDS").expect("it is set");
    assert_eq!(shards["value"].as_str(), Some(&*count.to_string()));
    let merged = jobs[1]["spec"]["template"]["spec"]["containers"][0]["args"].as_array().expect("arguments");
    let folders = merged.iter().filter(|one| one.as_str().is_some_and(|one| one.starts_with("/results/shard-")));
    assert_eq!(folders.count() as u64, count);
    // As the kubelet would start the last one; only the connection file is missing here.
    let last = BTreeMap::from([
        ("JOB_COMPLETION_INDEX", (count - 1).to_string()),
        ("FEDPROOF_SHARDS", count.to_string()),
        ("FEDPROOF_SEED", "7".to_owned()),
        ("FEDPROOF_START_AT", "2000000000".to_owned()),
    ]);
    understood(&container["args"], &last);
}

#[test]
fn swarm_tasks_are_shards() {
    let stack = &documents(&read("fixtures/swarm/load.yaml"))[0];
    let load = &stack["services"]["load"];
    let count = load["deploy"]["replicas"].as_u64().expect("a number");
    assert_eq!(load["environment"]["FEDPROOF_SHARDS"].as_str(), Some(&*count.to_string()));
    assert_eq!(load["environment"]["FEDPROOF_TASK_SLOT"], "{{.Task.Slot}}");
    // A task that came back would be a shard that begins late.
    assert_eq!(load["deploy"]["restart_policy"]["condition"], "none");
    let last = BTreeMap::from([
        ("FEDPROOF_TASK_SLOT", count.to_string()),
        ("FEDPROOF_SHARDS", count.to_string()),
        ("FEDPROOF_START_AT", "2000000000".to_owned()),
    ]);
    let text = load["command"].to_string().replace("${FEDPROOF_SEED:?}", "7").replace("\"600\"", "\"0.1\"");
    understood(&serde_json::from_str(&text).expect("JSON"), &last);
}

/// The command line is understood, up to the connection file that is not there.
fn understood(args: &Value, variables: &BTreeMap<&str, String>) {
    let expand = |text: &str| {
        let expanded =
            variables.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value));
        assert!(!expanded.contains('$'), "{expanded}");
        expanded
    };
    let args: Vec<String> = args.as_array().expect("arguments").iter().filter_map(Value::as_str).map(expand).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (code, stdout, stderr) = support::ended(support::command(&args).envs(variables));
    assert!(code == 2 && stderr.contains("connection.json") && stderr.contains("No such file"), "{stdout}{stderr}");
}
