//! What there is to choose from: releases, or the commits of a checkout.

use crate::error::CliError;
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Releases of the implementation from one to another, as the package index has them.
pub(super) fn releases(implementation: &str, good: &str, bad: &str) -> Result<Vec<String>, CliError> {
    let package = match implementation {
        "synapse" => "matrix-synapse",
        other => {
            return Err(CliError::bad_input(format!(
                "where releases of {other} are listed is not known: use --checkout"
            )));
        }
    };
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "index", "versions", package]);
    let done = pip.output().map_err(|error| CliError::environment(format!("failed to start python3: {error}")))?;
    let text = String::from_utf8_lossy(&done.stdout);
    let listed = text.lines().find_map(|line| line.strip_prefix("Available versions: "));
    let listed = listed.ok_or_else(|| {
        let said = String::from_utf8_lossy(&done.stderr);
        CliError::environment(format!(
            "failed to list releases of {package} with python3 -m pip index versions: {}",
            said.trim()
        ))
    })?;
    // Latest first.
    let mut all: Vec<String> = listed.split(", ").map(str::to_owned).collect();
    all.reverse();
    let place = |version: &str| {
        all.iter()
            .position(|one| one == version)
            .ok_or_else(|| CliError::bad_input(format!("{package} has no release {version}")))
    };
    between(&all, place(good)?, place(bad)?, good, bad)
}

/// Commits from one to another, of the first parent's line.
pub(super) fn commits(checkout: &Path, good: &str, bad: &str) -> Result<Vec<String>, CliError> {
    let first = git(checkout, &["rev-parse", "--verify", &format!("{good}^{{commit}}")])?;
    let text =
        git(checkout, &["rev-list", "--reverse", "--first-parent", "--ancestry-path", &format!("{good}..{bad}")])?;
    let all: Vec<String> = std::iter::once(first.trim()).chain(text.lines()).map(str::to_owned).collect();
    let last = all.len() - 1;
    between(&all, 0, last, good, bad)
}

/// A commit for people: short, with its subject.
pub(super) fn called(checkout: &Path, commit: &str) -> String {
    git(checkout, &["log", "-1", "--format=%h (%s)", commit])
        .map_or_else(|_| commit.to_owned(), |text| text.trim().to_owned())
}

fn between(all: &[String], from: usize, to: usize, good: &str, bad: &str) -> Result<Vec<String>, CliError> {
    if from >= to {
        return Err(CliError::bad_input(format!("{bad} does not come after {good}")));
    }
    Ok(all[from..=to].to_vec())
}

fn git(checkout: &Path, args: &[&str]) -> Result<String, CliError> {
    let done = Command::new("git").arg("-C").arg(checkout).args(args).output();
    let done = done.map_err(|error| CliError::environment(format!("failed to start git: {error}")))?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr);
        return Err(CliError::bad_input(format!("{}: git {}: {}", checkout.display(), args.join(" "), said.trim())));
    }
    Ok(String::from_utf8_lossy(&done.stdout).into_owned())
}

static TREES: AtomicUsize = AtomicUsize::new(0);

/// A working tree of one commit beside the checkout, which stays as it is; gone with this value.
pub(super) struct Tree {
    checkout: PathBuf,
    pub(super) path: PathBuf,
}

impl Tree {
    pub(super) fn of(checkout: &Path, commit: &str, out: &Path) -> Result<Self, CliError> {
        let out = std::path::absolute(out).map_err(CliError::environment)?;
        // A name of its own: the good one is needed beside itself.
        let path = out.join(format!("tree-{commit}-{}", TREES.fetch_add(1, Ordering::Relaxed)));
        std::fs::create_dir_all(&out).map_err(CliError::environment)?;
        git(checkout, &["worktree", "add", "--detach", &path.display().to_string(), commit])?;
        Ok(Self { checkout: checkout.to_owned(), path })
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // What is left over `git worktree prune` finds.
        let _ = git(&self.checkout, &["worktree", "remove", "--force", &self.path.display().to_string()]);
    }
}
