//! The log file of a homeserver.

use crate::DeploymentError;
use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom},
    path::Path,
};

/// How many lines an error shows.
const SHOWN_LINES: usize = 20;
/// How far back they are looked for, in bytes.
const LOOKED_BACK: u64 = 32 * 1024;

/// Opens `path` to append to; also says where it ends now.
pub(crate) fn open(path: &Path) -> Result<(File, u64), DeploymentError> {
    let file = OpenOptions::new().create(true).append(true).open(path).map_err(DeploymentError::io("open", path))?;
    let length = file.metadata().map_err(DeploymentError::io("open", path))?.len();
    Ok((file, length))
}

/// The last lines of what `path` holds from byte `from` on.
pub(crate) fn tail(path: &Path, from: u64) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let start = file.metadata()?.len().saturating_sub(LOOKED_BACK).max(from);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok::<_, std::io::Error>(String::from_utf8_lossy(&bytes).into_owned())
    };
    match read() {
        Ok(text) => {
            let lines: Vec<&str> = text.lines().collect();
            lines.get(lines.len().saturating_sub(SHOWN_LINES)..).unwrap_or_default().join("\n")
        }
        Err(error) => format!("({}: {error})", path.display()),
    }
}
