//! A runner of either service, as far as the pipelines see it: a checkout for each job, the files that go from job to job, and
//! who is told where the history is.

use crate::{
    CASE, DEPLOYMENTS, file,
    support::{canned::store_at, ended},
};
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

/// `--help` behind them: what is no argument is refused, nothing is run. What is under test is started by a run: it must not find the history.
const FEDPROOF: &str = r#"#!/bin/sh
set -e
[ "$1" = run ] || exec "$REAL" "$@"
[ -z "${FEDPROOF_HISTORY+set}" ] || { echo "what is judged can write the history" >&2; exit 9; }
"$REAL" "$@" --help >/dev/null
while [ "$1" != --out ]; do shift; done
[ ! -e "$2/events.jsonl" ] || { echo "$2 holds another run already" >&2; exit 2; }
mkdir -p "$(dirname "$2")"
[ ! -d "$PLAYED" ] || cp -RT "$PLAYED" "$2"
exit "$PLAYED_CODE"
"#;

/// A checkout on a runner, with a history that knows a good run of `main`.
pub(crate) struct Runner {
    folder: tempfile::TempDir,
    /// What `fedproof run` gives: a folder (none if it is not there), and its exit code.
    played: (&'static str, &'static str),
}

impl Runner {
    pub(crate) fn new(played: (&'static str, &'static str)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let runner = Self { folder, played };
        for (name, text) in [("fedproof", FEDPROOF), ("gh", "#!/bin/sh\necho \"$*\" >gh.txt\n")] {
            let program = runner.path("bin").join(name);
            fs::create_dir_all(runner.path("bin")).expect("made");
            fs::write(&program, text).expect("written");
            fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("set");
        }
        for folder in ["checkout", "branch"] {
            fs::create_dir(runner.path(folder)).expect("made");
        }
        for (minute, (name, verdict)) in [(1, ("base", Pass)), (2, ("good", Pass)), (3, ("worse", Fail))] {
            store_at(&runner.path(name), minute, &[(CASE, Must, verdict)], &[], 200, true);
        }
        let import = "fedproof history import ../base --branch main --build c1";
        let imported = runner.shell(import, &[runner.told_the_history()]);
        assert_eq!(imported.0, 0, "{}", imported.1);
        runner
    }

    /// Has the branch bring along results of a good run, as if they were of this one.
    pub(crate) fn with_results_in_the_branch(self) -> Self {
        for deployment in DEPLOYMENTS {
            copy(&self.path("good"), &self.path("branch/results").join(deployment));
        }
        self
    }

    /// An empty folder for the next job, and in it what the branch holds if the job checks it out.
    fn fresh(&self, is_checked_out: bool) {
        let checkout = self.path("checkout");
        fs::remove_dir_all(&checkout).expect("removed");
        fs::create_dir(&checkout).expect("made");
        if is_checked_out {
            copy(&self.path("branch"), &checkout);
        }
    }

    /// The variable that only some jobs have.
    pub(crate) fn told_the_history(&self) -> (String, String) {
        ("FEDPROOF_HISTORY".to_owned(), self.path("history.db").display().to_string())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script as runners do: it ends where a command fails. Exit code, and all that it said.
    pub(crate) fn shell(&self, script: &str, variables: &[(String, String)]) -> (i32, String) {
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

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path("checkout").join(name)).unwrap_or_default()
    }

    /// `branch build` of every run of the history, latest first.
    pub(crate) fn history(&self) -> Vec<String> {
        let (code, listed) = self.shell("fedproof history list --format json", &[self.told_the_history()]);
        let runs: Value = serde_json::from_str(&listed).expect("JSON");
        assert_eq!(code, 0, "{listed}");
        let runs = runs.as_array().or(runs["runs"].as_array()).expect("a list");
        runs.iter().map(|run| format!("{} {}", run["branch"], run["build"]).replace('"', "")).collect()
    }

    /// A job of GitLab's, in a checkout of its own, with the files of the stages before it: its script in one shell, with the variables of the file as GitLab expands them, and the one that the head
    /// of the file wants scoped to the environment `history`.
    pub(crate) fn gitlab(&self, job: &str, more: &[(&str, &str)]) -> (i32, String) {
        let file = file("gitlab-ci.yml");
        self.fresh(file[job]["variables"]["GIT_STRATEGY"] != "empty");
        let artifacts = self.path("artifacts");
        if file[job]["stage"] == "judge" {
            copy(&artifacts, &self.path("checkout"));
        }
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
        let ended = self.shell(&script.join("\n"), &told);
        copy(&self.path("checkout/results"), &artifacts.join("results"));
        ended
    }

    /// Jobs of GitLab's that play and judge, until one fails that may not.
    pub(crate) fn gitlab_pipeline(&self) -> i32 {
        let may = file("gitlab-ci.yml")["cases"]["allow_failure"].clone();
        let is_let_pass = |code| may == true || may["exit_codes"].as_array().is_some_and(|all| all.contains(&code));
        for deployment in DEPLOYMENTS {
            let (code, _) = self.gitlab("cases", &[("DEPLOYMENT", deployment)]);
            if code != 0 && !is_let_pass(code.into()) {
                return code;
            }
        }
        self.gitlab("gate", &[]).0
    }

    /// Jobs of GitHub's in their order, each on a runner that knows nothing of the other.
    pub(crate) fn github(&self) -> i32 {
        let jobs = &file("github-workflow.yml")["jobs"];
        assert_eq!((&jobs["judge"]["needs"], &jobs["judge"]["if"]), (&"prove".into(), &"always()".into()));
        let mut code = 0;
        for job in ["prove", "judge"] {
            self.fresh(false);
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
                code = code.max(i32::from(!self.github_action(step)));
                continue;
            };
            let mut variables = env(job);
            variables.extend(env(step));
            variables.push(("GITHUB_STEP_SUMMARY".into(), self.path("checkout/step.md").display().to_string()));
            let (ended, said) = self.shell(&filled(script), &variables);
            println!("{} ended with {ended}: {said}", step["name"]);
            code = code.max(ended);
        }
        code
    }

    /// What the pipeline takes from GitHub, as far as another step sees it: files that go from job to job. Whether it did not fail.
    fn github_action(&self, step: &Value) -> bool {
        let text = |name: &str| step["with"][name].as_str().expect("text");
        match step["uses"].as_str().expect("an action") {
            "actions/checkout@v4" => {
                assert_eq!(step["with"]["persist-credentials"], false, "{step}");
                copy(&self.path("branch"), &self.path("checkout"));
                true
            }
            // Nothing to keep is a warning there, and nothing to fetch an error.
            "actions/upload-artifact@v4" => {
                copy(&self.path("checkout").join(text("path")), &self.path(text("name")));
                true
            }
            "actions/download-artifact@v4" => copy(&self.path(text("name")), &self.path("checkout").join(text("path"))),
            other => panic!("{other} is not known here"),
        }
    }
}

/// Lays what is in a folder over another. Whether there was such a folder.
fn copy(from: &Path, to: &Path) -> bool {
    if !from.is_dir() {
        return false;
    }
    fs::create_dir_all(to).expect("made");
    let copied = Command::new("cp").arg("-RT").args([from, to]).status().expect("cp");
    assert!(copied.success(), "{}", from.display());
    true
}
