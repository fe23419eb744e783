//! PostgreSQL's programs on this machine, and who may run them.

use crate::DeploymentError;
use nix::unistd::{Uid, User};
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};
use tokio::process::Command;

/// What is needed of it.
const NEEDED: [&str; 4] = ["initdb", "postgres", "psql", "pg_dump"];
/// The oldest that the homeservers accept, and that has all that is asked of it here.
const OLDEST: u32 = 14;
/// Who runs it where fedproof is root, which PostgreSQL refuses: the first of these that exists.
const ACCOUNTS: [&str; 2] = ["postgres", "nobody"];

/// An installed PostgreSQL.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    folder: PathBuf,
    /// Such as `15.18`.
    pub(crate) version: String,
}

/// Another user than root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Programs {
    /// The ones to use: of the folder `$FEDPROOF_POSTGRESQL`, or the newest of Debian's, or those on the path.
    ///
    /// # Errors
    /// When there are none, or they are too old.
    pub(crate) async fn find() -> Result<Self, DeploymentError> {
        let mut places = candidates();
        let lacking = |place: &Path| NEEDED.iter().any(|program| !place.join(program).is_file());
        places.retain(|place| !lacking(place));
        let mut message = format!("found no folder with {}", NEEDED.join(", "));
        for folder in places {
            match version(&folder).await {
                Ok(version) if major(&version) >= OLDEST => return Ok(Self { folder, version }),
                Ok(version) => message = format!("{} is version {version}, older than {OLDEST}", folder.display()),
                Err(error) => message = format!("{}: {error}", folder.display()),
            }
        }
        Err(DeploymentError::NoPostgresql { message })
    }

    /// Path of one of them.
    pub(crate) fn path(&self, program: &str) -> PathBuf {
        self.folder.join(program)
    }

    /// Runs one of them.
    pub(crate) fn command(&self, program: &str) -> Command {
        clean(&self.path(program))
    }

    /// The first number of the version.
    pub(crate) fn major(&self) -> u32 {
        major(&self.version)
    }

    /// Whether the module that counts statements is installed (Debian: with the server).
    pub(crate) fn counts_statements(&self) -> bool {
        let lib = |folder: &Path| folder.parent().map(|parent| parent.join("lib/pg_stat_statements.so"));
        lib(&self.folder).is_some_and(|file| file.is_file())
    }
}

/// `program`, without what the caller's environment wants of PostgreSQL, and where everybody may be.
pub(crate) fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).kill_on_drop(true).current_dir("/").env("LC_ALL", "C");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    command
}

/// Whom fedproof's PostgreSQL runs as; `None` means fedproof's own user.
///
/// # Errors
/// When fedproof is root and there is nobody else.
pub(crate) fn account() -> Result<Option<Account>, DeploymentError> {
    if !Uid::effective().is_root() {
        return Ok(None);
    }
    let found = ACCOUNTS.iter().find_map(|name| User::from_name(name).ok().flatten());
    let message = || format!("it refuses to run as root, and there is no user {}", ACCOUNTS.join(" or "));
    let user = found.ok_or_else(|| DeploymentError::NoPostgresql { message: message() })?;
    Ok(Some(Account { uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
}

fn candidates() -> Vec<PathBuf> {
    if let Some(set) = std::env::var_os("FEDPROOF_POSTGRESQL").filter(|set| !set.is_empty()) {
        return vec![set.into()];
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<PathBuf> = versions.map(|entry| entry.path()).collect();
    let number = |path: &PathBuf| path.file_name().map_or(0, |name| major(&name.to_string_lossy()));
    debian.sort_by_key(|path| std::cmp::Reverse(number(path)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    // A link on the path leads to the folder where the others are.
    let on_path = std::env::split_paths(&path).filter_map(|folder| folder.join("initdb").canonicalize().ok());
    let on_path: Vec<PathBuf> = on_path.filter_map(|file| file.parent().map(Path::to_owned)).collect();
    debian.into_iter().map(|version| version.join("bin")).chain(on_path).collect()
}

async fn version(folder: &Path) -> Result<String, String> {
    let mut command = Command::new(folder.join("postgres"));
    let output = command.arg("--version").stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.map_err(|error| error.to_string())?;
    // postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)
    let said = String::from_utf8_lossy(&output.stdout);
    let word = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    word.map(str::to_owned).ok_or_else(|| format!("postgres --version says {said:?}"))
}

fn major(version: &str) -> u32 {
    version.split(|c: char| !c.is_ascii_digit()).next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
