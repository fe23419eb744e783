//! Services of a run beside its homeservers, PostgreSQL and Redis: programs that know nothing of fedproof, and still do
//! not outlive it.

use crate::postgresql::{Account, clean};
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// What runs them: see there.
const LAUNCHER: &str = include_str!("lifeline.py");

/// What starts `service`, a program with its arguments, as `account`. `state` is where it is recorded.
pub(crate) fn command(
    python: &Path,
    account: Option<Account>,
    state: &Path,
    service: impl IntoIterator<Item = PathBuf>,
) -> Command {
    let ids = account.map_or([-1; 2], |Account { uid, gid }| [uid.into(), gid.into()]);
    let mut command = clean(python);
    command.args(["-I", "-S", "-c", LAUNCHER]).arg(state).args(ids.map(|id: i64| id.to_string())).args(service);
    command
}
