//! How far the run is: a bar on a terminal, a line now and then elsewhere.

use crate::words::plural;
use indicatif::{ProgressBar, ProgressStyle};
use std::{collections::BTreeMap, time::Duration};

/// Without a terminal, a line for so many parts of all cases.
const PARTS: usize = 10;

/// Progress of one run.
pub(super) struct Progress {
    /// On a terminal only.
    bar: Option<ProgressBar>,
    /// What each homeserver last reported while the deployment starts.
    steps: BTreeMap<String, String>,
    all: usize,
    /// How many parts of [`PARTS`] have been told.
    told: usize,
}

impl Progress {
    /// As a bar.
    pub(super) fn bar() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(120));
        Self { bar: Some(bar), ..Self::lines() }
    }

    /// As lines.
    pub(super) fn lines() -> Self {
        Self { bar: None, steps: BTreeMap::new(), all: 0, told: 0 }
    }

    /// Something slow moved on. The line to print, if there is no bar to show it and it is news.
    pub(super) fn step(&mut self, server: Option<&str>, message: &str) -> Option<String> {
        let before = self.steps.insert(server.unwrap_or_default().to_owned(), message.to_owned());
        let Some(bar) = &self.bar else {
            let line = server.map_or_else(|| message.to_owned(), |server| format!("{server}: {message}"));
            return (before.as_deref() != Some(message)).then_some(line);
        };
        if self.all == 0 {
            let spelt = |(server, message): (&String, &String)| match server.as_str() {
                "" => message.clone(),
                server => format!("{server}: {message}"),
            };
            bar.set_message(self.steps.iter().map(spelt).collect::<Vec<_>>().join(" · "));
        }
        None
    }

    /// The deployment is up; from now on cases are counted.
    pub(super) fn begin_cases(&mut self, all: usize) {
        self.all = all;
        if let Some(bar) = &self.bar {
            // A template that does not parse would be a defect of this line; the spinner goes on then.
            if let Ok(style) = ProgressStyle::with_template("{elapsed} [{bar:30}] {pos}/{len} cases {msg}") {
                bar.set_style(style.progress_chars("=> "));
            }
            bar.set_message("");
            bar.set_length(all as u64);
            bar.set_position(0);
        }
    }

    /// So many cases are decided. The line to print, if there is no bar to show it and it is time for one.
    pub(super) fn cases(&mut self, decided: usize, failed: usize, undecided: usize) -> Option<String> {
        let mut bad = Vec::new();
        if failed > 0 {
            bad.push(format!("{failed} failed"));
        }
        if undecided > 0 {
            bad.push(format!("{undecided} inconclusive"));
        }
        let bad = bad.join(", ");
        if let Some(bar) = &self.bar {
            bar.set_position(decided as u64);
            bar.set_message(bad);
            return None;
        }
        let part = decided * PARTS / self.all.max(1);
        if part <= self.told {
            return None;
        }
        self.told = part;
        let line = format!("{decided} of {} decided", plural(self.all, "case", "cases"));
        Some(if bad.is_empty() { line } else { format!("{line}, {bad}") })
    }

    /// Does `print` while the bar is out of the way.
    pub(super) fn beside(&self, print: impl FnOnce()) {
        match &self.bar {
            Some(bar) => bar.suspend(print),
            None => print(),
        }
    }

    /// No more progress.
    pub(super) fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
