//! Changes of verdicts.

use super::{Effect, Finding, Policy, Question};
use crate::{CaseOutcome, Entry, Outcome};
use fedproof_results::{Change, ChangeKind, Comparison, Line, Verdict};

/// What is different from the base.
pub(super) fn changes(question: &Question, policy: &Policy) -> Vec<Finding> {
    let Some(base) = question.base else { return Vec::new() };
    let candidate = question.candidate;
    let reason = |line: &Line| {
        let same = |outcome: &&Outcome| (outcome.case.as_str(), outcome.server.as_str()) == line.key();
        candidate.outcomes.iter().find(same).map(|outcome| outcome.reason.clone()).unwrap_or_default()
    };
    let complete = (base.head.complete, candidate.head.complete);
    let comparison = Comparison::new(base.head.run_id.clone(), &lines(base), &lines(candidate), complete, &reason);
    comparison.changes.iter().map(|change| found(change, question, policy)).collect()
}

fn lines(entry: &Entry) -> Vec<Line> {
    let line = |outcome: &Outcome| Line {
        case: outcome.case.clone(),
        server: outcome.server.clone(),
        level: outcome.level,
        verdict: outcome.verdict,
        seen: outcome.seen.clone(),
    };
    entry.outcomes.iter().map(line).collect()
}

fn found(change: &Change, question: &Question, policy: &Policy) -> Finding {
    let cases = &policy.cases;
    let decided = |verdict: Option<Verdict>| matches!(verdict, Some(Verdict::Pass | Verdict::Fail | Verdict::Observed));
    let before = question.base.into_iter().flat_map(|base| &base.outcomes);
    let mut before = before.filter(|one| (&one.case, &one.server) == (&change.case, &change.server));
    let was_gating = before.any(|one| one.level.gates(false));
    let (rule, effect) = match change.change {
        ChangeKind::NewFailure => ("cases.regressed", cases.regressed),
        // Whatever its verdict is now: that of an observation says nothing of a promise.
        _ if was_gating && !change.level.gates(false) => ("cases.weakened", cases.weakened),
        ChangeKind::NewPass => ("cases.fixed", cases.fixed),
        ChangeKind::Verdict if decided(change.before) && !decided(change.after) => ("cases.undecided", cases.undecided),
        ChangeKind::Verdict => ("cases.changed", cases.changed),
        // A new requirement that fails is a failure, whoever wrote it.
        ChangeKind::NewCase if change.after == Some(Verdict::Fail) => ("cases.regressed", cases.regressed),
        ChangeKind::NewCase => ("cases.new", cases.new),
        ChangeKind::RemovedCase => ("cases.removed", cases.removed),
        ChangeKind::Behaviour => ("cases.behaviour", cases.behaviour),
        ChangeKind::Level => ("cases.level", cases.level),
    };
    let word = |verdict: Option<Verdict>| verdict.map_or_else(|| "not there".to_owned(), |verdict| verdict.to_string());
    let mut says = format!("{} → {}", word(change.before), word(change.after));
    if !change.detail.is_empty() {
        says.push_str(&format!(": {}", change.detail));
    }
    // What does not gate, a failing observation or SHOULD without --strict, does not block either; what did until now does.
    let gates = change.level.gates(false) || was_gating;
    let candidate = question.candidate;
    let is_accepted = candidate
        .outcomes
        .iter()
        .any(|outcome| outcome.accepted && (&outcome.case, &outcome.server) == (&change.case, &change.server));
    Finding {
        rule,
        effect: if gates && !(is_accepted && change.after == Some(Verdict::Fail)) {
            effect
        } else {
            effect.max(Effect::Warn)
        },
        about: format!("{} on {}", change.case, change.server),
        says: if is_accepted { format!("{says} (a known deviation)") } else { says },
        since: Some(candidate.head.build.clone()),
        chance: None,
    }
}

/// What came and went in the runs before.
pub(super) fn flaky(question: &Question, policy: &Policy) -> Vec<Finding> {
    let flaky = &policy.cases.flaky;
    let mut findings = Vec::new();
    for outcome in &question.candidate.outcomes {
        let before = question.outcomes.get(&outcome.case).map(Vec::as_slice).unwrap_or_default();
        let before: Vec<&CaseOutcome> =
            before.iter().filter(|other| other.server == outcome.server).take(flaky.runs as usize).collect();
        // A build may change a verdict; that the same build has two is the case's doing.
        let verdicts: Vec<(&str, Verdict)> = std::iter::once((question.candidate.head.build.as_str(), outcome.verdict))
            .chain(before.iter().map(|other| (other.build.as_str(), other.verdict)))
            .collect();
        let changes = verdicts.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
        let within = verdicts.windows(2).any(|pair| pair[0].0 == pair[1].0 && pair[0].1 != pair[1].1);
        if changes >= flaky.changes && (within || changes > flaky.changes) {
            findings.push(Finding {
                rule: "cases.flaky",
                effect: flaky.is,
                about: format!("{} on {}", outcome.case, outcome.server),
                says: format!("its verdict changed {changes} times in {} runs", verdicts.len()),
                since: None,
                chance: None,
            });
        }
    }
    findings
}
