//! The project's folder: where scenarios and fixtures are.

use crate::error::CliError;
use fedproof_results::CaseInfo;
use fedproof_results::exit;
use fedproof_scenario::{Catalogue, Diagnostic, Profile, load};
use serde_json::{Map, Value};
use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
};

/// Where scenarios/ and fixtures/ are.
pub(crate) struct Project {
    pub(crate) root: PathBuf,
}

impl Project {
    /// The folder given, or the nearest one upwards from the current folder that holds scenarios/ and fixtures/.
    pub(crate) fn find(given: Option<&Path>) -> Result<Self, CliError> {
        let is_project = |folder: &Path| folder.join("scenarios").is_dir() && folder.join("fixtures").is_dir();
        if let Some(given) = given {
            return match is_project(given) {
                true => Ok(Self { root: given.to_owned() }),
                false => Err(CliError::bad_input(format!(
                    "{} holds no scenarios/ and fixtures/: --root must be fedproof's folder",
                    given.display()
                ))),
            };
        }
        let here = std::env::current_dir()
            .map_err(|error| CliError::environment(format!("failed to find the current folder: {error}")))?;
        match here.ancestors().find(|folder| is_project(folder)) {
            Some(root) => Ok(Self { root: root.to_owned() }),
            None => Err(CliError::bad_input(
                "no scenarios/ and fixtures/ here or above: run inside fedproof's folder, or say --root DIR",
            )),
        }
    }

    pub(crate) fn fixtures(&self) -> PathBuf {
        self.root.join("fixtures")
    }

    /// All scenarios, linted.
    pub(crate) fn catalogue(&self) -> Result<Catalogue, CliError> {
        self.load(&[]).map_err(|wrong| CliError::rendered(exit::BAD_INPUT, render(&wrong)))
    }

    /// The profile of that name, linted against all rows there are: these, and the hardening rules. Without rows, what it
    /// names is not looked for.
    pub(crate) fn profile(&self, name: &str, rows: &[CaseInfo]) -> Result<Profile, CliError> {
        let folder = self.fixtures().join("profiles");
        let path = folder.join(format!("{name}.yaml"));
        if !path.is_file() {
            let known = crate::ground::names(&folder).join(", ");
            let message = format!("there is no profile {name:?} in fixtures/profiles: there is {known}");
            return Err(CliError::bad_input(message));
        }
        let file = format!("fixtures/profiles/{name}.yaml");
        let text = std::fs::read_to_string(&path)
            .map_err(|error| CliError::bad_input(format!("failed to read {file}: {error}")))?;
        let wrong = match Profile::parse(&file, &text) {
            Ok(profile) if rows.is_empty() => return Ok(profile),
            Ok(profile) => match profile.names_no_row(&file, &text, &[rows, &hardening_rules()].concat()) {
                wrong if wrong.is_empty() => return Ok(profile),
                wrong => wrong,
            },
            Err(wrong) => wrong,
        };
        Err(CliError::rendered(exit::BAD_INPUT, render(&wrong)))
    }

    /// Every profile there is, linted.
    pub(crate) fn profiles(&self, rows: &[CaseInfo]) -> Result<Vec<Profile>, CliError> {
        let names = crate::ground::names(&self.fixtures().join("profiles"));
        names.iter().map(|name| self.profile(name, rows)).collect()
    }

    /// The settings of all profiles: where nobody chose one, a setting is what the first profile that has it says.
    pub(crate) fn settings(&self, rows: &[CaseInfo]) -> Result<Value, CliError> {
        let mut settings = Map::new();
        for profile in self.profiles(rows)? {
            for (name, value) in profile.settings {
                settings.entry(name).or_insert(value);
            }
        }
        Ok(settings.into())
    }

    /// These files or folders, or all scenarios, linted; native checks must be ones that the runner has.
    pub(crate) fn load(&self, paths: &[PathBuf]) -> Result<Catalogue, Vec<Diagnostic>> {
        let catalogue = load(&self.root, paths)?;
        let wrong = catalogue.unknown_natives(&fedproof_runner::native_checks());
        if wrong.is_empty() { Ok(catalogue) } else { Err(wrong) }
    }
}

/// Rules of `fedproof harden`, as rows.
pub(crate) fn hardening_rules() -> Vec<CaseInfo> {
    fedproof_hardening::rules().map(fedproof_hardening::Rule::case).collect()
}

/// Everything that is wrong, as a compiler would print it.
pub(crate) fn render(wrong: &[Diagnostic]) -> String {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let mut text: String = wrong.iter().map(|one| format!("{}\n\n", one.render(colour))).collect();
    text.push_str(&format!("{} problem{}", wrong.len(), if wrong.len() == 1 { "" } else { "s" }));
    text
}
