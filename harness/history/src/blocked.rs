//! Runs that a gate did not let pass, and where they are kept.
//!
//! What is on a branch is what its next build is held against: as the base, as the level of figures, as cases that come and go. A build
//! that was not let through must be nothing of that, and is kept as one of another branch, `main:blocked`: a name that git gives to no
//! branch. Who wants to know how `main` does needs both, which is a *line*.

use crate::{HistoryError, RunHead, Store, Track};
use std::collections::HashMap;

/// What the name of a branch ends in if its runs are those that the gate of another did not let pass.
const BLOCKED: &str = ":blocked";

impl RunHead {
    /// Whether a gate did not let it pass.
    pub fn is_blocked(&self) -> bool {
        self.branch.ends_with(BLOCKED)
    }

    /// The branch whose gate judged it.
    pub fn line(&self) -> &str {
        line(&self.branch)
    }

    /// Whether it was qualified, or a load that held, and no gate said otherwise.
    pub fn is_good(&self) -> bool {
        matches!(self.word(), "qualified" | "held")
    }

    /// What came of it in a word: that of its record, or `blocked` if only the gate was not content.
    pub fn word(&self) -> &str {
        match self.verdict.as_str() {
            "qualified" | "held" if self.is_blocked() => "blocked",
            verdict => verdict,
        }
    }
}

impl Store {
    /// All tracks, the one with the latest run first; what was blocked is counted to the branch that it was built on.
    pub async fn lines(&self) -> Result<Vec<Track>, HistoryError> {
        let mut lines: Vec<Track> = Vec::new();
        let mut known: HashMap<(String, String), usize> = HashMap::new();
        for mut track in self.tracks().await? {
            track.branch = line(&track.branch).to_owned();
            match known.get(&(track.branch.clone(), track.place.clone())) {
                Some(at) => lines[*at].runs += track.runs,
                None => {
                    known.insert((track.branch.clone(), track.place.clone()), lines.len());
                    lines.push(track);
                }
            }
        }
        Ok(lines)
    }

    /// Runs of a branch and a place, latest first, at most `limit`, with those that were blocked.
    pub async fn runs_of_line(&self, branch: &str, place: &str, limit: u32) -> Result<Vec<RunHead>, HistoryError> {
        let mut runs = self.runs(Some(branch), Some(place), limit).await?;
        runs.extend(self.runs(Some(&format!("{branch}{BLOCKED}")), Some(place), limit).await?);
        runs.sort_by(|one, other| other.started_at.cmp(&one.started_at));
        runs.truncate(limit as usize);
        Ok(runs)
    }
}

fn line(branch: &str) -> &str {
    branch.strip_suffix(BLOCKED).unwrap_or(branch)
}
