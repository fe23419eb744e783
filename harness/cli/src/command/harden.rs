//! `fedproof harden`: the hardening rules over files, and over containers that run.

use super::harden_running::running;
use crate::{
    args::{Harden, ListFormat},
    error::CliError,
    project::Project,
    stdout,
};
use fedproof_hardening::{HardeningError, Judgement, Known, Rule, Unjudged, bills, judge, read, rules};
use fedproof_results::{Verdict, exit};
use fedproof_scenario::{Profile, is_named};
use serde_json::json;
use std::{fmt::Write, io::IsTerminal};

/// The setting of a profile that lists the registries images may come from.
const REGISTRIES: &str = "image_registries";

/// Judges files and what runs; gives the exit code.
pub(crate) fn harden(project: impl FnOnce() -> Result<Project, CliError>, args: &Harden) -> Result<u8, CliError> {
    let is_selected = |rule: &Rule| args.only.is_empty() || args.only.iter().any(|glob| is_named(&rule.case(), glob));
    if !rules().any(is_selected) {
        let known: Vec<&str> = rules().map(|rule| rule.id).collect();
        return Err(CliError::nothing_selected(format!(
            "no rule is called like --only says: there is {}",
            known.join(", ")
        )));
    }
    let profile = args.profile.as_ref().map(|name| project()?.profile(name, &[])).transpose()?;
    let mut inputs = read(&args.files)?;
    inputs.extend(running(&args.running)?);
    let known =
        Known { registries: registries(args, profile.as_ref())?, bills: args.bills.as_deref().map(bills).transpose()? };
    let level_of = |rule: &Rule| profile.as_ref().map_or(rule.level, |profile| profile.level_of(&rule.case()));
    let judgements = judge(&inputs, &known, is_selected, level_of);
    let unread: Vec<&String> = inputs.iter().flat_map(|input| &input.unread).collect();
    let is_gating = |one: &&Judgement| one.verdict == Verdict::Fail && one.level.gates(args.strict);
    let code = match judgements.iter().find(is_gating) {
        Some(_) => exit::NOT_QUALIFIED,
        None if judgements.iter().all(|one| one.verdict == Verdict::NotApplicable) => exit::NOTHING_SELECTED,
        None if !unread.is_empty() => exit::INCONCLUSIVE,
        None => exit::QUALIFIED,
    };
    let unjudged: Vec<&Unjudged> = inputs.iter().flat_map(|input| &input.unjudged).collect();
    match args.format {
        ListFormat::Json => stdout::json(&json!({
            "schema": "fedproof/harden/1",
            "verdict": match code {
                exit::QUALIFIED => "qualified",
                exit::NOT_QUALIFIED => "not_qualified",
                _ => "inconclusive",
            },
            "unread": unread,
            "unjudged": unjudged,
            "judgements": judgements,
        })),
        ListFormat::Text => {
            let told = match unjudged.len() {
                0 => String::new(),
                number => format!("; not judged, since no rule knows it: {number}, see the warnings"),
            };
            stdout::print(&(text(&judgements, args.strict, unread.is_empty()) + &told));
        }
        ListFormat::Markdown => stdout::print(&markdown(&judgements)),
    }
    for Unjudged { file, line, what } in unjudged {
        stdout::complain(&format!("warning: {file}:{line}: {what} was not judged: no rule knows it"));
    }
    for path in unread {
        stdout::complain(&format!("warning: {path} is not there: what it holds was not judged"));
    }
    if code == exit::NOTHING_SELECTED {
        return Err(CliError::nothing_selected("no rule that was selected applies to what was given"));
    }
    Ok(code)
}

/// Those of the command line, else those of the profile.
fn registries(args: &Harden, profile: Option<&Profile>) -> Result<Vec<String>, CliError> {
    let setting = profile.and_then(|profile| profile.settings.get(REGISTRIES)).filter(|_| args.registries.is_empty());
    match setting {
        None => Ok(args.registries.clone()),
        Some(value) => serde_json::from_value(value.clone())
            .map_err(|_| CliError::bad_input(format!("`{REGISTRIES}` of the profile must be a list of registries"))),
    }
}

fn text(judgements: &[Judgement], strict: bool, all_read: bool) -> String {
    let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text = String::new();
    for finding in judgements.iter().flat_map(|one| &one.findings) {
        let _ = writeln!(text, "{}\n", finding.diagnostic.render(colour));
    }
    for (file, of_file) in by_file(judgements) {
        let count = |verdict| of_file.iter().filter(|one| one.verdict == verdict).count();
        let (held, broken) = (count(Verdict::Pass), count(Verdict::Fail));
        let _ = writeln!(
            text,
            "{file}: {held} rules hold, {broken} broken, {} not applicable",
            count(Verdict::NotApplicable)
        );
        for one in of_file.iter().filter(|one| one.verdict == Verdict::NotApplicable) {
            let _ = writeln!(text, "  not applicable: {}: {}", one.rule, one.reason);
        }
    }
    let broken: Vec<&Judgement> = judgements.iter().filter(|one| one.verdict == Verdict::Fail).collect();
    let gating = broken.iter().filter(|one| one.level.gates(strict)).count();
    let places: usize = broken.iter().map(|one| one.findings.len()).sum();
    let refused = broken.iter().filter(|one| one.denies).count();
    let _ = match gating {
        0 if !all_read => write!(text, "\nINCONCLUSIVE: no gating rule is broken, but not everything could be read"),
        0 => write!(text, "\nQUALIFIED: no gating rule is broken"),
        _ => write!(text, "\nNOT QUALIFIED: gating rules broken: {gating}, at {places} places"),
    };
    if refused > 0 {
        let _ = write!(text, "; {refused} of them the IG BvC refuses to deploy");
    }
    text
}

fn markdown(judgements: &[Judgement]) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let mut text =
        "| rule | level | file | verdict | where | seen | what to do |\n|---|---|---|---|---|---|---|\n".to_owned();
    for one in judgements {
        let row = format!("| `{}` | {} | {} | {} |", one.rule, one.level, cell(&one.file), one.verdict);
        for finding in &one.findings {
            let (line, seen) = (finding.line, cell(&finding.seen));
            let subjects = cell(&finding.subjects.join(", "));
            let _ =
                writeln!(text, "{row} {}:{line}, {subjects} | {seen} | {} |", cell(&finding.file), cell(finding.help));
        }
        if one.findings.is_empty() {
            let _ = writeln!(text, "{row} | {} | |", cell(&one.reason));
        }
    }
    text
}

/// Judgements by what they are of, in its order.
fn by_file(judgements: &[Judgement]) -> Vec<(&str, Vec<&Judgement>)> {
    let mut files: Vec<(&str, Vec<&Judgement>)> = Vec::new();
    for one in judgements {
        match files.iter_mut().find(|(file, _)| *file == one.file) {
            Some((_, all)) => all.push(one),
            None => files.push((&one.file, vec![one])),
        }
    }
    files
}

impl From<HardeningError> for CliError {
    fn from(error: HardeningError) -> Self {
        match error {
            HardeningError::Wrong(diagnostic) => {
                Self::rendered(exit::BAD_INPUT, crate::project::render(std::slice::from_ref(&*diagnostic)))
            }
            error => Self::bad_input(error),
        }
    }
}
