//! What can be wrong with a profile beyond its form.

use super::{Profile, row_and_folders};
use crate::{near, select::glob_matches, template::is_name};
use fedproof_results::CaseInfo;
use fedproof_yaml::{Diagnostic, Places, below};
use std::{collections::BTreeSet, sync::Arc};

/// Everything that is wrong in a profile by itself.
pub(super) fn lint(profile: &Profile, file: &str, text: &Arc<str>) -> Vec<Diagnostic> {
    let places = Places::of(text);
    let mut found = Vec::new();
    let mut say = |pointer: &str, title: String, help: Option<&str>| {
        let span = places.value(pointer).unwrap_or_default();
        found.push(Diagnostic::at(file, text, span, title, String::new(), help.map(str::to_owned)));
    };
    let stem = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".yaml");
    if profile.profile != stem {
        say(
            "/profile",
            format!("the profile `{}` stands in {stem}.yaml", profile.profile),
            Some("they are called alike"),
        );
    }
    if profile.about.trim().is_empty() {
        say("/about", "`about` is empty".into(), None);
    }
    for name in profile.settings.keys().filter(|name| !is_name(name)) {
        let help = "a name is a letter, then letters, digits, `_` and `-`";
        say(&below("/settings", name), format!("`{name}` is no name"), Some(help));
    }
    for (index, over) in profile.levels.iter().enumerate().filter(|(_, over)| over.reason.trim().is_empty()) {
        let title = format!("the level of `{}` is changed without a reason", over.rows);
        say(&format!("/levels/{index}/reason"), title, None);
    }
    for (index, known) in profile.deviations.iter().enumerate() {
        let at = |key: &str| format!("/deviations/{index}/{key}");
        for (key, text) in [("reason", &known.reason), ("accepted_by", &known.accepted_by)] {
            if text.trim().is_empty() {
                say(
                    &at(key),
                    format!("`{key}` is empty"),
                    Some("who accepted a failure, and why, is part of the report"),
                );
            }
        }
        let is_filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
        if !is_filled(&known.link) && !is_filled(&known.note) {
            let help = "say where it is written down (`link`), or what there is to say of it (`note`)";
            say(&format!("/deviations/{index}"), "a deviation without `link` or `note`".into(), Some(help));
        }
    }
    found
}

/// Globs that name nothing.
pub(super) fn names_no_row(profile: &Profile, file: &str, text: &Arc<str>, rows: &[CaseInfo]) -> Vec<Diagnostic> {
    let places = Places::of(text);
    let known: BTreeSet<&str> = rows.iter().flat_map(|case| row_and_folders(case.row())).collect();
    let asks = profile.asks.iter().enumerate().map(|(index, glob)| (format!("/asks/{index}"), glob));
    let levels = profile.levels.iter().enumerate().map(|(index, over)| (format!("/levels/{index}/rows"), &over.rows));
    let deviations =
        profile.deviations.iter().enumerate().map(|(index, known)| (format!("/deviations/{index}/rows"), &known.rows));
    asks.chain(levels)
        .chain(deviations)
        .filter(|(_, glob)| !known.iter().any(|name| glob_matches(glob, name)))
        .map(|(pointer, glob)| {
            let span = places.value(&pointer).unwrap_or_default();
            let help = Some("see `fedproof list`".to_owned());
            let label = near::did_you_mean(glob, known.iter().copied()).unwrap_or_default();
            Diagnostic::at(file, text, span, format!("`{glob}` names no row"), label, help)
        })
        .collect()
}
