//! What a run leaves on record while it runs, and clearing up after one that crashed.
//!
//! Below the runtime folder each deployment has a folder with `run.json` (fedproof's own process and the work folder)
//! and the launchers' state files. It goes when the deployment ends; one whose fedproof is gone is what a crash left.

use crate::{DeploymentError, engine, proc};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// File in each folder of a homeserver that says which run made it: nothing else is ever removed.
const MARK: &str = ".fedproof-run";

/// How long what is told to end may take, before it is killed.
const END_LIMIT: Duration = Duration::from_secs(8);

/// `run.json`.
#[derive(Serialize, Deserialize)]
struct Run {
    pid: u32,
    start_time: u64,
    work: PathBuf,
    homeservers: Vec<String>,
    /// What runs besides, by name, with its folder.
    #[serde(default)]
    others: BTreeMap<String, PathBuf>,
}

/// A launcher's state file; it writes more than that.
#[derive(Deserialize)]
struct Launched {
    pid: u32,
    start_time: u64,
}

/// The record of one deployment; removed when dropped.
pub(crate) struct Record {
    folder: PathBuf,
    id: String,
    run: Run,
}

impl Record {
    /// Begins the record of a deployment with `homeservers` that works in `work`, and makes their folders there.
    pub(crate) fn begin(work: &Path, homeservers: &[&str]) -> Result<Self, DeploymentError> {
        static DEPLOYMENTS: AtomicU64 = AtomicU64::new(0);
        let (uid, all) = proc::runtime_folder();
        make(&all)?;
        check_owner(&all, uid)?;
        let pid = std::process::id();
        let start_time = proc::Stat::of(pid).map_or(0, |stat| stat.start_time);
        let id = format!("{pid}-{start_time}-{}", DEPLOYMENTS.fetch_add(1, Ordering::SeqCst));
        let work = std::path::absolute(work).map_err(DeploymentError::io("find", work))?;
        let homeservers = homeservers.iter().map(|name| (*name).to_owned()).collect();
        let run = Run { pid, start_time, work, homeservers, others: BTreeMap::new() };
        let record = Self { folder: all.join(&id), id, run };
        make(&record.folder)?;
        record.write()?;
        for name in &record.run.homeservers {
            let folder = record.run.work.join(name);
            make(&folder)?;
            record.mark(&folder)?;
        }
        Ok(record)
    }

    /// Records that `name`, which is no homeserver, works in `folder`, which is there already.
    pub(crate) fn adopt(&mut self, name: &str, folder: &Path) -> Result<(), DeploymentError> {
        self.mark(folder)?;
        self.run.others.insert(name.to_owned(), folder.to_owned());
        self.write()
    }

    fn mark(&self, folder: &Path) -> Result<(), DeploymentError> {
        let mark = folder.join(MARK);
        std::fs::write(&mark, &self.id).map_err(DeploymentError::io("write", &mark))
    }

    fn write(&self) -> Result<(), DeploymentError> {
        let (file, new) = (self.folder.join("run.json"), self.folder.join("run.json.new"));
        let text = serde_json::to_vec(&self.run).unwrap_or_default();
        // Whole at any time: a cleanup reads it when this process is gone.
        std::fs::write(&new, text).map_err(DeploymentError::io("write", &new))?;
        std::fs::rename(&new, &file).map_err(DeploymentError::io("write", &file))
    }

    /// What tells the deployment from all others of this machine.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Where the launcher of `homeserver` records its process.
    pub(crate) fn state_file(&self, homeserver: &str) -> PathBuf {
        // A homeserver may be called "run".
        self.folder.join(format!("{homeserver}.state.json"))
    }
}

/// A folder that is private to this user.
fn make(path: &Path) -> Result<(), DeploymentError> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(DeploymentError::io("create", path))
}

/// A folder of a run beside those of its homeservers. What a crash leaves of it [`cleanup`] removes.
pub struct Recorded {
    folder: PathBuf,
    _record: Record,
}

impl Recorded {
    /// Makes the folder `name` in `work`. It is on record until this is dropped; whoever made `work` removes it.
    ///
    /// # Errors
    /// When it cannot be made or recorded.
    pub fn create(work: &Path, name: &str) -> Result<Self, DeploymentError> {
        let mut record = Record::begin(work, &[])?;
        let folder = record.run.work.join(name);
        make(&folder)?;
        record.adopt(name, &folder)?;
        Ok(Self { folder, _record: record })
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // What stays is found by the next cleanup.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

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
    let is_its = |process: &String| {
        process.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    let its = names.filter(is_its);
    its.filter_map(|process| Some((process.clone(), read(&folder.join(format!("{process}.state.json")))?))).collect()
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

fn check_owner(folder: &Path, uid: u32) -> Result<(), DeploymentError> {
    let meta = std::fs::symlink_metadata(folder).map_err(DeploymentError::io("read", folder))?;
    if meta.is_dir() && meta.uid() == uid && meta.mode() & 0o022 == 0 {
        return Ok(());
    }
    let refused = std::io::Error::other("it is no folder of this user's alone");
    Err(DeploymentError::io("use the runtime folder", folder)(refused))
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
        let (mut other, other_start) = sleeper();
        let (own, own_start) = (std::process::id(), proc::Stat::of(std::process::id()).unwrap().start_time);
        // Of two runs one goes on; of the homeservers of the other, one's process id is another program's by now.
        for (id, pid, start_time) in [("crashed", own, own_start + 1), ("running", own, own_start)] {
            let folder = all.path().join(id);
            std::fs::create_dir(&folder).unwrap();
            let run = json!({"pid": pid, "start_time": start_time, "work": work.path().join(id), "homeservers": ["left", "other", "never"]});
            std::fs::write(folder.join("run.json"), run.to_string()).unwrap();
            for (name, pid, start_time) in [("left", left.id(), left_start), ("other", other.id(), other_start + 1)] {
                let state = json!({"pid": pid, "start_time": start_time, "argv0": "python"});
                std::fs::write(folder.join(format!("{name}.state.json")), state.to_string()).unwrap();
                std::fs::create_dir_all(work.path().join(id).join(name)).unwrap();
            }
            std::fs::write(work.path().join(id).join("left").join(MARK), id).unwrap();
            std::fs::write(work.path().join(id).join("other").join(MARK), "somebody else").unwrap();
        }
        let removed = clear_all(all.path()).unwrap();
        assert_eq!(
            removed,
            [
                Removed::Process { name: "left".into(), pid: left.id() },
                Removed::Folder(work.path().join("crashed/left")),
                Removed::Folder(all.path().join("crashed")),
            ]
        );
        assert_eq!(left.wait().unwrap().signal(), Some(9));
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
        assert!(work.path().join("crashed/other").exists() && work.path().join("running/left").exists());
        assert_eq!(clear_all(all.path()).unwrap(), []);
    }
}
