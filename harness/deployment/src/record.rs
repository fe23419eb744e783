//! What a run leaves on record while it runs; `cleanup` goes by it.
//!
//! Below the runtime folder each deployment has a folder with `run.json` (fedproof's own process and the work folder)
//! and the launchers' state files. It goes when the deployment ends; one whose fedproof is gone is what a crash left.

use crate::{DeploymentError, proc};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// File in each folder of a homeserver that says which run made it: nothing else is ever removed.
pub(crate) const MARK: &str = ".fedproof-run";

/// `run.json`.
#[derive(Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) pid: u32,
    pub(crate) start_time: u64,
    pub(crate) work: PathBuf,
    pub(crate) homeservers: Vec<String>,
    /// What runs besides, by name, with its folder.
    #[serde(default)]
    pub(crate) others: BTreeMap<String, PathBuf>,
}

/// A launcher's state file; it writes more than that.
#[derive(Deserialize)]
pub(crate) struct Launched {
    pub(crate) pid: u32,
    pub(crate) start_time: u64,
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

pub(crate) fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Option<T> {
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}

pub(crate) fn check_owner(folder: &Path, uid: u32) -> Result<(), DeploymentError> {
    let meta = std::fs::symlink_metadata(folder).map_err(DeploymentError::io("read", folder))?;
    if meta.is_dir() && meta.uid() == uid && meta.mode() & 0o022 == 0 {
        return Ok(());
    }
    let refused = std::io::Error::other("it is no folder of this user's alone");
    Err(DeploymentError::io("use the runtime folder", folder)(refused))
}
