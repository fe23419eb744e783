//! Files that are either whole or not there.

use crate::ReportError;
use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::Path,
};

/// Writes `content` beside `path` and renames it into place: the file is whole, or as it was.
///
/// # Errors
/// What the system refuses; then no draft is left.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), ReportError> {
    stream_atomically(path, |out| out.write_all(content))
}

/// As [`write_atomically`], for what is too large to be held in memory.
pub(super) fn stream_atomically(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), ReportError> {
    // A hidden name beside the target: a rename is atomic within one file system only.
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".tmp");
    let draft = path.with_file_name(name);
    let written = (|| {
        let mut out = BufWriter::new(File::create(&draft)?);
        fill(&mut out)?;
        let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    written.map_err(|source| {
        // What is left of a draft is of no use; the error that counts is the first.
        let _ = fs::remove_file(&draft);
        ReportError::Write { path: path.to_owned(), source }
    })
}
