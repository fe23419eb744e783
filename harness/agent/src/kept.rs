//! Programs that no later build changes under those who use them.

use crate::AgentError;
use std::{
    fs::File,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// A built program at a place of its own, which stays until this is dropped.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) program: PathBuf,
    /// Locked by all that use it.
    _in_use: File,
}

impl Kept {
    /// Links `built` to a place below `place`, and clears away what nobody uses any more. Only one at a time may do so.
    pub(crate) fn of(built: &Path, place: &Path) -> Result<Self, AgentError> {
        let meta = std::fs::metadata(built).map_err(AgentError::io("find what was built,", built))?;
        let made = meta.modified().ok().and_then(|made| made.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let programs = place.join("programs");
        let folder = programs.join(format!("{}-{}", made.as_nanos(), meta.len()));
        std::fs::create_dir_all(&folder).map_err(AgentError::io("create", &folder))?;
        let program = folder.join(built.file_name().unwrap_or_default());
        if !program.exists() {
            // A build tool replaces what it makes, rather than writing into it: the link keeps what it was.
            std::fs::hard_link(built, &program).map_err(AgentError::io("link", &program))?;
        }
        let in_use = lock_file(&folder)?;
        in_use.lock_shared().map_err(AgentError::io("lock", &folder))?;
        for other in std::fs::read_dir(&programs).into_iter().flatten().flatten().map(|entry| entry.path()) {
            if other != folder && lock_file(&other)?.try_lock().is_ok() {
                std::fs::remove_dir_all(&other).map_err(AgentError::io("remove", &other))?;
            }
        }
        Ok(Self { program, _in_use: in_use })
    }
}

fn lock_file(folder: &Path) -> Result<File, AgentError> {
    let path = folder.join("in-use.lock");
    File::create(&path).map_err(AgentError::io("create", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_in_use_stays_what_it_was_and_others_go() {
        let place = tempfile::tempdir().unwrap();
        let built = place.path().join("program");
        let build = |text: &str| {
            // As a build tool does: a new file in the old one's place.
            let new = place.path().join("new");
            std::fs::write(&new, text).unwrap();
            std::fs::rename(new, &built).unwrap();
        };
        build("first");
        let first = Kept::of(&built, place.path()).unwrap();
        let again = Kept::of(&built, place.path()).unwrap();
        assert_eq!(first.program, again.program);
        drop(again);
        build("the second");
        let second = Kept::of(&built, place.path()).unwrap();
        assert_eq!(std::fs::read_to_string(&first.program).unwrap(), "first");
        assert_eq!(std::fs::read_to_string(&second.program).unwrap(), "the second");
        let past = first.program.clone();
        drop(first);
        Kept::of(&built, place.path()).unwrap();
        assert!(!past.exists() && second.program.exists());
    }
}
