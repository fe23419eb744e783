//! `fedproof lint`: everything that is wrong in scenarios and workloads, found without starting anything.

use crate::{
    args::{Format, Lint},
    error::CliError,
    ground,
    project::{Project, render},
    stdout,
};
use fedproof_load::Workload;
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
            if args.paths.is_empty() {
                workloads(project)?;
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

/// Every workload of the project; all that is wrong with all of them.
fn workloads(project: &Project) -> Result<(), CliError> {
    let folder = project.fixtures().join("workloads");
    let files = ground::names(&folder).into_iter().map(|name| folder.join(format!("{name}.yaml")));
    let wrong: Vec<String> =
        files.filter_map(|file| Workload::read(&file).err().map(|error| error.to_string())).collect();
    if wrong.is_empty() { Ok(()) } else { Err(CliError::bad_input(wrong.join("\n"))) }
}
