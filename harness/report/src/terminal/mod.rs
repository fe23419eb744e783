//! The reporter for people, live on stderr.
//!
//! On a terminal there is a progress bar and colour (unless `NO_COLOR` is set); elsewhere, in a CI log, there are
//! few and plain lines. A case that went wrong is explained at once, and the closing tables come last.

mod closing;
mod explain;
mod paint;
mod progress;

use crate::{
    trouble::Trouble,
    words::{duration, one_line, plural},
};
use fedproof_core::transcript::Exchange;
use fedproof_results::{CaseInfo, Event, Identity, RunRecord, ServerInfo, SubjectResult, Verdict};
use paint::Paint;
use progress::Progress;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::{self, IsTerminal, Write},
    path::Path,
};

/// So many cases are explained in full; what comes after gets a line each. When a homeserver dies, hundreds of
/// cases fail for one reason, and the first of them says it.
const IN_FULL: usize = 20;

/// Writes what happens to stderr.
pub struct Terminal {
    sink: Box<dyn Write + Send>,
    paint: Paint,
    progress: Progress,
    run: Option<Run>,
    evidence: BTreeMap<u64, Exchange>,
    explained: usize,
}

/// What is known of the run so far.
struct Run {
    identity: Identity,
    cases: HashMap<String, CaseInfo>,
    servers: Vec<ServerInfo>,
    decided: HashSet<String>,
    failed: HashSet<String>,
    undecided: HashSet<String>,
}

impl Terminal {
    /// On stderr. Colour follows the terminal, `NO_COLOR` and `CLICOLOR_FORCE`.
    pub fn stderr() -> Self {
        let progress = if io::stderr().is_terminal() { Progress::bar() } else { Progress::lines() };
        Self::new(Box::new(io::stderr()), console::colors_enabled_stderr(), progress)
    }

    /// Into any sink, without a progress bar: for tests, and for a log beside the terminal.
    pub fn plain(sink: Box<dyn Write + Send>, colour: bool) -> Self {
        Self::new(sink, colour, Progress::lines())
    }

    fn new(sink: Box<dyn Write + Send>, colour: bool, progress: Progress) -> Self {
        Self { sink, paint: Paint { colour }, progress, run: None, evidence: BTreeMap::new(), explained: 0 }
    }

    /// Takes the next event of the stream.
    pub fn handle(&mut self, event: &Event) {
        match event {
            Event::RunStarted { identity, cases } => self.started(identity, cases),
            Event::Progress { server, message } => {
                let message = one_line(message, 200);
                if let Some(line) = self.progress.step(server.as_deref(), &message) {
                    self.line(&line);
                }
            }
            // Told at the end, as differences.
            Event::BaselineTaken { .. } => {}
            Event::Warning { message } => {
                let text = format!("{} {}", self.paint.warning("warning:"), one_line(message, 1_000));
                self.line(&text);
            }
            Event::DeploymentReady { servers, boot_ms } => self.ready(servers, *boot_ms),
            Event::Evidence { exchange } => {
                self.evidence.insert(exchange.id, (**exchange).clone());
            }
            Event::CaseDecided { id, result } => self.decided(id, result),
            Event::RunFinished { .. } => self.progress.end(),
        }
    }

    /// The closing tables and the word of the run; `page` is where `report.html` stands.
    pub fn finish(&mut self, record: &RunRecord, page: Option<&Path>) {
        self.finish_as(record, page, record.verdict.exit_code());
    }

    /// As [`Terminal::finish`], where the process ends with another exit code than the verdict's: interrupted, say.
    pub fn finish_as(&mut self, record: &RunRecord, page: Option<&Path>, exit_code: u8) {
        self.progress.end();
        let text = closing::closing(record, page, exit_code, &self.paint);
        self.line(&text);
    }

    fn started(&mut self, identity: &Identity, cases: &[CaseInfo]) {
        let text = format!(
            "fedproof {}: {} on {} ({}), profile {}, seed {}",
            identity.suite_version,
            plural(cases.len(), "case", "cases"),
            one_line(&identity.deployment, 100),
            identity.backend,
            one_line(&identity.profile, 100),
            identity.seed
        );
        self.run = Some(Run {
            identity: identity.clone(),
            cases: cases.iter().map(|case| (case.id.clone(), case.clone())).collect(),
            servers: Vec::new(),
            decided: HashSet::new(),
            failed: HashSet::new(),
            undecided: HashSet::new(),
        });
        self.line(&text);
    }

    fn ready(&mut self, servers: &[ServerInfo], boot_ms: u64) {
        let named: Vec<_> = servers
            .iter()
            .map(|server| format!("{} = {} {}", server.name, server.implementation, one_line(&server.version, 60)))
            .collect();
        let text = format!("deployment is up after {}: {}", duration(boot_ms), named.join(", "));
        let mut all = 0;
        if let Some(run) = &mut self.run {
            run.servers = servers.to_vec();
            all = run.cases.len();
        }
        self.line(&text);
        self.progress.begin_cases(all);
    }

    fn decided(&mut self, id: &str, result: &SubjectResult) {
        let Some(run) = &mut self.run else { return };
        let Some(case) = run.cases.get(id) else { return };
        let explanation = Trouble::new(case, result).map(|trouble| {
            self.explained += 1;
            if self.explained <= IN_FULL {
                explain::in_full(&trouble, &self.evidence, &run.identity, &run.servers, &self.paint)
            } else {
                explain::in_brief(&trouble, &self.paint)
            }
        });
        run.decided.insert(id.to_owned());
        match result.verdict {
            Verdict::Fail if !result.is_known_deviation() => run.failed.insert(id.to_owned()),
            Verdict::Inconclusive => run.undecided.insert(id.to_owned()),
            _ => false,
        };
        let line = self.progress.cases(run.decided.len(), run.failed.len(), run.undecided.len());
        for text in explanation.into_iter().chain(line) {
            self.line(&text);
        }
    }

    /// Writes a text and a line end above the progress bar. That stderr is closed is no reason to fail a run.
    fn line(&mut self, text: &str) {
        let sink = &mut self.sink;
        self.progress.beside(|| {
            let _ = writeln!(sink, "{text}").and_then(|()| sink.flush());
        });
    }
}
