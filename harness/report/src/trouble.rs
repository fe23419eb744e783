//! What needs a reader's attention: failed and inconclusive cases, and what to make of them.

use fedproof_core::transcript::{Exchange, Outcome};
use fedproof_results::{CaseInfo, CaseResult, Deviation, Level, Role, RunRecord, SubjectResult, Verdict};
use std::cmp::Reverse;

/// A case that failed, or could not be decided, on one homeserver.
#[derive(Clone, Copy)]
pub(crate) struct Trouble<'a> {
    /// The case.
    pub(crate) case: &'a CaseInfo,
    /// What happened.
    pub(crate) subject: &'a SubjectResult,
}

impl<'a> Trouble<'a> {
    /// `None` if the verdict needs no explanation: a known deviation has one already.
    pub(crate) fn new(case: &'a CaseInfo, subject: &'a SubjectResult) -> Option<Self> {
        let needs_one = !subject.is_known_deviation();
        (needs_one && matches!(subject.verdict, Verdict::Fail | Verdict::Inconclusive))
            .then_some(Self { case, subject })
    }

    /// Ids of the exchanges behind it, the decisive one last; the last phase's if the failure names none.
    pub(crate) fn exchanges(&self) -> Vec<u64> {
        match &self.subject.failure {
            Some(failure) if !failure.exchanges.is_empty() => failure.exchanges.clone(),
            _ => self.subject.phases.iter().rev().find_map(|phase| phase.exchange).into_iter().collect(),
        }
    }

    /// What to make of it, given the decisive exchange.
    pub(crate) fn hint(&self, decisive: Option<&Exchange>) -> String {
        if let Some(expired) = &self.subject.deviation {
            return format!("a known deviation until {}, and no longer: {expired}", expired.expires);
        }
        let server = &self.subject.server;
        let destination = decisive.map_or("", |exchange| exchange.destination.as_str());
        match decisive.map(|exchange| &exchange.outcome) {
            Some(Outcome::Failed { .. }) => {
                return format!("no answer came: see whether {destination} is alive, and the logs under logs/");
            }
            Some(Outcome::Faulted { .. }) => {
                return "a fault that the scenario injected hit this request: heal it before this step, or expect it"
                    .into();
            }
            Some(Outcome::UnknownName) => {
                return "the destination is no part of the deployment: the server leaks to it, or the scenario misspells a name"
                    .into();
            }
            Some(Outcome::Answered { status: 429 }) => {
                return format!("{destination} limits the rate: its adapter should lift the limits for a test run");
            }
            Some(Outcome::Answered { status: 500.. }) => {
                return format!("{destination} broke inside: its log under logs/ should hold the traceback");
            }
            _ => {}
        }
        let phase = self.subject.failure.as_ref().map(|failure| failure.phase.as_str());
        let role = self
            .subject
            .phases
            .iter()
            .find(|outcome| Some(outcome.phase.as_str()) == phase)
            .map(|outcome| outcome.role);
        match (self.subject.verdict, role) {
            (Verdict::Inconclusive, Some(Role::Control)) => {
                "the same request must succeed without the rule; it did not, so its refusal would prove nothing".into()
            }
            (Verdict::Inconclusive, Some(Role::Setup)) => {
                "the preparation failed, so the rule was never put to the test".into()
            }
            (Verdict::Inconclusive, _) => {
                format!("nothing can be said of the rule; begin with {server}'s log under logs/")
            }
            (_, _) if self.control_passed() => {
                "the same request passed its control, so it is sound: the server's answer is what differs".into()
            }
            (_, _) => format!("compare what {server} answered with the requirement: {}", self.case.requirement),
        }
    }

    fn control_passed(&self) -> bool {
        let mut controls = self.subject.phases.iter().filter(|phase| phase.role == Role::Control).peekable();
        controls.peek().is_some() && controls.all(|phase| phase.ok)
    }
}

/// Every trouble of a run: what gates first, failures before the undecided, then in catalogue order.
pub(crate) fn troubles(record: &RunRecord) -> Vec<Trouble<'_>> {
    let mut troubles: Vec<_> = record.cases.iter().flat_map(troubles_of).collect();
    let gates = |level: Level| level.gates(record.identity.strict);
    troubles.sort_by_key(|trouble| (Reverse(gates(trouble.case.level)), Reverse(trouble.subject.verdict)));
    troubles
}

/// The troubles of one case, by homeserver.
pub(crate) fn troubles_of(result: &CaseResult) -> impl Iterator<Item = Trouble<'_>> {
    result.subjects.iter().filter_map(|subject| Trouble::new(&result.case, subject))
}

/// Failures that the profile accepts, as `row (versions) on server` with what it says of them: one line for all room
/// versions of a row.
pub(crate) fn known_deviations(record: &RunRecord) -> Vec<(String, &Deviation)> {
    let mut known: Vec<(&str, &str, Vec<&str>, &Deviation)> = Vec::new();
    for result in &record.cases {
        for subject in result.subjects.iter().filter(|subject| subject.is_known_deviation()) {
            let Some(deviation) = &subject.deviation else { continue };
            let (row, version) = (result.case.row(), result.case.room_version.as_deref());
            match known.iter_mut().find(|known| known.0 == row && known.1 == subject.server && known.3 == deviation) {
                Some(known) => known.2.extend(version),
                None => known.push((row, &subject.server, version.into_iter().collect(), deviation)),
            }
        }
    }
    let told = known.into_iter().map(|(row, server, versions, deviation)| match versions.as_slice() {
        [] => (format!("{row} on {server}"), deviation),
        some => (format!("{row} (room version {}) on {server}", some.join(", ")), deviation),
    });
    told.collect()
}

/// Cases that the run never came to.
pub(crate) fn unreached(record: &RunRecord) -> Vec<&CaseResult> {
    record.cases.iter().filter(|result| result.subjects.is_empty()).collect()
}
