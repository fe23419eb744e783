//! All scenarios that were loaded, and the cases they expand to.

use crate::{model::Scenario, near, select::Selection, template, terms, walk};
use fedproof_results::{CaseInfo, Level, STANDING};
use fedproof_yaml::{Diagnostic, Places};
use std::sync::Arc;

/// Every scenario that was loaded, sorted by file.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The scenarios.
    pub scenarios: Vec<Loaded>,
}

/// A scenario and the file it stands in.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// File, relative to the project's root, with `/` between its parts.
    pub file: String,
    /// Its text as read.
    pub text: Arc<str>,
    /// What it says.
    pub scenario: Scenario,
}

/// A case and where it comes from.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The case as it is listed.
    pub info: CaseInfo,
    /// Index in [`Catalogue::scenarios`].
    pub scenario: usize,
    /// Index in [`Scenario::cases`].
    pub case: usize,
}

impl Catalogue {
    /// Calls of native checks that are not among the known ones. Which there are is up to whoever runs them, so
    /// that [`load`](crate::load) cannot say.
    pub fn unknown_natives(&self, known: &[&str]) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for loaded in &self.scenarios {
            for (pointer, step) in walk::every_step(&loaded.scenario) {
                let Some(native) = step.native.as_ref().filter(|native| !known.contains(&native.check.as_str())) else {
                    continue;
                };
                let span = Places::of(&loaded.text).value(&format!("{pointer}/native/check")).unwrap_or_default();
                let title = format!("there is no native check `{}`", native.check);
                let label = near::did_you_mean(&native.check, known.iter().copied()).unwrap_or_default();
                let help = Some(format!("there are {}", known.join(", ")));
                found.push(Diagnostic::at(&loaded.file, &loaded.text, span, title, label, help));
            }
        }
        found
    }

    /// References to settings (`${profile.NAME}`) that are not among the known ones. Which there are is up to the
    /// profiles, so that [`load`](crate::load) cannot say.
    pub fn unknown_settings(&self, known: &[&str]) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for loaded in &self.scenarios {
            for reference in template::references(&loaded.text) {
                let Some(name) = reference.path.first().filter(|_| reference.name == terms::PROFILE) else { continue };
                if !known.contains(&name.as_str()) {
                    let title = format!("no profile has a setting `{name}`");
                    let label = near::did_you_mean(name, known.iter().copied()).unwrap_or_default();
                    let help = Some(format!("there are {}", known.join(", ")));
                    let span = reference.start..reference.end;
                    found.push(Diagnostic::at(&loaded.file, &loaded.text, span, title, label, help));
                }
            }
        }
        found
    }

    /// Adds what is part of every run and was not named: it carries the tag [`STANDING`]. A POLICY case only if
    /// `is_asked` says so.
    pub fn add_standing(&self, selection: &mut Selection, is_asked: &dyn Fn(&CaseInfo) -> bool) {
        for mut entry in self.entries() {
            let is_standing = self.scenarios[entry.scenario].scenario.standing;
            let is_wanted = entry.info.level != Level::Policy || is_asked(&entry.info);
            if is_standing && is_wanted && selection.cases().all(|case| case.id != entry.info.id) {
                entry.info.tags.push(STANDING.to_owned());
                selection.entries.push(entry);
            }
        }
    }

    /// Every case, scenario by scenario, version by version, in the order of the rows.
    pub fn cases(&self) -> Vec<CaseInfo> {
        self.entries().into_iter().map(|entry| entry.info).collect()
    }

    /// Every case with its origin, ordered as [`Catalogue::cases`].
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        for (index, loaded) in self.scenarios.iter().enumerate() {
            for version in loaded.scenario.instances() {
                for case in 0..loaded.scenario.cases.len() {
                    entries.push(Entry { info: loaded.info(case, version), scenario: index, case });
                }
            }
        }
        entries
    }
}

impl Loaded {
    /// A row of the scenario in one room version. Panics if there is no such row.
    fn info(&self, case: usize, version: Option<&str>) -> CaseInfo {
        let scenario = &self.scenario;
        let case = &scenario.cases[case];
        CaseInfo {
            id: version.map_or_else(|| case.id.to_string(), |version| format!("{}/v{version}", *case.id)),
            title: version
                .map_or_else(|| case.title.clone(), |version| format!("{} (room version {version})", case.title)),
            level: case.level.unwrap_or(scenario.level),
            priority: case.priority.unwrap_or(scenario.priority),
            requirement: case.requirement.as_ref().unwrap_or(&scenario.requirement).clone(),
            scenario: self.file.clone(),
            tags: scenario.tags.clone(),
            room_version: version.map(str::to_owned),
            since: scenario.since.clone(),
        }
    }
}

impl Scenario {
    /// Room versions it is instantiated for; one `None` if it does not depend on them.
    pub fn instances(&self) -> Vec<Option<&str>> {
        match self.room_versions.as_slice() {
            [] => vec![None],
            versions => versions.iter().map(|version| Some(version.as_str())).collect(),
        }
    }
}
