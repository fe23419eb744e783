//! Clearing up after runs that crashed, by what they had left on record.

use crate::{
    DeploymentError, engine, proc,
    record::{Launched, MARK, Run, check_owner, read},
};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

/// How long what is told to end may take, before it is killed.
const END_LIMIT: Duration = Duration::from_secs(8);

/// Something a crashed run had left behind, and that is gone now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// A homeserver, or what ran beside them, that was still running.
    Process {
        /// Its short name.
        name: String,
        /// Its process id.
        pid: u32,
    },
    /// Something that a container engine kept.
    Kept {
        /// `container`, `network` or `volume`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// A homeserver's work folder, or a record.
    Folder(PathBuf),
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { name, pid } => write!(f, "killed {name} (process {pid})"),
            Self::Kept { kind, name } => write!(f, "removed {kind} {name}"),
            Self::Folder(path) => write!(f, "removed {}", path.display()),
        }
    }
}

/// Clears up after runs whose fedproof is gone: kills their homeservers (only processes whose id *and* start time are
/// those on record) and removes their work folders. Runs that go on are left alone.
///
/// # Errors
/// When the records cannot be read, or something cannot be removed.
pub fn cleanup() -> Result<Vec<Removed>, DeploymentError> {
    let (uid, all) = proc::runtime_folder();
    // Containers first: they work in folders.
    let mut removed = engine::clear()?;
    if all.exists() {
        // Elsewhere than in a folder of ours, the records could be anybody's wishes.
        check_owner(&all, uid)?;
        removed.extend(clear_all(&all)?);
    }
    Ok(removed)
}

fn clear_all(all: &Path) -> Result<Vec<Removed>, DeploymentError> {
    let mut removed = Vec::new();
    for entry in std::fs::read_dir(all).map_err(DeploymentError::io("read", all))?.flatten() {
        let folder = entry.path();
        let Some(run) = read::<Run>(&folder.join("run.json")) else { continue };
        if !proc::is_alive(run.pid, run.start_time) {
            clear(&folder, &run, &mut removed)?;
        }
    }
    Ok(removed)
}

fn clear(folder: &Path, run: &Run, removed: &mut Vec<Removed>) -> Result<(), DeploymentError> {
    let id = folder.file_name().unwrap_or_default().to_string_lossy();
    let remove = |path: &Path| std::fs::remove_dir_all(path).map_err(DeploymentError::io("remove", path));
    let homeservers = run.homeservers.iter().map(|name| (name, run.work.join(name), Signal::SIGKILL));
    // PostgreSQL's children are not of its group: it must have the time to end them.
    let others = run.others.iter().map(|(name, folder)| (name, folder.clone(), Signal::SIGQUIT));
    for (name, work, signal) in homeservers.chain(others) {
        for (process, Launched { pid, start_time }) in launched(folder, name) {
            if proc::is_alive(pid, start_time)
                && let Ok(id) = i32::try_from(pid).map(Pid::from_raw)
            {
                // It leads its group. One that ended since the look above gets no signal, nor does a group without
                // members.
                let _ = killpg(id, signal).or_else(|_| kill(id, signal));
                proc::wait_for_end(pid, start_time, END_LIMIT);
                removed.push(Removed::Process { name: process, pid });
            }
        }
        if std::fs::read_to_string(work.join(MARK)).is_ok_and(|mark| mark == id) {
            remove(&work)?;
            removed.push(Removed::Folder(work));
        }
    }
    // Only if nothing else is in it.
    if std::fs::remove_dir(&run.work).is_ok() {
        removed.push(Removed::Folder(run.work.clone()));
    }
    remove(folder)?;
    removed.push(Removed::Folder(folder.to_owned()));
    Ok(())
}

/// The processes of `name` that are on record in `folder`: its own, and its workers' (`NAME.WORKER`).
fn launched(folder: &Path, name: &str) -> Vec<(String, Launched)> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let names = files.filter_map(|file| Some(file.file_name().to_str()?.strip_suffix(".state.json")?.to_owned()));
    let is_its =
        |process: &String| process.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let its = names.filter(is_its);
    its.filter_map(|process| Some((process.clone(), read(&folder.join(format!("{process}.state.json")))?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::{
        os::unix::process::{CommandExt, ExitStatusExt},
        process::{Child, Command},
    };

    fn sleeper() -> (Child, u64) {
        let child = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let start_time = proc::Stat::of(child.id()).unwrap().start_time;
        (child, start_time)
    }

    #[test]
    fn only_what_is_on_record_is_cleared_away() {
        let all = tempfile::tempdir().unwrap();
        let work = tempfile::tempdir().unwrap();
        let (mut left, left_start) = sleeper();
        let (mut worker, worker_start) = sleeper();
        let (mut other, other_start) = sleeper();
        let (own, own_start) = (std::process::id(), proc::Stat::of(std::process::id()).unwrap().start_time);
        // Of two runs one goes on; of the homeservers of the other, one's process id is another program's by now.
        for (id, pid, start_time) in [("crashed", own, own_start + 1), ("running", own, own_start)] {
            let folder = all.path().join(id);
            std::fs::create_dir(&folder).unwrap();
            let run = json!({"pid": pid, "start_time": start_time, "work": work.path().join(id), "homeservers": ["left", "other", "never"]});
            std::fs::write(folder.join("run.json"), run.to_string()).unwrap();
            for (name, pid, start_time) in [
                ("left", left.id(), left_start),
                ("left.generic-1", worker.id(), worker_start),
                ("other", other.id(), other_start + 1),
            ] {
                let state = json!({"pid": pid, "start_time": start_time, "argv0": "python"});
                std::fs::write(folder.join(format!("{name}.state.json")), state.to_string()).unwrap();
                std::fs::create_dir_all(work.path().join(id).join(name)).unwrap();
            }
            std::fs::write(work.path().join(id).join("left").join(MARK), id).unwrap();
            std::fs::write(work.path().join(id).join("other").join(MARK), "somebody else").unwrap();
        }
        let mut removed = clear_all(all.path()).unwrap();
        // A folder's files come in any order.
        removed[..2].sort_by_key(ToString::to_string);
        let (left_pid, worker_pid) = (left.id(), worker.id());
        let mut ended = [
            Removed::Process { name: "left".into(), pid: left_pid },
            Removed::Process { name: "left.generic-1".into(), pid: worker_pid },
        ];
        ended.sort_by_key(ToString::to_string);
        assert_eq!(removed[..2], ended);
        let folders = [work.path().join("crashed/left"), all.path().join("crashed")].map(Removed::Folder);
        assert_eq!(removed[2..], folders);
        assert_eq!(worker.wait().unwrap().signal(), Some(9));
        assert_eq!(left.wait().unwrap().signal(), Some(9));
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(work.path().join("crashed/other").exists() && work.path().join("running/left").exists());
        assert_eq!(clear_all(all.path()).unwrap(), []);
    }
}
