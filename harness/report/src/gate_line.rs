//! The gate in a sentence: how many gating cases passed, and why the run has its word.

use crate::words::{ORDER, one_line, plural, word};
use fedproof_results::{CaseResult, RunRecord, RunVerdict, Verdict};

/// The word of a run, why, and how many gating cases passed, on two lines: the end of every text about a run.
pub fn gate_lines(record: &RunRecord) -> String {
    let gate = GateLine::of(record);
    format!("{}: {}\n{}", record.verdict.title(), one_line(&gate.reason(), 500), gate.counts())
}

/// The gating cases of a run, counted.
pub(crate) struct GateLine<'a> {
    record: &'a RunRecord,
}

impl<'a> GateLine<'a> {
    pub(crate) fn of(record: &'a RunRecord) -> Self {
        Self { record }
    }

    /// Gating cases with a verdict; known deviations are none of the failures.
    fn gating(&self, verdict: Verdict) -> impl Iterator<Item = &'a CaseResult> + use<'a> {
        let gating = self.all().filter(|result| !result.known_deviation);
        gating.filter(move |result| result.verdict == verdict)
    }

    fn all(&self) -> impl Iterator<Item = &'a CaseResult> + use<'a> {
        let strict = self.record.identity.strict;
        self.record.cases.iter().filter(move |result| result.case.level.gates(strict))
    }

    fn known(&self) -> usize {
        self.all().filter(|result| result.known_deviation).count()
    }

    /// `44 of 48 gating cases passed, 1 failed, 3 skipped`, and beside those how many are not applicable.
    pub(crate) fn counts(&self) -> String {
        let count = |verdict| self.gating(verdict).count();
        let apply = |verdict: &Verdict| *verdict != Verdict::NotApplicable;
        let all: usize = self.known() + ORDER.into_iter().filter(apply).map(count).sum::<usize>();
        let mut line = format!("{} of {} passed", count(Verdict::Pass), plural(all, "gating case", "gating cases"));
        if self.known() > 0 {
            line += &format!(", {}", plural(self.known(), "known deviation", "known deviations"));
        }
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
            RunVerdict::NotQualified if self.gating(Verdict::Fail).next().is_none() => self.unaccepted(),
            RunVerdict::NotQualified => named(self.gating(Verdict::Fail), "failed"),
            RunVerdict::Inconclusive if !self.record.complete => {
                format!("the run stopped early: {}", self.record.stopped_because)
            }
            RunVerdict::Inconclusive if self.gating(Verdict::Inconclusive).next().is_none() => {
                "no gating case passed, so nothing speaks for this build".into()
            }
            RunVerdict::Inconclusive => named(self.gating(Verdict::Inconclusive), "could not be decided"),
            RunVerdict::Qualified if self.gating(Verdict::Pass).next().is_none() => {
                "no gating case was decided; nothing speaks against this build, and nothing for it".into()
            }
            RunVerdict::Qualified if self.known() > 0 => {
                let known = plural(self.known(), "known deviation", "known deviations");
                format!("every gating case that was decided passed, but for {known} that the profile accepts")
            }
            RunVerdict::Qualified => "every gating case that was decided passed".into(),
        }
    }
}

impl GateLine<'_> {
    /// Nothing that gates failed, and yet: `2 differences to baseline.json want acceptance (1 new pass, 1 new case)`.
    fn unaccepted(&self) -> String {
        let Some(comparison) = &self.record.comparison else { return "a gating case failed".to_owned() };
        let counts = comparison.counts();
        match comparison.changes.len() {
            1 => format!("1 difference to {} wants acceptance ({counts})", comparison.with),
            count => format!("{count} differences to {} want acceptance ({counts})", comparison.with),
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
