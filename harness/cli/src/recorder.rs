//! The one stream of events of a run: kept, shown on the terminal, written into the archive.

use crate::{error::CliError, interrupt};
use fedproof_core::transcript::Exchange;
use fedproof_deployment::Notify;
use fedproof_report::{Archive, Terminal};
use fedproof_results::{CaseInfo, CaseResult, Event, RunRecord};
use fedproof_runner::Sink;
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// Keeps the stream of events, and passes each on to the terminal and the archive.
pub(crate) struct Recorder(Arc<Mutex<Recording>>);

struct Recording {
    events: Vec<Event>,
    terminal: Terminal,
    archive: Archive,
    trouble: Option<fedproof_report::ReportError>,
    stop: watch::Sender<bool>,
}

impl Recorder {
    /// Begins the results in `out`.
    pub(crate) fn create(out: &Path, interrupted: &watch::Receiver<bool>) -> Result<Self, CliError> {
        let stop = watch::Sender::new(false);
        let (signals, stopped) = (interrupted.clone(), stop.clone());
        tokio::spawn(async move {
            interrupt::signalled(&signals).await;
            stopped.send_replace(true);
        });
        let recording = Recording {
            events: Vec::new(),
            terminal: Terminal::stderr(),
            archive: Archive::create(out)?,
            trouble: None,
            stop,
        };
        Ok(Self(Arc::new(Mutex::new(recording))))
    }

    /// Becomes true at a signal, and when results can no longer be written: nothing is worth going on for then.
    pub(crate) fn stopped(&self) -> watch::Receiver<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).stop.subscribe()
    }

    /// Takes one event.
    pub(crate) fn emit(&self, event: Event) {
        emit(&self.0, event);
    }

    /// Who takes events from elsewhere.
    pub(crate) fn sink(&self) -> Sink {
        let recording = self.0.clone();
        Arc::new(move |event| emit(&recording, event))
    }

    /// Who takes news of progress.
    pub(crate) fn notify(&self) -> Notify {
        let recording = self.0.clone();
        Arc::new(move |server, message| {
            emit(&recording, Event::Progress { server: server.map(str::to_owned), message });
        })
    }

    /// What was decided so far.
    pub(crate) fn results(&self, cases: &[CaseInfo]) -> Vec<CaseResult> {
        let recording = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let decided = |id: &str| {
            let results = recording.events.iter().filter_map(|event| match event {
                Event::CaseDecided { id: of, result } if of == id => Some(result.clone()),
                _ => None,
            });
            results.collect()
        };
        cases.iter().map(|case| CaseResult::new(case.clone(), decided(&case.id))).collect()
    }

    /// Writes every report; `exit_code` if it is not the verdict's. The first thing that could not be written is the error.
    pub(crate) fn finish(&self, exchanges: &[Arc<Exchange>], exit_code: Option<u8>) -> Result<RunRecord, CliError> {
        let mut recording = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recording = &mut *recording;
        let record = RunRecord::from_events(&recording.events)
            .ok_or_else(|| CliError::environment("the run has no first event: this is a defect of fedproof"))?;
        let written = recording.archive.finish(&record, exchanges);
        let page = recording.archive.page();
        let exit_code = exit_code.unwrap_or(record.verdict.exit_code());
        recording.terminal.finish_as(&record, written.is_ok().then_some(page.as_path()), exit_code);
        if let Some(trouble) = recording.trouble.take() {
            return Err(trouble.into());
        }
        written?;
        Ok(record)
    }
}

fn emit(recording: &Mutex<Recording>, event: Event) {
    let mut recording = recording.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = recording.archive.event(&event) {
        recording.trouble.get_or_insert(error);
        recording.stop.send_replace(true);
    }
    recording.terminal.handle(&event);
    recording.events.push(event);
}
