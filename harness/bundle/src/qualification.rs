//! Whether runs together are a qualification.

use fedproof_results::{
    BuildInfo, CaseInfo, CaseResult, Day, RunRecord, RunVerdict, SubjectResult, UPGRADED_TO, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};

/// So many cases are named in one reason.
const NAMED: usize = 10;

/// Why `runs` together are no qualification for what `asked` lists; nothing if they are one.
///
/// All must be of one build (that of the first homeserver, or what that is upgraded to), one profile and one fedproof; each must be
/// qualified and whole. Each gating case of priority 0 must have been decided on that build in some run and have failed in none,
/// whatever the run's own profile makes of it: skipped is not decided, and neither is not asked; what the specification does not
/// offer anywhere is.
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
        if run.servers.first().is_some_and(|one| one.build_under_test().digest.is_empty()) {
            reasons.push(format!("run {id} says not which build it is of: `digest` in the connection file"));
        }
    }
    for (what, of) in [
        (
            "builds",
            (|run| {
                let build = run.servers.first()?.build_under_test();
                Some(format!("{} ({})", build.spec, build.digest))
            }) as fn(&RunRecord) -> _,
        ),
        ("profiles", |run| Some(run.identity.profile.clone())),
        ("versions of fedproof", |run| Some(run.identity.suite_version.clone())),
    ] {
        let different: BTreeSet<String> = runs.iter().filter_map(of).collect();
        if different.len() > 1 {
            let named = different.into_iter().collect::<Vec<_>>().join(", ");
            reasons.push(format!("the runs are of different {what}: {named}"));
        }
    }
    reasons.extend(undecided(runs, asked));
    reasons
}

/// What is wrong with gating cases of priority 0.
fn undecided(runs: &[RunRecord], asked: &[CaseInfo]) -> Vec<String> {
    let mut results: BTreeMap<&str, Vec<(&RunRecord, &CaseResult)>> = BTreeMap::new();
    for run in runs {
        for result in &run.cases {
            results.entry(&result.case.id).or_default().push((run, result));
        }
    }
    let selected = runs.iter().flat_map(|run| &run.cases).map(|result| &result.case);
    let must = must_be_decided(asked.iter().chain(selected));
    let mut wrong: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for id in must {
        let own = results.get(id).map(Vec::as_slice).unwrap_or_default();
        let is = |verdict: Verdict| own.iter().any(|(_, result)| result.verdict == verdict);
        let failed = own.iter().any(|(_, result)| result.verdict == Verdict::Fail && !result.known_deviation);
        let what = match () {
            () if own.is_empty() => "were part of no run",
            () if failed => "failed",
            () if own.iter().any(|(run, result)| is_decided(run, result)) => continue,
            () if is(Verdict::Pass) || is(Verdict::Observed) || is(Verdict::Fail) => {
                "were decided on other builds only"
            }
            () if is(Verdict::Inconclusive) => "were decided in no run",
            () if is(Verdict::Skipped) => "were skipped in every run",
            () => continue,
        };
        wrong.entry(what).or_default().push(id);
    }
    wrong.into_iter().map(|(what, cases)| told(what, &cases)).collect()
}

/// Whether a case was decided on the build that its run is of. Where a homeserver is upgraded, that is a later one than most cases are
/// played on.
fn is_decided(run: &RunRecord, result: &CaseResult) -> bool {
    let Some(build) = run.servers.first().map(|server| server.build_under_test()) else { return false };
    let is_of_it = |subject: &&SubjectResult| {
        let server = run.servers.iter().find(|server| server.name == subject.server);
        server.is_some_and(|server| match subject.facts.contains_key(UPGRADED_TO) {
            true => server.upgrade_to.as_ref() == Some(&build),
            false => (BuildInfo { spec: server.spec.clone(), digest: server.digest.clone() }) == build,
        })
    };
    let decided =
        |subject: &SubjectResult| matches!(subject.verdict, Verdict::Pass | Verdict::Observed | Verdict::Fail);
    result.subjects.iter().filter(is_of_it).any(decided)
}

/// Of these cases the gating ones of priority 0, by id.
fn must_be_decided<'a>(cases: impl Iterator<Item = &'a CaseInfo>) -> BTreeSet<&'a str> {
    let gating = cases.filter(|case| case.priority == 0 && case.level.gates(false) && !case.is_standing());
    gating.map(|case| case.id.as_str()).collect()
}

fn told(what: &str, cases: &[&str]) -> String {
    let named = cases[..cases.len().min(NAMED)].join(", ");
    let more = if cases.len() > NAMED { ", …" } else { "" };
    format!("{} gating cases of priority 0 {what}: {named}{more}", cases.len())
}

/// What `own` has a qualification decide and `asked`, the catalogue of a bundle, has not: what is missing there, or of a lower level or
/// priority; `None` if there is nothing.
pub fn withheld(asked: &[CaseInfo], own: &[CaseInfo]) -> Option<String> {
    let asked = must_be_decided(asked.iter());
    let missing: Vec<&str> = must_be_decided(own.iter()).difference(&asked).copied().collect();
    (!missing.is_empty()).then(|| told("are not asked for", &missing))
}

/// Reasons against accepted failures: those whose acceptance is over on the day the bundle is made.
pub fn expired(runs: &[RunRecord], today: Day) -> Vec<String> {
    let over = accepted(runs).into_iter().filter(|(.., until)| *until < today);
    over.map(|(told, until)| format!("the acceptance of a failure ended on {}: {told}", String::from(until))).collect()
}

/// The failures that a profile accepts, in words.
pub fn deviations(runs: &[RunRecord]) -> Vec<String> {
    let accepted = accepted(runs).into_iter();
    accepted.map(|(told, until)| format!("{told} until {}", String::from(until))).collect()
}

fn accepted(runs: &[RunRecord]) -> BTreeSet<(String, Day)> {
    let results = runs.iter().flat_map(|run| &run.cases);
    let subjects = results.flat_map(|result| result.subjects.iter().map(move |subject| (&result.case.id, subject)));
    let known = subjects.filter(|(_, subject)| subject.is_known_deviation());
    let told = known.filter_map(|(id, SubjectResult { server, deviation, .. })| {
        let deviation = deviation.as_ref()?;
        let told = format!("{id} on {server}: {} (accepted by {})", deviation.reason, deviation.accepted_by);
        Some((told, deviation.expires))
    });
    told.collect()
}
