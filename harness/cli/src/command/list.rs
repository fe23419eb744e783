//! `fedproof list`: the catalogue.

use crate::{
    args::{List, ListFormat},
    error::CliError,
    project::{Project, hardening_rules},
    stdout,
};
use fedproof_results::{CaseInfo, exit};
use fedproof_scenario::{Selection, is_named};
use std::fmt::Write;

/// Lists cases, and rules of `fedproof harden`; POLICY ones are listed whoever asks for them.
pub(crate) fn list(project: &Project, args: &List) -> Result<u8, CliError> {
    let catalogue = project.catalogue()?;
    let rules = hardening_rules();
    let is_rule = |selector: &String| rules.iter().any(|rule| is_named(rule, selector));
    let select = |selectors: &[String]| catalogue.select(selectors, &|_| true);
    // A selector that names hardening rules need not name cases of scenarios as well.
    let names_cases = |one: &&String| !is_rule(one) || select(std::slice::from_ref(*one)).is_ok();
    let wanted: Vec<String> = args.selectors.iter().filter(names_cases).cloned().collect();
    let selection = match wanted.is_empty() && !args.selectors.is_empty() {
        true => Selection::default(),
        false => select(&wanted).map_err(CliError::nothing_selected)?,
    };
    let is_meant = |rule: &&CaseInfo| args.selectors.is_empty() || args.selectors.iter().any(|one| is_named(rule, one));
    let cases: Vec<&CaseInfo> = selection.cases().chain(rules.iter().filter(is_meant)).collect();
    match args.format {
        ListFormat::Json => stdout::json(&cases),
        ListFormat::Text => stdout::print(text(&cases).trim_end()),
        ListFormat::Markdown => stdout::print(markdown(&cases).trim_end()),
    }
    Ok(exit::QUALIFIED)
}

fn text(cases: &[&CaseInfo]) -> String {
    let width = cases.iter().map(|case| case.id.len()).max().unwrap_or(0);
    let mut text = String::new();
    for case in cases {
        let _ = writeln!(text, "{:width$}  {:7} p{}  {}", case.id, case.level.to_string(), case.priority, case.title);
    }
    let _ = writeln!(text, "{} cases", cases.len());
    text
}

fn markdown(cases: &[&CaseInfo]) -> String {
    let mut text = "| id | level | priority | title | requirement |\n|---|---|---|---|---|\n".to_owned();
    for case in cases {
        let cell = |text: &str| text.replace('|', "\\|");
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} |",
            case.id,
            case.level,
            case.priority,
            cell(&case.title),
            cell(&case.requirement)
        );
    }
    text
}
