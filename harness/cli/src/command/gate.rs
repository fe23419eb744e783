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
    Entry, Kind, Label, RunHead, Store,
    gate::{Effect, Finding, Policy, Question, judge, judge_pairs, told},
};
use fedproof_report::{changes_markdown, changes_text, gate_lines};
use fedproof_results::{RunRecord, ServerInfo, exit, load::LoadRecord};
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
    let (mut findings, mut base) = (Vec::new(), None);
    let asks = args.base.is_some() || args.history.is_some() || !args.loads.is_empty();
    // What did not start can be held against nothing; its own word is all there is to say.
    let has_started = entry.head.complete || !entry.head.servers.is_empty();
    if has_started && (asks || args.policy.is_some() || record.is_none()) {
        let policy = policy(project, args)?;
        (findings, base) = over_time(args, &entry, &policy).await?;
        for load in &args.loads {
            findings.extend(judge_pairs(&pairs_of(load, &entry)?, &policy));
        }
        if record.is_none() {
            findings.extend(judge_pairs(&read_load(&args.run)?, &policy));
        }
        findings.sort_by_key(|finding| finding.effect);
    }
    let blocked = findings.iter().any(|finding| finding.effect == Effect::Block);
    let by_record = match &record {
        Some(record) => record.verdict.exit_code(),
        None => by_load(&entry.head.verdict),
    };
    let exit_code = if blocked { exit::NOT_QUALIFIED } else { by_record };
    let judged =
        Judged { entry: &entry, record: record.as_ref(), findings: &findings, base: base.as_deref(), exit_code };
    tell(args, &judged);
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

/// Against the base, and against what came before; and which run the base was.
async fn over_time(
    args: &Gate,
    candidate: &Entry,
    policy: &Policy,
) -> Result<(Vec<Finding>, Option<String>), CliError> {
    // Beside a history a bare name is a branch, whatever folder of that name somebody has put here.
    let is_folder = |base: &&str| match &args.history {
        Some(_) => base.starts_with(['.', '/']),
        None => Path::new(base).is_dir(),
    };
    let folder = args.base.as_deref().filter(is_folder).map(Path::new);
    let branch = args.base.as_deref().filter(|_| folder.is_none()).unwrap_or(&args.label.branch);
    let mut base = match folder {
        Some(folder) => Some(comparable(folder, candidate, branch)?),
        None => None,
    };
    let (mut outcomes, mut figures) = (BTreeMap::new(), BTreeMap::new());
    match &args.history {
        Some(at) => {
            let store = Store::open(at).await?;
            if base.is_none() {
                base = earlier(&store, candidate, branch).await?;
            }
            figures = store.figures_before(&candidate.head, branch, policy.history.runs).await?;
            outcomes = store.outcomes_before(&candidate.head, branch, policy.cases.flaky.runs).await?;
            store.close().await;
        }
        None if base.is_none() && args.base.is_some() => {
            let what = args.base.as_deref().unwrap_or_default();
            return Err(CliError::bad_input(format!("--base {what} is no folder, and as a branch it needs --history")));
        }
        None => {}
    }
    if base.is_none() && args.base.is_some() {
        let place = &candidate.head.place;
        let hint = if Path::new(branch).is_dir() { format!("; the folder is ./{branch}") } else { String::new() };
        return Err(CliError::bad_input(format!(
            "the history has no earlier run of branch {branch} in {place:?}{hint}"
        )));
    }
    let question = Question {
        candidate,
        base: base.as_ref(),
        outcomes: &outcomes,
        figures: &figures,
        is_of_its_branch: branch == args.label.branch,
        history_is_missing: args.history.is_none(),
    };
    let told =
        base.as_ref().map(|base| format!("{} ({}, {})", base.head.run_id, base.head.build, base.head.started_at));
    Ok((judge(&question, policy), told))
}

/// A run in a folder as the base: it must be of the same kind and place.
fn comparable(folder: &Path, candidate: &Entry, branch: &str) -> Result<Entry, CliError> {
    let base = read_entry(folder, &Label { branch: branch.to_owned(), build: None })?;
    let (ours, theirs) = (&candidate.head, &base.head);
    if (ours.kind, &ours.place) != (theirs.kind, &theirs.place) {
        let folder = folder.display();
        return Err(CliError::bad_input(format!(
            "--base {folder} is of {:?}, the run of {:?}: nothing of the two can be compared",
            theirs.place, ours.place
        )));
    }
    Ok(base)
}

/// The base in a history: the latest whole run before the candidate, of another build and qualified if there is one, so
/// that playing a bad build again does not make it its own base.
async fn earlier(store: &Store, candidate: &Entry, branch: &str) -> Result<Option<Entry>, CliError> {
    let runs = store.runs_before(&candidate.head, branch, 200).await?;
    let whole = || runs.iter().filter(|run| run.complete);
    let other = || whole().filter(|run| run.build != candidate.head.build);
    let good = |run: &&RunHead| matches!(run.verdict.as_str(), "qualified" | "held");
    let base = other().find(good).or_else(|| other().next()).or_else(|| whole().find(good)).or_else(|| whole().next());
    Ok(match base {
        Some(run) => Some(store.entry(&run.run_id).await?),
        None => None,
    })
}

/// The record of a paired load whose second side is the build under judgement.
fn pairs_of(folder: &Path, candidate: &Entry) -> Result<LoadRecord, CliError> {
    let load = read_load(folder)?;
    let folder = folder.display();
    let Some(comparison) = &load.comparison else {
        return Err(CliError::bad_input(format!(
            "--load {folder} is no paired load (`fedproof load paired --against …`)"
        )));
    };
    let digest = |servers: &[ServerInfo], of: fn(&ServerInfo) -> String| {
        let known = servers.first().map(|server| (server.implementation.clone(), of(server)));
        known.filter(|(_, digest)| !digest.is_empty())
    };
    let candidate = digest(&candidate.head.servers, |server| server.build_under_test().digest);
    if candidate.is_none() {
        return Err(CliError::bad_input(format!(
            "--load {folder} cannot be told to be of the run's build, which the run does not name: `digest` in the connection file"
        )));
    }
    // A load upgrades nothing.
    if digest(&comparison.servers, |server| server.digest.clone()) != candidate {
        return Err(CliError::bad_input(format!(
            "--load {folder} compares with another build than the run is of (its first homeserver): B must be the candidate"
        )));
    }
    Ok(load)
}

/// What a load's own word means.
fn by_load(verdict: &str) -> u8 {
    match verdict {
        "held" => exit::QUALIFIED,
        "broken" | "slower" => exit::NOT_QUALIFIED,
        _ => exit::INCONCLUSIVE,
    }
}

/// What came of it.
struct Judged<'j> {
    entry: &'j Entry,
    record: Option<&'j RunRecord>,
    findings: &'j [Finding],
    base: Option<&'j str>,
    exit_code: u8,
}

fn tell(args: &Gate, judged: &Judged) {
    let Judged { entry, record, findings, base, exit_code } = *judged;
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
            "complete": entry.head.complete, "base": base, "comparison": comparison, "findings": findings,
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
            base.iter().for_each(|base| stdout::print(&format!("held against {base}")));
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
            base.iter().for_each(|base| stdout::print(&format!("Held against {}.\n", told::code(base, 200))));
            stdout::print(told::markdown(findings).trim_end());
        }
    }
}
