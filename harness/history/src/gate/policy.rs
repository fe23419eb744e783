//! What blocks a build, and what only warns: one YAML file.

use crate::{FigureKind, change::Settings};
use fedproof_results::Day;
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
    /// The same verdict of a requirement of another level.
    pub level: Effect,
    /// A requirement that gated and does not any more.
    pub weakened: Effect,
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
    /// A series of the runs before that the candidate does not have.
    pub missing: Effect,
    /// Nothing to hold the candidate against: no run before it, or too few for a level.
    pub nothing: Effect,
    /// What one run may add to the level before it, by kind of figure.
    pub bounds: BTreeMap<FigureKind, Bound>,
    /// Changes of level.
    pub changes: Changes,
    /// Levels that are worse, and known.
    #[serde(default)]
    pub accepted: Vec<AcceptedLevel>,
}

/// A worse level that somebody accepts for a time: without it, a step that is meant would stop every build after it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedLevel {
    /// Name of the series (`cpu_per_case(alpha)`).
    pub figure: String,
    /// How the place begins in which it is, such as with the name of a deployment; every place if it is empty.
    #[serde(default)]
    pub place: String,
    /// Up to which value, in the unit of the series.
    pub at_most: f64,
    /// Why.
    pub reason: String,
    /// Who.
    pub accepted_by: String,
    /// Last day on which it is.
    pub expires: Day,
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
    /// A kind of figure without a rule.
    #[error(
        "read it as a policy: {kind} needs a line in history.bounds and in history.changes.kinds; `is: ignore` drops it"
    )]
    NoKind {
        /// Which.
        kind: String,
    },
    /// A worse level that nobody answers for.
    #[error("read it as a policy: history.accepted of {figure} needs a reason and accepted_by")]
    Unexplained {
        /// Which series.
        figure: String,
    },
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
        let history = &policy.history;
        let significance = history.changes.significance;
        if !(0.001..=0.5).contains(&significance) {
            return outside("history.changes.significance".to_owned(), significance, "between 0.001 and 0.5");
        }
        let counts = [
            ("history.runs", history.runs as usize, 10),
            ("history.changes.recent", history.changes.recent, 1),
            ("cases.flaky.runs", policy.cases.flaky.runs as usize, 2),
            ("cases.flaky.changes", policy.cases.flaky.changes, 2),
        ];
        for (what, count, least) in counts {
            if count < least {
                return outside(
                    what.to_owned(),
                    count as f64,
                    if least == 10 { "10 or more" } else { "1 or more, 2 for what changes" },
                );
            }
        }
        let shares = history.bounds.iter().map(|(kind, bound)| (format!("history.bounds.{kind:?}.share"), bound.share));
        let effects = history.changes.kinds.iter();
        let effects =
            effects.map(|(kind, one)| (format!("history.changes.kinds.{kind:?}.least_effect"), one.least_effect));
        for (what, share) in shares.chain(effects) {
            if !(share > 0.0 && share <= 1.0) {
                return outside(
                    what.to_lowercase(),
                    share,
                    "a share of more than 0 and at most 1, so that 0.05 is five percent",
                );
            }
        }
        for accepted in &history.accepted {
            if accepted.reason.trim().is_empty() || accepted.accepted_by.trim().is_empty() {
                return Err(PolicyError::Unexplained { figure: accepted.figure.clone() });
            }
        }
        // A kind that is forgotten would never block.
        for kind in FigureKind::ALL {
            if !history.bounds.contains_key(&kind) || !history.changes.kinds.contains_key(&kind) {
                return Err(PolicyError::NoKind { kind: format!("{kind:?}").to_lowercase() });
            }
        }
        Ok(policy)
    }
}

impl Changes {
    /// As the search for changes takes it, where so many series are searched: the share of false alarms is that of all together
    /// (Bonferroni), since one of them suffices to stop a build.
    pub(super) fn settings(&self, least_effect: f64, series: usize) -> Settings {
        let significance = self.significance / series.max(1) as f64;
        let shufflings = ((4.0 / significance).ceil() as usize).clamp(199, 20_000);
        Settings { significance, least_effect, shufflings, ..Settings::default() }
    }
}
