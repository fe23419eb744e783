//! The gate in a sentence: how many gating cases passed, and why the run has its word.

use crate::words::{ORDER, plural, word};
use fedproof_results::{CaseResult, RunRecord, RunVerdict, Verdict};

/// The gating cases of a run, counted.
pub(crate) struct GateLine<'a> {
    record: &'a RunRecord,
}

impl<'a> GateLine<'a> {
    pub(crate) fn of(record: &'a RunRecord) -> Self {
        Self { record }
    }

    fn gating(&self, verdict: Verdict) -> impl Iterator<Item = &'a CaseResult> + use<'a> {
        let strict = self.record.identity.strict;
        self.record.cases.iter().filter(move |result| result.case.level.gates(strict) && result.verdict == verdict)
    }

    /// `44 of 48 gating cases passed, 1 failed, 3 skipped`, and beside those how many are not applicable.
    pub(crate) fn counts(&self) -> String {
        let count = |verdict| self.gating(verdict).count();
        let apply = |verdict: &Verdict| *verdict != Verdict::NotApplicable;
        let all: usize = ORDER.into_iter().filter(apply).map(count).sum();
        let mut line = format!("{} of {} passed", count(Verdict::Pass), plural(all, "gating case", "gating cases"));
        for verdict in [Verdict::Fail, Verdict::Inconclusive, Verdict::Skipped, Verdict::NotApplicable] {
            match count(verdict) {
                0 => {}
                some => line += &format!(", {some} {}", word(verdict)),
            }
        }
        line
    }

    /// Why the run has its word.
    pub(crate) fn reason(&self) -> String {
        match self.record.verdict {
            RunVerdict::NotQualified => named(self.gating(Verdict::Fail), "failed"),
            RunVerdict::Inconclusive if !self.record.complete => {
                format!("the run stopped early: {}", self.record.stopped_because)
            }
            RunVerdict::Inconclusive => named(self.gating(Verdict::Inconclusive), "could not be decided"),
            RunVerdict::Qualified if self.gating(Verdict::Pass).next().is_none() => {
                "no gating case was decided; nothing speaks against this build, and nothing for it".into()
            }
            RunVerdict::Qualified => "every gating case that was decided passed".into(),
        }
    }
}

/// `2 gating cases failed: acl/endpoint/state/v10 and 1 more`.
fn named<'a>(cases: impl Iterator<Item = &'a CaseResult>, what: &str) -> String {
    let ids: Vec<_> = cases.map(|result| result.case.id.as_str()).collect();
    let line = format!("{} {what}", plural(ids.len(), "gating case", "gating cases"));
    match ids.as_slice() {
        [] => line,
        [only] => format!("{line}: {only}"),
        [first, more @ ..] => format!("{line}: {first} and {} more", more.len()),
    }
}
