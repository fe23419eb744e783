//! The cache of installed homeservers: keyed by content, filled atomically, shared by concurrent runs.
//!
//! An entry is a folder. It is made under a temporary name beside its place and renamed when whole, so a folder that
//! is there is whole; a file lock per entry keeps a second run from making it as well.

use crate::{DeploymentError, Notify};
use sha2::{Digest, Sha256};
use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;
use tokio::time::interval;

/// How often a run that waits for another's lock looks again.
const LOCK_EVERY: Duration = Duration::from_millis(100);

/// Where installations are cached unless told otherwise: `$FEDPROOF_CACHE`, or `fedproof` in the user's cache folder
/// (XDG base directories).
pub fn default_cache() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(cache) = set("FEDPROOF_CACHE") {
        return cache;
    }
    let user = set("XDG_CACHE_HOME").filter(|path| path.is_absolute()).or_else(|| Some(set("HOME")?.join(".cache")));
    user.unwrap_or_else(std::env::temp_dir).join("fedproof")
}

/// An entry of the cache, locked against other runs until dropped.
pub struct Entry {
    place: PathBuf,
    _lock: File,
}

impl Entry {
    /// Locks the entry `key` of the cache `root`; says so if it has to wait for another run.
    ///
    /// # Errors
    /// When the lock file cannot be made or locked.
    pub async fn lock(root: &Path, key: &str, notify: &Notify) -> Result<Self, DeploymentError> {
        std::fs::create_dir_all(root).map_err(DeploymentError::io("create the cache folder", root))?;
        let path = root.join(format!("{key}.lock"));
        let file = File::create(&path).map_err(DeploymentError::io("create the lock file", &path))?;
        // Tried again and again rather than waited for in a thread, which nobody could call back.
        let mut ticks = interval(LOCK_EVERY);
        let mut waiting = false;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(DeploymentError::io("lock", path)(source)),
                Err(TryLockError::WouldBlock) if !waiting => {
                    notify(None, format!("waiting for another fedproof that prepares {key}"));
                    waiting = true;
                }
                Err(TryLockError::WouldBlock) => {}
            }
            ticks.tick().await;
        }
        Ok(Self { place: root.join(key), _lock: file })
    }

    /// Where the entry is, or will be.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// An empty folder beside the entry's place; removed when dropped, unless it [becomes](Self::complete) the entry.
    /// What a run that was killed left of an earlier try goes away here.
    pub(crate) fn begin(&self) -> Result<TempDir, DeploymentError> {
        let (root, prefix) = self.unfinished();
        for entry in std::fs::read_dir(root).map_err(DeploymentError::io("read", root))?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                // Whatever cannot be removed only takes room.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        tempfile::Builder::new()
            .prefix(&prefix)
            .tempdir_in(root)
            .map_err(DeploymentError::io("create a folder in", root))
    }

    /// Makes `made` the entry.
    pub(crate) fn complete(&self, made: TempDir) -> Result<(), DeploymentError> {
        if self.place.exists() {
            std::fs::remove_dir_all(&self.place).map_err(DeploymentError::io("replace", &self.place))?;
        }
        let from = made.keep();
        std::fs::rename(&from, &self.place).map_err(|source| {
            let _ = std::fs::remove_dir_all(&from);
            DeploymentError::io("rename a finished installation to", &self.place)(source)
        })
    }

    fn unfinished(&self) -> (&Path, String) {
        let root = self.place.parent().unwrap_or(Path::new("."));
        let key = self.place.file_name().unwrap_or_default().to_string_lossy();
        (root, format!(".{key}."))
    }
}

/// Digest over named parts, in order; hex.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        // With the length, no two lists of parts are one text.
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hex(&hasher.finalize())
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Digest over the content of `inputs` (files, folders; those that are missing count as missing) below `dir`.
/// Compiled leftovers are no input.
pub(crate) fn digest_of_files(dir: &Path, inputs: &[String]) -> Result<String, DeploymentError> {
    let mut hasher = Sha256::new();
    for input in inputs {
        for file in files(&dir.join(input))? {
            let content = std::fs::read(&file).map_err(DeploymentError::io("read", &file))?;
            let name = file.strip_prefix(dir).unwrap_or(&file);
            hasher.update(digest([name.as_os_str().as_encoded_bytes(), &content]));
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// All files at or below `path`, sorted, without what building or running leaves behind.
pub(crate) fn files(path: &Path) -> Result<Vec<PathBuf>, DeploymentError> {
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(path) = open.pop() {
        let Ok(kind) = std::fs::metadata(&path) else { continue };
        if !kind.is_dir() {
            found.push(path);
            continue;
        }
        for entry in std::fs::read_dir(&path).map_err(DeploymentError::io("read", &path))? {
            let path = entry.map_err(DeploymentError::io("read", &path))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let leftover = name == "__pycache__" || name == "target" || name == ".git";
            if !leftover && !name.ends_with(".pyc") && !name.ends_with(".so") {
                open.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
