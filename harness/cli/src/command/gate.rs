//! `fedproof gate`: may this build go out? The decision over a stored run, its base, and what came before it.

use super::history::{read_entry, read_load};
use crate::{
    args::{Gate, ListFormat},
    error::CliError,
    project::Project,
    stdout,
    verdicts::{asked, read_baseline, read_run},
};
use fedproof_history::{
    Entry, Kind, Label, Store,
    gate::{Effect, Finding, Policy, Question, judge, judge_pairs, told},
};
use fedproof_report::{changes_markdown, changes_text, gate_lines};
use fedproof_results::{RunRecord, exit};
use serde_json::json;
use std::{collections::BTreeMap, path::Path};

/// Decides as the run did, or against another baseline, and by the policy where there is a base, a history or a load;
/// the exit code is the decision.
pub(crate) async fn gate(project: impl Fn() -> Result<Project, CliError>, args: &Gate) -> Result<u8, CliError> {
    let entry = read_entry(&args.run, &Label::from(&args.label))?;
    let record = match entry.head.kind {
        Kind::Cases => Some(judged(args)?),
        Kind::Load => None,
    };
    let mut findings = Vec::new();
    if args.base.is_some() || args.history.is_some() || !args.loads.is_empty() || record.is_none() {
        let policy = policy(project, args)?;
        findings.extend(over_time(args, &entry, &policy).await?);
        let own = Some(&args.run).filter(|_| record.is_none());
        for load in args.loads.iter().chain(own) {
            findings.extend(judge_pairs(&read_load(load)?, &policy));
        }
    }
    let blocked = findings.iter().any(|finding| finding.effect == Effect::Block);
    let by_record = match &record {
        Some(record) => record.verdict.exit_code(),
        None => by_load(&entry.head.verdict),
    };
    let exit_code = if blocked { exit::NOT_QUALIFIED } else { by_record };
    tell(args, &entry, record.as_ref(), &findings, exit_code);
    Ok(exit_code)
}

/// The run, against another baseline if one is given.
fn judged(args: &Gate) -> Result<RunRecord, CliError> {
    let mut record = read_run(&args.run)?;
    if let Some(file) = &args.baseline {
        let baseline = read_baseline(file)?;
        baseline.fits(&record.identity.deployment, &record.identity.profile).map_err(CliError::bad_input)?;
        let baseline = asked(baseline, &record.identity.selectors);
        record.hold_against(&file.display().to_string(), &baseline.cases);
    }
    Ok(record)
}

fn policy(project: impl Fn() -> Result<Project, CliError>, args: &Gate) -> Result<Policy, CliError> {
    let file = match &args.policy {
        Some(file) => file.clone(),
        None => project()?.root.join("fixtures/gate.yaml"),
    };
    let wrong = |error: &dyn std::fmt::Display| CliError::bad_input(format!("{}: failed to {error}", file.display()));
    let text = std::fs::read_to_string(&file).map_err(|error| wrong(&format!("read it: {error}")))?;
    Policy::parse(&text).map_err(|error| wrong(&error))
}

/// Against the base, and against what came before.
async fn over_time(args: &Gate, candidate: &Entry, policy: &Policy) -> Result<Vec<Finding>, CliError> {
    let store = match &args.history {
        Some(at) => Some(Store::open(at).await?),
        None => None,
    };
    let folder = args.base.as_deref().filter(|base| Path::new(base).is_dir());
    let branch = args.base.as_deref().filter(|_| folder.is_none()).unwrap_or(&args.label.branch);
    let mut base = None;
    if let Some(folder) = folder {
        base = Some(read_entry(Path::new(folder), &Label { branch: branch.to_owned(), build: None })?);
    }
    let (mut outcomes, mut figures) = (BTreeMap::new(), BTreeMap::new());
    match &store {
        Some(store) => {
            let place = &candidate.head.place;
            let is_before = |started_at: &str, run_id: &str| {
                run_id != candidate.head.run_id && started_at <= candidate.head.started_at.as_str()
            };
            if base.is_none() {
                let runs = store.runs(Some(branch), Some(place), 50).await?;
                let latest = runs.iter().find(|run| is_before(&run.started_at, &run.run_id));
                base = match latest {
                    Some(run) => Some(store.entry(&run.run_id).await?),
                    None => None,
                };
            }
            figures = store.figures(branch, place, policy.history.runs + 1).await?;
            for points in figures.values_mut() {
                points.retain(|point| is_before(&point.started_at, &point.run_id));
            }
            outcomes = store.outcomes_in(branch, place, policy.cases.flaky.runs).await?;
            for before in outcomes.values_mut() {
                before.retain(|one| is_before(&one.started_at, &one.run_id));
            }
        }
        None if base.is_none() && args.base.is_some() => {
            let what = args.base.as_deref().unwrap_or_default();
            return Err(CliError::bad_input(format!("--base {what} is no folder, and as a branch it needs --history")));
        }
        None => {}
    }
    if base.is_none() && args.base.is_some() {
        let place = &candidate.head.place;
        return Err(CliError::bad_input(format!("the history has no earlier run of branch {branch} in {place:?}")));
    }
    if let Some(store) = store {
        store.close().await;
    }
    let question = Question { candidate, base: base.as_ref(), outcomes: &outcomes, figures: &figures };
    Ok(judge(&question, policy))
}

/// What a load's own word means.
fn by_load(verdict: &str) -> u8 {
    match verdict {
        "held" => exit::QUALIFIED,
        "broken" | "slower" => exit::NOT_QUALIFIED,
        _ => exit::INCONCLUSIVE,
    }
}

fn tell(args: &Gate, entry: &Entry, record: Option<&RunRecord>, findings: &[Finding], exit_code: u8) {
    let comparison = record.and_then(|record| record.comparison.as_ref());
    let word = match exit_code {
        exit::QUALIFIED => "QUALIFIED",
        exit::NOT_QUALIFIED => "NOT QUALIFIED",
        _ => "INCONCLUSIVE",
    };
    // The last line says what came of it, whoever said so: the run by itself, or the policy.
    let reason = match record {
        Some(record) if record.verdict.exit_code() == exit_code => gate_lines(record),
        _ => format!("{word}: {}", told::counts(findings)),
    };
    match args.format {
        ListFormat::Json => stdout::json(&json!({
            "run_id": entry.head.run_id, "verdict": word.to_lowercase().replace(' ', "_"), "exit_code": exit_code,
            "complete": entry.head.complete, "comparison": comparison, "findings": findings,
        })),
        ListFormat::Text => {
            if let Some(comparison) = comparison {
                stdout::print(&changes_text(comparison, usize::MAX));
                if !comparison.is_empty() && entry.head.complete {
                    let file = args.baseline.iter().map(|file| format!(" --baseline {}", file.display()));
                    let (run, file) = (args.run.display(), file.collect::<String>());
                    stdout::print(&format!("if they are as they should be: fedproof baseline accept {run}{file}"));
                }
            }
            if !findings.is_empty() {
                stdout::print(&told::text(findings));
            }
            stdout::print(&reason);
        }
        ListFormat::Markdown => {
            stdout::print(&format!("### fedproof: {}\n", reason.replacen('\n', "\n\n", 1)));
            if let Some(comparison) = comparison.filter(|comparison| !comparison.is_empty()) {
                stdout::print(&changes_markdown(comparison));
            }
            stdout::print(told::markdown(findings).trim_end());
        }
    }
}
