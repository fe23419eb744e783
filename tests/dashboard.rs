//! `fedproof dashboard` at the command line: what was imported is shown, a signal ends it, and nothing is open by mistake.

mod support;

use fedproof_results::{
    Level::Must,
    Verdict::{Fail, Pass},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
};
use support::{canned::store_at, command, ended};

#[tokio::test]
async fn what_was_imported_is_shown_until_a_signal_comes() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    let row = "acl/endpoint/backfill/v12";
    store_at(&here.join("one"), 1, &[(row, Must, Pass)], &[], 200, true);
    store_at(&here.join("two"), 2, &[(row, Must, Fail)], &[], 200, true);
    let history = here.join("history.db").display().to_string();
    let import = ["history", "import", "one", "two", "--history", &history, "--build", "0123abc"];
    assert_eq!(ended(command(&import).current_dir(here)).0, 0);

    let link = "https://git.example.org/synapse/-/commit/{build}";
    let args = ["dashboard", "--history", &history, "--bind", "127.0.0.1:0", "--build-link", link];
    let mut serving = command(&args).stdout(Stdio::piped()).spawn().expect("started");
    let mut line = String::new();
    let mut stdout = BufReader::new(serving.stdout.take().expect("a pipe"));
    stdout.read_line(&mut line).expect("an address");
    let url = line.split(' ').next().expect("an address").trim_end_matches('/');
    let page = reqwest::get(url).await.expect("an answer").text().await.expect("a page");
    for word in ["NOT QUALIFIED", "new failure", row, "https://git.example.org/synapse/-/commit/0123abc"] {
        assert!(page.contains(word), "{word}: {page}");
    }
    kill(Pid::from_raw(serving.id().cast_signed()), Signal::SIGTERM).expect("the signal is sent");
    assert_eq!(serving.wait().expect("it ends").code(), Some(0));
}

#[test]
fn what_would_be_open_to_all_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let here = folder.path();
    std::fs::write(here.join("short"), "secret\n").expect("written");
    let missing = ended(command(&["dashboard"]).current_dir(here));
    assert!(missing.0 == 2 && missing.2.contains("fedproof history import"), "{missing:?}");
    store_at(&here.join("one"), 1, &[("acl/endpoint/backfill/v12", Must, Pass)], &[], 200, true);
    assert_eq!(ended(command(&["history", "import", "one"]).current_dir(here)).0, 0);
    let refused = |args: &[&str], says: &str| {
        let (code, _, stderr) =
            ended(command(&[&["dashboard"], args].concat()).current_dir(here).env_remove("FEDPROOF_HISTORY"));
        assert!(code == 2 && stderr.contains(says), "{args:?}: {code} {stderr}");
    };
    refused(&["--bind", "0.0.0.0:0"], "without a token");
    refused(&["--token-file", "short"], "16 are needed");
    refused(&["--token-file", "nowhere"], "failed to read nowhere");
    refused(&["--build-link", "javascript:alert(1)"], "--build-link");
    refused(&["--bind", "192.0.2.1:80", "--token-file", "short"], "16 are needed");
}
