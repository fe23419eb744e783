//! A run in progress, read from its growing `events.jsonl`.

use fedproof_report::EVENTS;
use fedproof_results::{Event, Identity, ServerInfo, Verdict};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

/// Who wrote nothing for so long is not in progress any more.
const SILENCE: Duration = Duration::from_secs(10 * 60);

/// The runs below a results folder, as far as they were read.
pub(crate) struct Live {
    results: PathBuf,
    runs: Mutex<HashMap<PathBuf, Progress>>,
}

/// How far a run is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// `None` before its first event.
    pub(crate) identity: Option<Identity>,
    pub(crate) cases: usize,
    pub(crate) servers: Vec<ServerInfo>,
    /// The worst verdict of each case so far, and whether it is no known deviation.
    pub(crate) decided: BTreeMap<String, (Verdict, bool)>,
    /// Case, homeserver, verdict, reason: what failed or could not be decided, the latest last.
    pub(crate) troubles: Vec<(String, String, Verdict, String)>,
    /// What was decided last.
    pub(crate) last: String,
    /// What is prepared.
    pub(crate) message: String,
    pub(crate) warnings: Vec<String>,
    /// Whether it came to its end, and why not.
    pub(crate) finished: Option<(bool, String)>,
    /// When it last wrote.
    pub(crate) written: Option<SystemTime>,
    /// Bytes that were read.
    offset: u64,
}

impl Live {
    pub(crate) fn new(results: PathBuf) -> Self {
        Self { results, runs: Mutex::default() }
    }

    /// Runs in progress, the one that wrote last first; if there are none, the last one. Reads files.
    pub(crate) fn look(&self) -> Vec<Progress> {
        let mut found: Vec<(SystemTime, PathBuf)> = fs::read_dir(&self.results)
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter_map(|entry| {
                let file = entry.path().join(EVENTS);
                let written = fs::metadata(&file).and_then(|data| data.modified()).ok()?;
                Some((written, file))
            })
            .collect();
        found.sort_by(|one, other| other.cmp(one));
        let is_recent = |written: &SystemTime| written.elapsed().is_ok_and(|ago| ago < SILENCE);
        let recent = found.iter().take_while(|(written, _)| is_recent(written)).count().max(1);
        found.truncate(recent);
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.retain(|file, _| found.iter().any(|(_, found)| found == file));
        let mut shown: Vec<Progress> = Vec::new();
        for (written, file) in found {
            let progress = runs.entry(file.clone()).or_default();
            progress.written = Some(written);
            // What cannot be read now is read the next time.
            let _ = progress.read_on(&file);
            if shown.is_empty() || progress.finished.is_none() {
                shown.push(progress.clone());
            }
        }
        if shown.iter().any(|run| run.finished.is_none()) {
            shown.retain(|run| run.finished.is_none());
        }
        shown
    }
}

impl Progress {
    /// Whether it still goes on, as far as one can see.
    pub(crate) fn is_running(&self) -> bool {
        let is_silent = self.written.and_then(|at| at.elapsed().ok()).is_some_and(|ago| ago >= SILENCE);
        self.finished.is_none() && !is_silent
    }

    /// Takes in what was written since. The last line may not be whole yet.
    fn read_on(&mut self, file: &Path) -> io::Result<()> {
        let mut file = fs::File::open(file)?;
        if file.metadata()?.len() < self.offset {
            // Another run took its place.
            *self = Self { written: self.written, ..Self::default() };
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return Ok(()) };
        for line in bytes[..end].split(|byte| *byte == b'\n') {
            // Evidence is most of the bytes, and not shown.
            if !line.starts_with(br#"{"event":"evidence""#)
                && let Ok(event) = serde_json::from_slice(line)
            {
                self.take(event);
            }
        }
        self.offset += end as u64 + 1;
        Ok(())
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::RunStarted { identity, cases } => (self.identity, self.cases) = (Some(identity), cases.len()),
            Event::Progress { server, message } => {
                self.message = server.map_or(message.clone(), |server| format!("{server}: {message}"));
            }
            Event::Warning { message } => self.warnings.push(message),
            Event::DeploymentReady { servers, .. } => (self.servers, self.message) = (servers, String::new()),
            Event::CaseDecided { id, result } => {
                // A failure that nobody accepts is worse than one that somebody does.
                let decided = (result.verdict, !result.is_known_deviation());
                let worst = self.decided.entry(id.clone()).or_insert(decided);
                *worst = decided.max(*worst);
                if matches!(result.verdict, Verdict::Fail | Verdict::Inconclusive) && !result.is_known_deviation() {
                    self.troubles.push((id.clone(), result.server, result.verdict, result.reason));
                }
                self.last = id;
            }
            Event::RunFinished { complete, stopped_because, .. } => self.finished = Some((complete, stopped_because)),
            Event::BaselineTaken { .. } | Event::Evidence { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fedproof_results::SubjectResult;
    use std::io::Write;

    fn line(event: &Event) -> String {
        serde_json::to_string(event).expect("an event") + "\n"
    }

    fn decided(id: &str, verdict: Verdict) -> String {
        let result = SubjectResult {
            server: "alpha".into(),
            verdict,
            reason: "let it in".into(),
            duration_ms: 1,
            phases: vec![],
            facts: BTreeMap::new(),
            measurements: vec![],
            failure: None,
            deviation: None,
        };
        line(&Event::CaseDecided { id: id.into(), result })
    }

    #[test]
    fn a_growing_file_is_read_on_and_half_a_line_waits() {
        let results = tempfile::tempdir().expect("a folder");
        let live = Live::new(results.path().to_owned());
        assert_eq!(live.look().len(), 0);
        let folder = results.path().join("run-1");
        fs::create_dir(&folder).expect("made");
        let mut file = fs::File::create(folder.join(EVENTS)).expect("made");
        let mut write = |text: &str| file.write_all(text.as_bytes()).expect("written");
        let second = decided("a/b/d", Verdict::Fail);
        write(&decided("a/b/c", Verdict::Pass));
        write(&second[..20]);
        assert_eq!(live.look()[0].decided.len(), 1);
        write(&second[20..]);
        let run = live.look().remove(0);
        assert_eq!((run.decided.len(), run.troubles.len(), run.is_running()), (2, 1, true));
        let end = Event::RunFinished {
            complete: true,
            stopped_because: String::new(),
            wall_ms: Default::default(),
            usage: vec![],
        };
        write(&line(&end));
        let run = live.look().remove(0);
        assert!(!run.is_running() && run.finished == Some((true, String::new())), "{run:?}");
        assert_eq!(run.decided.len(), 2, "nothing is counted twice");
    }
}
