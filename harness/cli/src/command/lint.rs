//! `fedproof lint`: everything that is wrong in scenario files, found without starting anything.

use crate::{
    args::{Format, Lint},
    error::CliError,
    project::{Project, render},
    stdout,
};
use fedproof_results::exit;
use serde_json::json;

/// Lints files or folders.
pub(crate) fn lint(project: &Project, args: &Lint) -> Result<u8, CliError> {
    let here = std::env::current_dir().unwrap_or_default();
    let paths: Vec<_> = args.paths.iter().map(|path| here.join(path)).collect();
    match project.load(&paths) {
        Ok(catalogue) => {
            if args.paths.is_empty() {
                let settings = project.settings(&catalogue.cases())?;
                let known: Vec<&str> =
                    settings.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
                let wrong = catalogue.unknown_settings(&known);
                if !wrong.is_empty() {
                    return Err(CliError::rendered(exit::BAD_INPUT, render(&wrong)));
                }
            }
            let (scenarios, cases) = (catalogue.scenarios.len(), catalogue.cases().len());
            match args.format {
                Format::Json => stdout::json(&json!({"problems": [], "scenarios": scenarios, "cases": cases})),
                Format::Text => stdout::print(&format!("{scenarios} scenarios with {cases} cases, no problem")),
            }
            Ok(exit::QUALIFIED)
        }
        Err(wrong) => {
            if args.format == Format::Json {
                let problems: Vec<_> = wrong
                    .iter()
                    .map(|one| {
                        json!({"file": one.file, "line": one.line, "column": one.column, "title": one.title,
                               "expected": one.label, "help": one.help})
                    })
                    .collect();
                stdout::json(&json!({ "problems": problems }));
            }
            Err(CliError::rendered(exit::BAD_INPUT, render(&wrong)))
        }
    }
}
