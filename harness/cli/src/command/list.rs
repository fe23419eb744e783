//! `fedproof list`: the catalogue.

use crate::{
    args::{List, ListFormat},
    error::CliError,
    project::Project,
    stdout,
};
use fedproof_results::{CaseInfo, exit};
use std::fmt::Write;

/// Lists cases; POLICY ones are listed whoever asks for them.
pub(crate) fn list(project: &Project, args: &List) -> Result<u8, CliError> {
    let catalogue = project.catalogue()?;
    let selection = catalogue.select(&args.selectors, &|_| true).map_err(CliError::nothing_selected)?;
    let cases: Vec<&CaseInfo> = selection.cases().collect();
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
