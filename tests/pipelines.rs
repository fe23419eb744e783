//! The ready pipelines, played: their own shell, the real gate, the real history. Only `fedproof run` is a stand-in, which lays
//! down a run made by hand after the real command took its arguments.

mod support;

use fedproof_results::{
    Level::Must,
    Verdict::{Fail, Pass},
};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};
use support::{canned::store_at, ended};

const CASE: &str = "acl/endpoint/backfill/v12";

/// `--help` behind them: what is no argument is refused, nothing is run. What is under test is started by a run: it must not find the history.
const FEDPROOF: &str = r#"#!/bin/sh
set -e
[ "$1" = run ] || exec "$REAL" "$@"
[ -z "${FEDPROOF_HISTORY+set}" ] || { echo "what is judged can write the history" >&2; exit 9; }
"$REAL" "$@" --help >/dev/null
while [ "$1" != --out ]; do shift; done
mkdir -p "$(dirname "$2")"
cp -R "$PLAYED" "$2"
exit "$PLAYED_CODE"
"#;

fn file(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pipelines").join(name);
    serde_saphyr::from_str(&fs::read_to_string(path).expect("it is there")).expect("YAML")
}

/// A checkout on a runner, with a history that knows a good run of `main`.
struct Runner {
    folder: tempfile::TempDir,
    /// What `fedproof run` gives: a folder, and its exit code.
    played: (&'static str, &'static str),
}

impl Runner {
    fn new(played: (&'static str, &'static str)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let runner = Self { folder, played };
        for (name, text) in [("fedproof", FEDPROOF), ("gh", "#!/bin/sh\necho \"$*\" >gh.txt\n")] {
            let program = runner.path("bin").join(name);
            fs::create_dir_all(runner.path("bin")).expect("made");
            fs::write(&program, text).expect("written");
            fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("set");
        }
        fs::create_dir(runner.path("checkout")).expect("made");
        for (minute, (name, verdict)) in [(1, ("base", Pass)), (2, ("good", Pass)), (3, ("worse", Fail))] {
            store_at(&runner.path(name), minute, &[(CASE, Must, verdict)], &[], 200, true);
        }
        let import = "fedproof history import ../base --branch main --build c1";
        let imported = runner.shell(import, &[runner.told_the_history()]);
        assert_eq!(imported.0, 0, "{}", imported.1);
        runner
    }

    /// The variable that only some jobs have.
    fn told_the_history(&self) -> (String, String) {
        ("FEDPROOF_HISTORY".to_owned(), self.path("history.db").display().to_string())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script as runners do: it ends where a command fails. Exit code, and all that it said.
    fn shell(&self, script: &str, variables: &[(String, String)]) -> (i32, String) {
        let path = std::env::var("PATH").unwrap_or_default();
        let (code, stdout, stderr) = ended(
            Command::new("sh")
                .args(["-e", "-c", script])
                .current_dir(self.path("checkout"))
                .env("PATH", format!("{}:{path}", self.path("bin").display()))
                .env("REAL", env!("CARGO_BIN_EXE_fedproof"))
                .env("FEDPROOF_ROOT", env!("CARGO_MANIFEST_DIR"))
                .env_remove("FEDPROOF_HISTORY")
                .env("PLAYED", self.path(self.played.0))
                .env("PLAYED_CODE", self.played.1)
                .envs(variables.iter().cloned()),
        );
        (code, stdout + &stderr)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path("checkout").join(name)).unwrap_or_default()
    }

    /// `branch build` of every run of the history, latest first.
    fn history(&self) -> Vec<String> {
        let (code, listed) = self.shell("fedproof history list --format json", &[self.told_the_history()]);
        let runs: Value = serde_json::from_str(&listed).expect("JSON");
        assert_eq!(code, 0, "{listed}");
        let runs = runs.as_array().or(runs["runs"].as_array()).expect("a list");
        runs.iter().map(|run| format!("{} {}", run["branch"], run["build"]).replace('"', "")).collect()
    }

    /// A job of GitLab's: its script in one shell, with the variables of the file as GitLab expands them, and the one that the head
    /// of the file wants scoped to the environment `history`.
    fn gitlab(&self, job: &str, more: &[(&str, &str)]) -> (i32, String) {
        let file = file("gitlab-ci.yml");
        let given = [("CI_COMMIT_SHORT_SHA", "c2"), ("CI_COMMIT_REF_NAME", "rebase"), ("CI_DEFAULT_BRANCH", "main")];
        let mut script: Vec<String> = given.iter().map(|(name, value)| format!("export {name}='{value}'")).collect();
        for (name, value) in file["variables"].as_object().expect("variables") {
            script.push(format!("export {name}=\"{}\"", value.as_str().expect("text")));
        }
        script.extend(more.iter().map(|(name, value)| format!("export {name}='{value}'")));
        let lines = file[job]["script"].as_array().expect("a script").iter();
        script.extend(lines.map(|line| line.as_str().expect("text").to_owned()));
        let is_told = file[job]["environment"]["name"] == "history";
        let told: Vec<_> = is_told.then(|| self.told_the_history()).into_iter().collect();
        self.shell(&script.join("\n"), &told)
    }

    /// Jobs of GitHub's in their order, each on a runner that knows nothing of the other.
    fn github(&self) -> i32 {
        let jobs = &file("github-workflow.yml")["jobs"];
        assert_eq!((&jobs["judge"]["needs"], &jobs["judge"]["if"]), (&"prove".into(), &"always()".into()));
        let mut code = 0;
        for job in ["prove", "judge"] {
            let checkout = self.path("checkout");
            fs::remove_dir_all(&checkout).expect("removed");
            fs::create_dir(&checkout).expect("made");
            code = code.max(self.github_job(&jobs[job]));
        }
        code
    }

    /// Steps of GitHub's, until one fails; those that come always, too.
    fn github_job(&self, job: &Value) -> i32 {
        let history = self.told_the_history().1;
        let filled = |text: &str| {
            let mut parts = text.split("${{ ");
            let mut filled = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                let (name, rest) = part.split_once(" }}").expect("an end");
                filled += match name {
                    "secrets.FEDPROOF_HISTORY" => &history,
                    "github.ref_name" => "rebase",
                    "github.sha" => "c2",
                    "github.event.repository.default_branch" => "main",
                    "github.event.number" => "7",
                    "github.repository" => "element-hq/synapse",
                    "github.token" => "secret",
                    other => panic!("{other} is nothing that GitHub gives"),
                };
                filled += rest;
            }
            filled
        };
        let env = |of: &Value| -> Vec<(String, String)> {
            let pairs = of["env"].as_object().into_iter().flatten();
            pairs.map(|(name, value)| (name.clone(), filled(value.as_str().expect("text")))).collect()
        };
        let mut code = 0;
        for step in job["steps"].as_array().expect("steps") {
            let is_always = step["if"].as_str().is_some_and(|condition| condition.starts_with("always()"));
            if code != 0 && !is_always {
                continue;
            }
            let Some(script) = step["run"].as_str() else {
                self.github_action(step);
                continue;
            };
            let mut variables = env(job);
            variables.extend(env(step));
            variables.push(("GITHUB_STEP_SUMMARY".into(), self.path("checkout/step.md").display().to_string()));
            let (ended, said) = self.shell(&filled(script), &variables);
            code = code.max(ended);
            assert!(ended < 2, "{}: {said}", step["name"]);
        }
        code
    }

    /// What the pipeline takes from GitHub, as far as another step sees it: files that go from job to job.
    fn github_action(&self, step: &Value) {
        let text = |name: &str| step["with"][name].as_str().expect("text");
        let copy = |from: PathBuf, to: PathBuf| {
            let copied = Command::new("cp").arg("-RT").args([from, to]).status().expect("cp");
            assert!(copied.success(), "{step}");
        };
        match step["uses"].as_str().expect("an action") {
            "actions/checkout@v4" => assert_eq!(step["with"]["persist-credentials"], false, "{step}"),
            "actions/upload-artifact@v4" => copy(self.path("checkout").join(text("path")), self.path(text("name"))),
            "actions/download-artifact@v4" => copy(self.path(text("name")), self.path("checkout").join(text("path"))),
            other => panic!("{other} is not known here"),
        }
    }
}

const DEPLOYMENTS: [&str; 3] = ["default", "closed", "encrypted"];

#[test]
fn gitlab_lets_a_good_build_through_and_keeps_it() {
    let runner = Runner::new(("good", "0"));
    let matrix = file("gitlab-ci.yml")["cases"]["parallel"]["matrix"][0]["DEPLOYMENT"].clone();
    assert_eq!(matrix, serde_json::json!(DEPLOYMENTS));
    let (code, said) = runner.gitlab("smoke", &[]);
    assert_eq!(code, 0, "{said}");
    for deployment in DEPLOYMENTS {
        let (code, said) = runner.gitlab("cases", &[("DEPLOYMENT", deployment)]);
        assert_eq!(code, 0, "{said}");
        assert!(runner.path("checkout/results").join(deployment).join("metrics.txt").is_file());
    }
    let (code, said) = runner.gitlab("gate", &[("BASE", "trunk")]);
    assert!(code == 2 && said.contains("trunk"), "a branch without runs is no base: {code} {said}");
    assert_eq!(runner.history(), ["main c1"], "and whoever wants it as one may still import it");
    let (code, said) = runner.gitlab("gate", &[]);
    assert_eq!(code, 0, "{said}");
    assert!(runner.read("comment.md").contains("fedproof"), "{said}");
    assert_eq!(runner.history(), ["rebase c2", "main c1"]);
}

#[test]
fn gitlab_blocks_a_worse_build_and_what_is_not_known() {
    let runner = Runner::new(("worse", "1"));
    let (code, said) = runner.gitlab("gate", &[]);
    assert_eq!(code, 3, "without any results nothing is known: {said}");
    assert!(runner.read("comment.md").contains("## encrypted\n### fedproof: no results"), "{said}");
    assert_eq!(runner.gitlab("cases", &[("DEPLOYMENT", "default")]).0, 1);
    let (code, said) = runner.gitlab("gate", &[]);
    assert_eq!(code, 1, "not qualified comes before not known: {said}");
    assert!(runner.read("comment.md").contains(CASE), "{said}");
    assert_eq!(runner.history(), ["rebase/blocked c2", "main c1"]);
}

#[test]
fn gitlab_runs_the_jobs_in_an_image_whose_command_is_fedproof() {
    // Its runner wants a shell of it.
    for job in ["smoke", "cases", "gate"] {
        let image = &file("gitlab-ci.yml")[job]["image"];
        assert_eq!((&image["name"], &image["entrypoint"][0]), (&"$FEDPROOF_IMAGE".into(), &"".into()), "{job}");
    }
}

#[test]
fn github_judges_comments_and_keeps() {
    for (played, code, history) in
        [(("good", "0"), 0, ["rebase c2", "main c1"]), (("worse", "1"), 1, ["rebase/blocked c2", "main c1"])]
    {
        let runner = Runner::new(played);
        assert_eq!(runner.github(), code, "{played:?}");
        let comment = runner.read("comment.md");
        assert_eq!(comment.contains(CASE), code == 1, "{comment}");
        assert!(runner.read("step.md").starts_with(&comment) && runner.read("step.md").len() > comment.len());
        assert_eq!(runner.read("gh.txt").trim(), "pr comment 7 --edit-last --create-if-none --body-file comment.md");
        assert_eq!(runner.history(), history);
    }
}

#[test]
fn what_is_judged_is_not_told_where_the_history_is() {
    let runner = Runner::new(("good", "0"));
    // If it were, it would be noticed.
    let run = "fedproof run --homeserver alpha=synapse@path:. --out results/x";
    let (code, said) = runner.shell(run, &[runner.told_the_history()]);
    assert!(code == 9 && said.contains("can write the history"), "{code} {said}");
    assert_eq!(runner.shell(run, &[]).0, 0);
    // In GitLab's file it is no variable of its own, and the head says how to scope it.
    let gitlab = file("gitlab-ci.yml");
    assert!(!gitlab.to_string().contains("FEDPROOF_HISTORY"), "{gitlab}");
    for job in ["smoke", "cases"] {
        assert_eq!(gitlab[job]["environment"], Value::Null, "{job}");
    }
    assert_eq!(gitlab["gate"]["environment"], serde_json::json!({"name": "history", "action": "access"}));
    // In GitHub's, one job asks for the secret, and it checks nothing out.
    let mut github = file("github-workflow.yml");
    let judge = github["jobs"].as_object_mut().and_then(|jobs| jobs.remove("judge")).expect("a job");
    assert!(judge["env"]["FEDPROOF_HISTORY"].is_string() && !judge.to_string().contains("actions/checkout"), "{judge}");
    assert!(!github.to_string().contains("secrets."), "{github}");
    assert_eq!(github["permissions"], serde_json::json!({"contents": "read"}));
}

#[test]
fn what_fedproof_does_not_know_is_refused() {
    let runner = Runner::new(("good", "0"));
    let (code, said) = runner.shell("fedproof run --deploymant default --out results/x", &[]);
    assert!(code == 2 && said.contains("--deploymant"), "{code} {said}");
    let (code, said) = runner.shell("fedproof gate results/x --format markup", &[]);
    assert!(code == 2 && said.contains("markup"), "{code} {said}");
}
