//! The ready pipelines, played: their own shell, the real gate, the real history. Only `fedproof run` is a stand-in, which lays
//! down a run made by hand after the real command took its arguments.

mod runner;
#[path = "../support/mod.rs"]
mod support;

use runner::Runner;
use serde_json::Value;
use std::{fs, path::Path};

const CASE: &str = "acl/endpoint/backfill/v12";
const DEPLOYMENTS: [&str; 3] = ["default", "closed", "encrypted"];

fn file(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pipelines").join(name);
    serde_saphyr::from_str(&fs::read_to_string(path).expect("it is there")).expect("YAML")
}

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
    assert_eq!(runner.history(), ["rebase:blocked c2", "main c1"]);
}

#[test]
fn what_a_branch_brings_along_is_not_judged() {
    let kept: [&[&str]; 2] = [&["rebase:blocked c2", "main c1"], &["main c1"]];
    // Not qualified is: what was played, not the good results in the repository. What could not be played has no results, and what was
    // asked for wrongly does not come to the gate.
    for (played, gitlab, github, kept) in [
        (("worse", "1"), 1, 1, kept[0]),
        (("nothing", "3"), 3, 1, kept[1]),
        (("nothing", "2"), 2, 2, kept[1]),
        (("nothing", "130"), 130, 130, kept[1]),
    ] {
        let runner = Runner::new(played).with_results_in_the_branch();
        runner.gitlab("smoke", &[]);
        assert!(!runner.path("artifacts/results/default").exists(), "no job keeps them");
        assert_eq!(runner.gitlab_pipeline(), gitlab, "GitLab, {played:?}");
        assert_eq!(runner.history(), kept, "GitLab, {played:?}");
        let runner = Runner::new(played).with_results_in_the_branch();
        assert_eq!(runner.github(), github, "GitHub, {played:?}");
        assert_eq!(runner.history(), kept, "GitHub, {played:?}");
    }
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
        [(("good", "0"), 0, ["rebase c2", "main c1"]), (("worse", "1"), 1, ["rebase:blocked c2", "main c1"])]
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
