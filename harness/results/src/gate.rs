//! From verdicts to the word of the run and the exit code.

use crate::{CaseResult, Verdict};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The word of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunVerdict {
    /// Every gating case passed.
    Qualified,
    /// At least one gating case failed.
    NotQualified,
    /// No gating case failed, but not all could be decided.
    Inconclusive,
}

impl RunVerdict {
    /// As printed: `QUALIFIED`, `NOT QUALIFIED`, `INCONCLUSIVE`.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Qualified => "QUALIFIED",
            Self::NotQualified => "NOT QUALIFIED",
            Self::Inconclusive => "INCONCLUSIVE",
        }
    }

    /// The process exit code that says the same.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Qualified => exit::QUALIFIED,
            Self::NotQualified => exit::NOT_QUALIFIED,
            Self::Inconclusive => exit::INCONCLUSIVE,
        }
    }
}

/// Exit codes of the binary.
pub mod exit {
    /// Every gating case passed.
    pub const QUALIFIED: u8 = 0;
    /// A gating case failed (wins over inconclusive ones).
    pub const NOT_QUALIFIED: u8 = 1;
    /// Usage, scenario, deployment or profile is wrong.
    pub const BAD_INPUT: u8 = 2;
    /// Environment or control failed, or the run stopped early.
    pub const INCONCLUSIVE: u8 = 3;
    /// The selectors match no case.
    pub const NOTHING_SELECTED: u8 = 4;
    /// Ctrl-C or SIGTERM.
    pub const INTERRUPTED: u8 = 130;
}

/// Decides a run: a gating failure wins, then anything undecided, then qualified. A known deviation is no gating failure,
/// unless it has expired. If gating cases were selected and none of them passed, nothing was shown. What is part of every
/// run anyway neither counts as selected nor shows anything of what was.
pub fn decide(cases: &[CaseResult], strict: bool, complete: bool) -> RunVerdict {
    let gating = || cases.iter().filter(|result| result.case.level.gates(strict));
    let selected = || gating().filter(|result| !result.case.is_standing());
    // A case may be a known deviation on one homeserver and undecided on another.
    let undecided = |result: &CaseResult| {
        result.verdict == Verdict::Inconclusive
            || result.subjects.iter().any(|subject| subject.verdict == Verdict::Inconclusive)
    };
    if gating().any(|result| result.verdict == Verdict::Fail && !result.known_deviation) {
        RunVerdict::NotQualified
    } else if !complete
        || gating().any(undecided)
        || (selected().next().is_some() && !selected().any(|result| result.verdict == Verdict::Pass))
    {
        RunVerdict::Inconclusive
    } else {
        RunVerdict::Qualified
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CaseInfo, Level, SubjectResult};

    fn case(level: Level, verdict: Verdict) -> CaseResult {
        let case = CaseInfo {
            id: "a/b/c".into(),
            title: String::new(),
            level,
            priority: 0,
            requirement: String::new(),
            scenario: String::new(),
            tags: vec![],
            room_version: None,
            since: None,
        };
        let subject = SubjectResult {
            server: "alpha".into(),
            verdict,
            reason: String::new(),
            duration_ms: 0,
            phases: vec![],
            facts: Default::default(),
            measurements: vec![],
            failure: None,
            deviation: None,
        };
        CaseResult::new(case, vec![subject])
    }

    /// The case, failing, with a deviation for it.
    fn deviating(expired: bool, beside: &[Verdict]) -> CaseResult {
        let CaseResult { case: info, mut subjects, .. } = case(Level::Must, Verdict::Fail);
        for verdict in beside {
            subjects.push(SubjectResult { server: "bravo".into(), verdict: *verdict, ..subjects[0].clone() });
        }
        let expires = crate::Day::new(2026, 12, 31).expect("a day");
        subjects[0].deviation = Some(crate::Deviation {
            reason: "an old release".into(),
            accepted_by: "N. N.".into(),
            expires,
            expired,
            reference: "a note".into(),
        });
        CaseResult::new(info, subjects)
    }

    #[test]
    fn a_known_deviation_does_not_gate_until_it_expires() {
        let passed = || case(Level::Must, Verdict::Pass);
        assert_eq!(decide(&[deviating(false, &[]), passed()], false, true), RunVerdict::Qualified);
        assert_eq!(decide(&[deviating(true, &[]), passed()], false, true), RunVerdict::NotQualified);
        assert_eq!(decide(&[deviating(false, &[Verdict::Pass]), passed()], false, true), RunVerdict::Qualified);
    }

    #[test]
    fn a_known_deviation_hides_nothing_that_another_server_does() {
        let passed = || case(Level::Must, Verdict::Pass);
        assert_eq!(decide(&[deviating(false, &[Verdict::Fail]), passed()], false, true), RunVerdict::NotQualified);
        let undecided = deviating(false, &[Verdict::Inconclusive]);
        assert_eq!(decide(&[undecided, passed()], false, true), RunVerdict::Inconclusive);
        assert_eq!(decide(&[deviating(false, &[])], false, true), RunVerdict::Inconclusive, "nothing passed");
    }

    #[test]
    fn a_gating_failure_wins_over_everything() {
        let cases = [case(Level::Must, Verdict::Inconclusive), case(Level::Policy, Verdict::Fail)];
        assert_eq!(decide(&cases, false, false), RunVerdict::NotQualified);
    }

    #[test]
    fn should_gates_when_asked_and_may_and_observe_never() {
        let should = [case(Level::Should, Verdict::Fail)];
        assert_eq!(decide(&should, false, true), RunVerdict::Qualified);
        assert_eq!(decide(&should, true, true), RunVerdict::NotQualified);
        let others = [case(Level::May, Verdict::Fail), case(Level::Observe, Verdict::Inconclusive)];
        assert_eq!(decide(&others, true, true), RunVerdict::Qualified);
    }

    #[test]
    fn what_is_undecided_or_stopped_qualifies_nothing() {
        assert_eq!(decide(&[case(Level::Must, Verdict::Inconclusive)], false, true), RunVerdict::Inconclusive);
        assert_eq!(decide(&[case(Level::Must, Verdict::Pass)], false, false), RunVerdict::Inconclusive);
        assert_eq!(decide(&[case(Level::Must, Verdict::Skipped)], false, true), RunVerdict::Inconclusive);
        assert_eq!(decide(&[case(Level::Must, Verdict::Pass)], false, true), RunVerdict::Qualified);
    }
}
