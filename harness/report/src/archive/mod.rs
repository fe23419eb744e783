//! The results folder: the event stream as it grows, every report when the run is over.

mod atomic;
mod stream;
mod transcripts;

use crate::{ReportError, html, junit, metrics, summary};
pub use atomic::write_atomically;
use fedproof_core::transcript::Exchange;
use fedproof_results::{Event, RunRecord, bounded};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
pub(crate) use transcripts::TRANSCRIPT;

/// Name of the event stream in a results folder.
pub const EVENTS: &str = "events.jsonl";
/// Name of the record in a results folder.
pub const RECORD: &str = "run.json";
/// Name of the page in a results folder.
pub const PAGE: &str = "report.html";

/// A run's results folder, open for writing.
///
/// Events are appended one by one, so that a crash loses nothing that was decided; the reports are written
/// when the run is over, each in one piece.
#[derive(Debug)]
pub struct Archive {
    folder: PathBuf,
    events: File,
}

impl Archive {
    /// Makes the folder (parents included) and an empty event stream in it.
    ///
    /// # Errors
    ///
    /// [`ReportError::Occupied`] if a run is stored there already; otherwise whatever the system refuses.
    pub fn create(folder: impl Into<PathBuf>) -> Result<Self, ReportError> {
        let folder = folder.into();
        fs::create_dir_all(&folder).map_err(|source| ReportError::CreateFolder { path: folder.clone(), source })?;
        let path = folder.join(EVENTS);
        match File::create_new(&path) {
            Ok(events) => Ok(Self { folder, events }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(ReportError::Occupied { path: folder }),
            Err(source) => Err(ReportError::Write { path, source }),
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where [`Archive::finish`] puts the page.
    pub fn page(&self) -> PathBuf {
        self.folder.join(PAGE)
    }

    /// Appends an event as one line, in one write. Bodies of evidence are bounded here.
    pub fn event(&mut self, event: &Event) -> Result<(), ReportError> {
        let path = || self.folder.join(EVENTS);
        let stored = match event {
            Event::Evidence { exchange } => &Event::Evidence { exchange: Box::new(bounded(exchange)) },
            other => other,
        };
        let mut line = serde_json::to_vec(stored).map_err(|source| ReportError::Encode { path: path(), source })?;
        line.push(b'\n');
        self.events
            .write_all(&line)
            .and_then(|()| self.events.flush())
            .map_err(|source| ReportError::Write { path: path(), source })
    }

    /// Writes every report, and the transcript with bounded bodies to `transcripts/all.jsonl`.
    pub fn finish(&mut self, record: &RunRecord, exchanges: &[Arc<Exchange>]) -> Result<(), ReportError> {
        let path = self.folder.join(EVENTS);
        self.events.sync_all().map_err(|source| ReportError::Write { path, source })?;
        // The transcript first: a full disk then costs the bulk, and still says so before the reports look done.
        transcripts::write(&self.folder, exchanges)?;
        render(&self.folder, record)
    }

    /// Reads a stored run back from its event stream. A torn last line (fedproof died in it) is left out.
    pub fn read(folder: &Path) -> Result<RunRecord, ReportError> {
        let path = folder.join(EVENTS);
        let events = stream::read(&path)?;
        RunRecord::from_events(&events).ok_or(ReportError::NoRun { path })
    }
}

/// Writes `run.json`, `junit.xml`, `metrics.txt`, `summary.md` and `report.html` into `folder`, each in one piece.
///
/// This is what `fedproof report ARCHIVE` does with what [`Archive::read`] gives.
pub fn render(folder: &Path, record: &RunRecord) -> Result<(), ReportError> {
    let path = folder.join(RECORD);
    let mut json =
        serde_json::to_vec_pretty(record).map_err(|source| ReportError::Encode { path: path.clone(), source })?;
    json.push(b'\n');
    write_atomically(&path, &json)?;
    write_atomically(&folder.join("junit.xml"), junit(record).as_bytes())?;
    write_atomically(&folder.join("metrics.txt"), metrics(record).as_bytes())?;
    write_atomically(&folder.join("summary.md"), summary(record).as_bytes())?;
    write_atomically(&folder.join(PAGE), html(record).as_bytes())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let mut archive = Archive { folder: "out".into(), events: full };
        let error = archive.event(&Event::Warning { message: "w".into() }).expect_err("no room");
        assert!(error.to_string().starts_with("write out/events.jsonl: No space left"), "{error}");
    }
}
