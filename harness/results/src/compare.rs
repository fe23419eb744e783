//! What is different between two sets of verdicts, and what a difference means. Nothing here reads a file.

use crate::{Level, Line, RunVerdict, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How a verdict differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Fails, and did not.
    NewFailure,
    /// Passes, and did not: whoever accepts it guards it from then on.
    NewPass,
    /// Any other two verdicts.
    Verdict,
    /// Same verdict, other level: a requirement became weaker or stronger.
    Level,
    /// Observed before and now, but something else.
    Behaviour,
    /// Was not there before.
    NewCase,
    /// Is not there any more.
    RemovedCase,
}

impl ChangeKind {
    /// In the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::NewFailure,
        Self::NewPass,
        Self::Verdict,
        Self::Level,
        Self::Behaviour,
        Self::NewCase,
        Self::RemovedCase,
    ];

    /// `1 new failure`, `2 new passes`.
    pub fn counted(self, count: usize) -> String {
        let (one, many) = match self {
            Self::NewFailure => ("new failure", "new failures"),
            Self::NewPass => ("new pass", "new passes"),
            Self::Verdict => ("changed verdict", "changed verdicts"),
            Self::Level => ("changed level", "changed levels"),
            Self::Behaviour => ("changed behaviour", "changed behaviours"),
            Self::NewCase => ("new case", "new cases"),
            Self::RemovedCase => ("removed case", "removed cases"),
        };
        format!("{count} {}", if count == 1 { one } else { many })
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Id of the case.
    pub case: String,
    /// Kind of server, see [`Line::server`].
    pub server: String,
    /// What kind of difference.
    pub change: ChangeKind,
    /// How binding the case is; for a removed one, was.
    pub level: Level,
    /// The verdict before; none for a new case.
    pub before: Option<Verdict>,
    /// The verdict now; none for a removed case.
    pub after: Option<Verdict>,
    /// What else there is to say: the reason of a failure, the two levels, the two behaviours; may be empty.
    pub detail: String,
}

/// Two sets of verdicts side by side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// What it was compared with: the file of a baseline, the folder of a run.
    pub with: String,
    /// Lines that are the same.
    pub unchanged: usize,
    /// Lines of one run that the other was to decide and did not reach: no differences, no agreement.
    pub unreached: usize,
    /// What a reader should know of the comparison itself: other deployment, other profile.
    pub notes: Vec<String>,
    /// The differences, new failures first.
    pub changes: Vec<Change>,
}

impl Comparison {
    /// Compares sorted or unsorted lines; of a run that is not `complete` (that before, that after), what is missing is unreached, and
    /// neither new nor removed.
    /// `reason` gives the reason of a line of after, if there is one to give.
    pub fn new(
        with: impl Into<String>,
        before: &[Line],
        after: &[Line],
        complete: (bool, bool),
        reason: &dyn Fn(&Line) -> String,
    ) -> Self {
        let mut pairs: BTreeMap<_, (Option<&Line>, Option<&Line>)> = BTreeMap::new();
        for line in before {
            pairs.entry(line.key()).or_default().0 = Some(line);
        }
        for line in after {
            pairs.entry(line.key()).or_default().1 = Some(line);
        }
        let mut comparison = Self { with: with.into(), ..Self::default() };
        for pair in pairs.into_values() {
            match pair {
                (Some(_), None) if !complete.1 => comparison.unreached += 1,
                (None, Some(_)) if !complete.0 => comparison.unreached += 1,
                (before, after) => match change(before, after, reason) {
                    Some(change) => comparison.changes.push(change),
                    None => comparison.unchanged += 1,
                },
            }
        }
        comparison.changes.sort_by_key(|change| change.change);
        comparison
    }

    /// Whether there is nothing to accept.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The differences of one kind.
    pub fn of(&self, kind: ChangeKind) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(move |change| change.change == kind)
    }

    /// `1 new failure, 2 new passes`; `no difference`.
    pub fn counts(&self) -> String {
        let counted = ChangeKind::ALL.into_iter().map(|kind| (kind, self.of(kind).count()));
        let told: Vec<String> =
            counted.filter(|(_, count)| *count > 0).map(|(kind, count)| kind.counted(count)).collect();
        if told.is_empty() { "no difference".to_owned() } else { told.join(", ") }
    }

    /// The word of a run that is held against accepted verdicts. A difference of any kind wants acceptance, a new pass
    /// as well; until then the build is not qualified. An accepted failure stays a failure: excuses belong into a
    /// profile, with a reason and an end.
    pub fn judge(&self, verdict: RunVerdict) -> RunVerdict {
        match verdict {
            RunVerdict::Qualified if !self.is_empty() => RunVerdict::NotQualified,
            other => other,
        }
    }
}

fn change(before: Option<&Line>, after: Option<&Line>, reason: &dyn Fn(&Line) -> String) -> Option<Change> {
    let line = after.or(before)?;
    let levels = before.zip(after).filter(|(before, after)| before.level != after.level);
    let levels = levels.map(|(before, after)| format!("level {} → {}", before.level, after.level));
    let (kind, detail) = match (before, after) {
        (Some(before), Some(after)) if before.verdict != after.verdict => {
            let kind = match after.verdict {
                Verdict::Fail => ChangeKind::NewFailure,
                Verdict::Pass => ChangeKind::NewPass,
                _ => ChangeKind::Verdict,
            };
            let told = levels.into_iter().chain(Some(reason(after)).filter(|reason| !reason.is_empty()));
            (kind, told.collect::<Vec<_>>().join("; "))
        }
        (Some(before), Some(after)) => match levels {
            Some(levels) => (ChangeKind::Level, levels),
            None if before.seen != after.seen => (ChangeKind::Behaviour, format!("{} → {}", before.seen, after.seen)),
            None => return None,
        },
        (None, Some(after)) => (ChangeKind::NewCase, reason(after)),
        (_, None) => (ChangeKind::RemovedCase, String::new()),
    };
    Some(Change {
        case: line.case.clone(),
        server: line.server.clone(),
        change: kind,
        level: line.level,
        before: before.map(|line| line.verdict),
        after: after.map(|line| line.verdict),
        detail,
    })
}
