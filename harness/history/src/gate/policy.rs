//! What blocks a build, and what only warns: one YAML file.

use crate::{FigureKind, change::Settings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a finding does to a build. Ordered: the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It does not go out.
    Block,
    /// Somebody should look.
    Warn,
    /// Told, for the record.
    Note,
    /// Not told.
    Ignore,
}

/// The policy.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Changes of verdicts against the base.
    pub cases: Cases,
    /// A paired session of a load.
    pub paired: Paired,
    /// Figures against the runs before.
    pub history: History,
}

/// Changes of verdicts against the base.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cases {
    /// Fails, and did not.
    pub regressed: Effect,
    /// Passes, and did not.
    pub fixed: Effect,
    /// Was decided, and is not now: inconclusive, skipped, not reached.
    pub undecided: Effect,
    /// Any other two verdicts.
    pub changed: Effect,
    /// Was not there.
    pub new: Effect,
    /// Is not there any more.
    pub removed: Effect,
    /// An observation that is another.
    pub behaviour: Effect,
    /// The same verdict of a requirement that became weaker or stronger.
    pub level: Effect,
    /// Comes and goes.
    pub flaky: Flaky,
}

/// What counts as coming and going.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flaky {
    /// What it does.
    pub is: Effect,
    /// How many runs are looked at.
    pub runs: u32,
    /// From how many changes of the verdict among them on.
    pub changes: usize,
}

/// What a paired session may say.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Paired {
    /// A figure of the candidate is slower, or takes more.
    pub slower: Effect,
    /// It is faster, or takes less.
    pub faster: Effect,
    /// Something could not be told exactly enough, or not at all.
    pub unclear: Effect,
    /// A threshold or an invariant broke, or the figures must not be believed.
    pub broken: Effect,
}

/// Figures against the runs before.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// How many runs are looked at.
    pub runs: u32,
    /// What one run may add to the level before it, by kind of figure.
    pub bounds: BTreeMap<FigureKind, Bound>,
    /// Changes of level.
    pub changes: Changes,
}

/// What one run may add.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bound {
    /// What more does.
    pub is: Effect,
    /// Share of the level that is allowed, however steady the figure was.
    pub share: f64,
    /// And so many standard deviations of what was, by the median of distances from its median.
    pub sigmas: f64,
}

/// Which changes of level matter.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// Share of flat series in which a change may be seen nevertheless.
    pub significance: f64,
    /// Among how many of the latest runs a change is news.
    pub recent: usize,
    /// What a change to the worse does, and from which share of the level on, by kind of figure.
    pub kinds: BTreeMap<FigureKind, Change>,
}

/// A change to the worse.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// What it does.
    pub is: Effect,
    /// Smallest share of the level before that matters.
    pub least_effect: f64,
}

/// Why a text is no policy. Messages read after "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// No YAML, or not of this shape; the message has line and column.
    #[error("read it as a policy: {0}")]
    Malformed(#[from] serde_saphyr::Error),
    /// A share that is none.
    #[error("read it as a policy: {what} is {value}, it must be {expected}")]
    Outside {
        /// Which.
        what: String,
        /// What it is.
        value: f64,
        /// What it must be.
        expected: &'static str,
    },
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// [`PolicyError`], with the place.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let policy: Self = serde_saphyr::from_str(text)?;
        let outside = |what: String, value: f64, expected| Err(PolicyError::Outside { what, value, expected });
        let significance = policy.history.changes.significance;
        if !(0.001..=0.5).contains(&significance) {
            return outside("history.changes.significance".to_owned(), significance, "between 0.001 and 0.5");
        }
        for (kind, bound) in &policy.history.bounds {
            if !(bound.share > 0.0 && bound.sigmas >= 0.0) {
                return outside(format!("history.bounds.{kind:?}").to_lowercase(), bound.share, "more than 0");
            }
        }
        Ok(policy)
    }
}

impl Changes {
    /// As the search for changes takes it.
    pub(super) fn settings(&self, least_effect: f64) -> Settings {
        let shufflings = ((4.0 / self.significance).ceil() as usize).max(199);
        Settings { significance: self.significance, least_effect, shufflings, ..Settings::default() }
    }
}
