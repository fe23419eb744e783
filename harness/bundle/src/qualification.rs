//! Whether runs together are a qualification.

use fedproof_results::{CaseInfo, RunRecord, RunVerdict, SubjectResult, Verdict};
use std::collections::{BTreeMap, BTreeSet};

/// So many cases are named in one reason.
const NAMED: usize = 10;

/// Why `runs` together are no qualification for what `asked` lists; nothing if they are one.
///
/// Each run must be qualified and whole. Of the gating cases of priority 0 each must have been decided in some run:
/// skipped is not decided, and neither is not asked; what the specification does not offer there is.
pub fn shortcomings(runs: &[RunRecord], asked: &[CaseInfo]) -> Vec<String> {
    let mut reasons = Vec::new();
    if runs.is_empty() {
        reasons.push("there is no run".to_owned());
    }
    for run in runs {
        let id = &run.identity.run_id;
        if run.verdict != RunVerdict::Qualified {
            reasons.push(format!("run {id} is {}", run.verdict.title()));
        }
        if !run.complete {
            reasons.push(format!("run {id} stopped early: {}", run.stopped_because));
        }
    }
    let mut best: BTreeMap<&str, Verdict> = BTreeMap::new();
    for result in runs.iter().flat_map(|run| &run.cases) {
        let known = best.entry(&result.case.id).or_insert(result.verdict);
        *known = result.verdict.min(*known);
    }
    let selected = runs.iter().flat_map(|run| &run.cases).map(|result| &result.case);
    let must: BTreeSet<&str> = asked
        .iter()
        .chain(selected)
        .filter(|case| case.priority == 0 && case.level.gates(false) && !case.is_standing())
        .map(|case| case.id.as_str())
        .collect();
    let whose = |best_is: Option<Verdict>| -> Vec<&str> {
        must.iter().copied().filter(|id| best.get(id).copied() == best_is).collect()
    };
    let wrong = [(Some(Verdict::Skipped), "skipped in every run"), (None, "part of no run")];
    for (cases, what) in wrong.map(|(best_is, what)| (whose(best_is), what)) {
        if !cases.is_empty() {
            let named = cases[..cases.len().min(NAMED)].join(", ");
            let more = if cases.len() > NAMED { ", …" } else { "" };
            reasons.push(format!("{} gating cases of priority 0 were {what}: {named}{more}", cases.len()));
        }
    }
    reasons
}

/// The failures that a profile accepts, in words.
pub fn deviations(runs: &[RunRecord]) -> Vec<String> {
    let results = runs.iter().flat_map(|run| &run.cases);
    let accepted = results.flat_map(|result| result.subjects.iter().map(move |subject| (&result.case.id, subject)));
    let told: BTreeSet<String> = accepted
        .filter(|(_, subject)| subject.verdict == Verdict::Fail)
        .filter_map(|(id, SubjectResult { server, deviation, .. })| {
            let deviation = deviation.as_ref()?;
            let until = String::from(deviation.expires);
            Some(format!(
                "{id} on {server}: {} (accepted by {} until {until})",
                deviation.reason, deviation.accepted_by
            ))
        })
        .collect();
    told.into_iter().collect()
}
