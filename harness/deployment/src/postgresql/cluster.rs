//! The data folder of a fresh PostgreSQL: made once per version by `initdb`, which takes seconds, copied from then on.

use super::programs::{Account, Programs};
use crate::{DeploymentError, Notify, cache::Entry, command};
use std::{
    io,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
};

/// The user that everything in it belongs to. A name of ours, so that nobody takes it for an account of the system.
pub(crate) const USER: &str = "fedproof";

/// Makes `data` a fresh data folder that belongs to `account`.
pub(crate) async fn make(
    programs: &Programs,
    account: Option<Account>,
    cache: &Path,
    data: &Path,
    notify: &Notify,
) -> Result<(), DeploymentError> {
    let entry = Entry::lock(&cache.join("databases"), &format!("postgresql-{}", programs.version), notify).await?;
    let cached = entry.place().join("data");
    if cached.join("PG_VERSION").is_file() {
        return copied(&cached, data, account).await;
    }
    notify(None, format!("initialising PostgreSQL {}", programs.version));
    let mut command = programs.command("initdb");
    if let Some(Account { uid, gid }) = account {
        command.uid(uid).gid(gid);
    }
    // Who can reach the socket is its owner or root already: a password would protect nothing.
    command
        .args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C"])
        .args(["--no-sync", "--no-instructions", "--pgdata"])
        .arg(data);
    command::run("the data folder of PostgreSQL", command, |_| {}).await?;
    let made = entry.begin()?;
    copied(data, &made.path().join("data"), None).await?;
    entry.complete(made)
}

async fn copied(from: &Path, to: &Path, account: Option<Account>) -> Result<(), DeploymentError> {
    let (source, target) = (from.to_owned(), to.to_owned());
    let copy = tokio::task::spawn_blocking(move || copy(&source, &target, account));
    copy.await.map_err(io::Error::other).flatten().map_err(DeploymentError::io("write", to))
}

/// Copies a folder with modes; all of it belongs to `account` then.
fn copy(from: &Path, to: &Path, account: Option<Account>) -> io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let (entry, target) = (entry?.path(), to.join("x"));
        let target = target.with_file_name(entry.file_name().unwrap_or_default());
        if entry.is_dir() {
            copy(&entry, &target, account)?;
        } else {
            std::fs::copy(&entry, &target)?;
            own(&target, account)?;
        }
    }
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o700))?;
    own(to, account)
}

/// Gives a file or folder to `account`.
pub(crate) fn own(path: &Path, account: Option<Account>) -> io::Result<()> {
    account.map_or(Ok(()), |Account { uid, gid }| chown(path, Some(uid), Some(gid)))
}
