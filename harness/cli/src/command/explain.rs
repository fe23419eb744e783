//! `fedproof explain`: one case in full.

use crate::{
    args::{Explain, Format},
    error::CliError,
    project::Project,
    stdout,
};
use fedproof_hardening::{Rule, rules};
use fedproof_results::exit;
use fedproof_scenario::{Catalogue, Entry};
use serde_json::json;

/// Shows what a case asks, why that shows it, and its script.
pub(crate) fn explain(project: &Project, args: &Explain) -> Result<u8, CliError> {
    if let Some(rule) = rules().find(|rule| rule.id == args.id) {
        return Ok(explain_rule(rule, args.format));
    }
    let catalogue = project.catalogue()?;
    let selection = catalogue.select(std::slice::from_ref(&args.id), &|_| true).map_err(CliError::nothing_selected)?;
    let Some(entry) = selection.entries.first() else {
        return Err(CliError::nothing_selected(format!("there is no case {:?}", args.id)));
    };
    match args.format {
        Format::Json => {
            let loaded = &catalogue.scenarios[entry.scenario];
            stdout::json(&json!({
                "case": entry.info, "about": loaded.scenario.about, "title_of_scenario": loaded.scenario.title,
                "line": loaded.scenario.cases[entry.case].id.line(), "source": *loaded.text,
            }));
        }
        Format::Text => {
            let ids: Vec<&str> = selection.cases().map(|case| case.id.as_str()).collect();
            stdout::print(&text(&catalogue, entry, &ids));
        }
    }
    Ok(exit::QUALIFIED)
}

/// A rule of `fedproof harden`.
fn explain_rule(rule: &Rule, format: Format) -> u8 {
    let not_in: Vec<String> = rule.not_in.iter().map(|(kind, why)| format!("{kind}: {why}")).collect();
    match format {
        Format::Json => stdout::json(&json!({
            "case": rule.case(), "expected": rule.expected, "help": rule.help, "denies": rule.denies, "not_in": not_in,
        })),
        Format::Text => {
            let not_in: String = not_in.iter().map(|one| format!("says nothing of {one}\n")).collect();
            let Rule { id, title, level, source, expected, help, .. } = rule;
            stdout::print(&format!(
                "{id}\n  {title}\n\n{level} · {source}\n\nexpected: {expected}\nto do: {help}\n{not_in}\njudge it: fedproof harden FILE --only '{id}'"
            ));
        }
    }
    exit::QUALIFIED
}

fn text(catalogue: &Catalogue, entry: &Entry, ids: &[&str]) -> String {
    let loaded = &catalogue.scenarios[entry.scenario];
    let (scenario, case) = (&loaded.scenario, &entry.info);
    let line = scenario.cases[entry.case].id.line();
    let phases: Vec<String> = scenario.phases.iter().map(|phase| format!("{} ({})", phase.phase, phase.role)).collect();
    format!(
        "{}\n  {}\n\n{} · priority {} · {}\n{}:{line}\n\n{}\n\nphases: {}\n\nscript of the scenario, from its phases on:\n\n{}\nrun it: fedproof run '{}'",
        ids.join("\n"),
        case.title,
        case.level,
        case.priority,
        case.requirement,
        loaded.file,
        scenario.about.trim_end(),
        phases.join(" → "),
        script(&loaded.text, line),
        case.id,
    )
}

/// The scenario's actors and phases, and of its cases only the one that begins in `line`.
fn script(text: &str, line: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let starts = |key: &str| lines.iter().position(|line| line.starts_with(key));
    let cases = starts("cases:").unwrap_or(lines.len());
    let actors = starts("actors:").unwrap_or(0);
    let first = line.saturating_sub(1).max(cases);
    let is_next = |line: &&str| line.starts_with("  - id:");
    let length = lines.iter().skip(first + 1).position(is_next).map_or(lines.len(), |length| first + 1 + length);
    let shown = lines[actors..cases].iter().chain(lines.get(first..length).unwrap_or_default());
    shown.map(|line| format!("    {line}\n")).collect()
}
