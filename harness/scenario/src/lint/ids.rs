//! Ids: their syntax, where they belong, and that none is given twice.

use super::{Finding, Linter};
use std::collections::HashMap;

const SYNTAX: &str = "an id is segments with `/` between them, each of lower-case letters, digits, `-` and `_`";

/// Ids within one scenario.
pub(super) fn check(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    if !is_id(&scenario.scenario) {
        linter.at_value("/scenario", Finding::new(format!("`{}` is no id", scenario.scenario)).help(SYNTAX));
    }
    for (index, case) in scenario.cases.iter().enumerate() {
        let pointer = format!("/cases/{index}/id");
        let id = case.id.as_str();
        if !is_id(id) {
            linter.at_value(&pointer, Finding::new(format!("`{id}` is no id")).help(SYNTAX));
        } else if ends_like_a_version(id) {
            let help = "`/v10` and so on is appended to the id for each of the scenario's room versions";
            linter.at_value(&pointer, Finding::new(format!("`{id}` ends like a room version")).help(help));
        }
        let is_inside =
            id.strip_prefix(scenario.scenario.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        if !is_inside {
            let finding = Finding::new(format!("`{id}` does not belong to this scenario"));
            linter
                .at_value(&pointer, finding.label(format!("expected an id that starts with `{}/`", scenario.scenario)));
        }
    }
}

/// Ids over all scenarios, each file's own included.
pub(super) fn check_across(linters: &mut [Linter<'_>]) {
    let mut first: HashMap<&str, String> = HashMap::new();
    for linter in linters {
        for (index, case) in linter.scenario().cases.iter().enumerate() {
            let place = format!("{}:{}", linter.loaded.file, case.id.line());
            if let Some(known) = first.get(case.id.as_str()) {
                let finding = Finding::new(format!("the id `{}` is given twice", *case.id));
                let finding = finding.label(format!("first in {known}"));
                linter.at_value(&format!("/cases/{index}/id"), finding);
            } else {
                first.insert(case.id.as_str(), place);
            }
        }
    }
}

fn is_id(id: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    id.split('/').all(|segment| {
        segment.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) && segment.chars().all(is_allowed)
    })
}

fn ends_like_a_version(id: &str) -> bool {
    let last = id.rsplit('/').next().unwrap_or_default();
    last.strip_prefix('v').is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit()))
}
