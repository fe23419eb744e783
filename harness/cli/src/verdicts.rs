//! Verdicts that are stored somewhere: results folders, `run.json`, baselines.

use crate::error::CliError;
use fedproof_report::Archive;
use fedproof_results::{Baseline, CaseInfo, Level, Line, RunRecord, lines};
use fedproof_scenario::is_named;
use std::path::Path;

/// What one side of a comparison is.
pub(crate) enum Stored {
    /// A run, complete or not.
    Run(Box<RunRecord>),
    /// Accepted verdicts.
    Baseline(Baseline),
}

impl Stored {
    /// Reads a results folder, a `run.json` or a baseline, whichever it is.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        if path.is_dir() {
            return Ok(Self::Run(Box::new(read_run(path)?)));
        }
        let text = read_text(path)?;
        let value: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if value.get("run_id").is_some() {
            let run =
                serde_json::from_value(value).map_err(|error| wrong(path, format!("read it as a run: {error}")))?;
            return Ok(Self::Run(run));
        }
        Baseline::parse(&text).map(Self::Baseline).map_err(|error| wrong(path, error))
    }

    pub(crate) fn lines(&self) -> Vec<Line> {
        match self {
            Self::Run(run) => lines(run),
            Self::Baseline(baseline) => baseline.cases.clone(),
        }
    }

    /// Whether everything that is missing is really not there.
    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Self::Run(run) => run.complete,
            Self::Baseline(_) => true,
        }
    }

    /// Deployment and profile.
    pub(crate) fn place(&self) -> (&str, &str) {
        match self {
            Self::Run(run) => (&run.identity.deployment, &run.identity.profile),
            Self::Baseline(baseline) => (&baseline.deployment, &baseline.profile),
        }
    }

    /// Whether it was asked about a case; a baseline is about everything.
    pub(crate) fn is_about(&self, id: &str) -> bool {
        match self {
            Self::Run(run) => in_scope(&run.identity.selectors, id),
            Self::Baseline(_) => true,
        }
    }
}

/// Reads the run in a results folder.
pub(crate) fn read_run(folder: &Path) -> Result<RunRecord, CliError> {
    Archive::read(folder).map_err(|error| CliError::bad_input(format!("failed to {error}")))
}

/// Reads a baseline; what is wrong with it is the user's to mend.
pub(crate) fn read_baseline(file: &Path) -> Result<Baseline, CliError> {
    Baseline::parse(&read_text(file)?).map_err(|error| wrong(file, error))
}

/// The lines of a baseline that a run with these selectors is to answer.
pub(crate) fn asked(mut baseline: Baseline, selectors: &[String]) -> Baseline {
    baseline.cases.retain(|line| in_scope(selectors, &line.case));
    baseline
}

/// Whether selectors name a case of which only the id is known. A tag names none: what once had it is not recorded, so
/// a run selected by tags sees no removed cases.
pub(crate) fn in_scope(selectors: &[String], id: &str) -> bool {
    let room_version = id.rsplit_once("/v").map(|(_, version)| version.to_owned());
    let room_version = room_version.filter(|version| version.chars().all(|char| char.is_ascii_digit()));
    let case = CaseInfo {
        id: id.to_owned(),
        title: String::new(),
        level: Level::Must,
        priority: 0,
        requirement: String::new(),
        scenario: String::new(),
        tags: Vec::new(),
        room_version,
        since: None,
    };
    selectors.is_empty() || selectors.iter().any(|selector| is_named(&case, selector))
}

fn read_text(path: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(path)
        .map_err(|error| CliError::bad_input(format!("failed to read {}: {error}", path.display())))
}

fn wrong(path: &Path, error: impl std::fmt::Display) -> CliError {
    CliError::bad_input(format!("{}: failed to {error}", path.display()))
}
