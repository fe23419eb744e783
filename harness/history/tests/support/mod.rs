//! Runs made by hand, and a PostgreSQL for the time of a test.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used)]

use fedproof_history::{Entry, Figure, FigureKind, Kind, Outcome, RunHead};
use fedproof_results::{CaseInfo, Level, Verdict};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Run `number` of branch `main`, with `cases` cases that all pass.
pub(crate) fn entry(number: usize, cases: usize) -> Entry {
    let id = |case: usize| format!("acl/area-{}/case-{case}", case % 7);
    let outcome = |case: usize| Outcome {
        case: id(case),
        server: "alpha".into(),
        level: Level::Must,
        verdict: Verdict::Pass,
        seen: String::new(),
        reason: String::new(),
        accepted: false,
        duration_ms: 10 + case as u64,
    };
    let info = |case: usize| CaseInfo {
        id: id(case),
        title: format!("case {case}"),
        level: Level::Must,
        priority: 0,
        requirement: "server-server API".into(),
        scenario: "scenarios/acl/x.yaml".into(),
        tags: vec![],
        room_version: None,
        since: None,
    };
    Entry {
        head: RunHead {
            run_id: format!("run-{number}"),
            kind: Kind::Cases,
            branch: "main".into(),
            place: "default · matrix-spec".into(),
            build: format!("c{number}"),
            started_at: format!(
                "2026-{:02}-{:02}T{:02}:00:00.000Z",
                1 + number / 672 % 12,
                1 + number / 24 % 28,
                number % 24
            ),
            verdict: "qualified".into(),
            complete: true,
            servers: vec![],
            suite_version: "0.1.0".into(),
            suite_digest: "d".into(),
            machine: "linux".into(),
            seed: 1,
            wall_ms: 1000,
            counts: BTreeMap::from([(Verdict::Pass, cases as u64)]),
        },
        digest: format!("digest-{number}"),
        cases: (0..cases).map(info).collect(),
        outcomes: (0..cases).map(outcome).collect(),
        figures: vec![Figure { name: "cpu(alpha)".into(), kind: FigureKind::Cpu, unit: "ms".into(), value: 100.5 }],
        documents: BTreeMap::from([("load.hlog".to_owned(), "#[Histogram log]\n".repeat(10))]),
    }
}

/// A PostgreSQL on a socket of its own; ends with this value.
pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    server: Child,
}

impl Cluster {
    /// `None` where PostgreSQL is not installed, except in CI (`CI=true`), where that fails.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("fedproof-history-").tempdir().unwrap();
        let data = folder.path().join("data");
        let user = is_root().then_some("postgres");
        if let Some(user) = user {
            assert!(Command::new("chown").arg(user).arg(folder.path()).status().unwrap().success());
        }
        let initdb =
            run_as(user, &programs.join("initdb"), &["--no-sync", "-U", "postgres", "-A", "trust", "-D", path(&data)]);
        let done = { initdb }.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let settings = ["-c", "listen_addresses=", "-c", "fsync=off"];
        let mut args = vec!["-D", path(&data), "-k", path(folder.path())];
        args.extend(settings);
        let server = run_as(user, &programs.join("postgres"), &args).stderr(Stdio::null()).spawn().unwrap();
        // The eighth line of its lock file says how far it is: what pg_ctl goes by.
        let is_ready = || {
            let text = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
            text.lines().nth(7).is_some_and(|status| status.trim() == "ready")
        };
        let since = Instant::now();
        while !is_ready() {
            assert!(since.elapsed() < Duration::from_secs(60), "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { folder, server })
    }

    pub(crate) fn url(&self) -> String {
        let host = path(self.folder.path()).replace('/', "%2F");
        format!("postgres://postgres@{host}/postgres")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // SIGQUIT: an immediate shutdown, children included.
        let _ = Command::new("kill").args(["-QUIT", &self.server.id().to_string()]).status();
        let _ = self.server.wait();
    }
}

fn is_root() -> bool {
    let done = Command::new("id").arg("-u").output().unwrap();
    done.stdout == b"0\n"
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.filter_map(Result::ok);
    versions.map(|version| version.path().join("bin")).filter(|bin| bin.join("initdb").is_file()).max()
}

/// `setpriv` becomes the program, so that the child is the server itself.
fn run_as(user: Option<&str>, program: &Path, args: &[&str]) -> Command {
    let mut command = match user {
        Some(user) => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", user, "--regid", user, "--clear-groups"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).current_dir("/");
    command
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
