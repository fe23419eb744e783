//! Reads scenario files: which ones, their YAML, and everything that is wrong with them.

use crate::{
    catalogue::{Catalogue, Loaded},
    lint,
    model::Scenario,
    yaml,
};
use fedproof_yaml::Diagnostic;
use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

/// Reads and lints scenario files; folders stand for all `.yaml` files below them, and no path at all for
/// `root/scenarios`. Paths that are not absolute start at `root`.
///
/// # Errors
/// Everything that is wrong in any of them.
pub fn load(root: &Path, paths: &[PathBuf]) -> Result<Catalogue, Vec<Diagnostic>> {
    let mut wrong = Vec::new();
    let mut files = BTreeMap::new();
    match paths {
        [] => collect(root, &root.join("scenarios"), &mut files, &mut wrong),
        paths => paths.iter().for_each(|path| collect(root, &root.join(path), &mut files, &mut wrong)),
    }

    let mut scenarios = Vec::new();
    for (file, path) in files {
        match fs::read_to_string(&path) {
            Ok(text) => match parse(&file, &text) {
                Ok(loaded) => scenarios.push(loaded),
                Err(diagnostic) => wrong.push(*diagnostic),
            },
            Err(error) => wrong.push(unreadable(file, &error.to_string())),
        }
    }
    wrong.extend(lint::lint(&scenarios));
    if wrong.is_empty() { Ok(Catalogue { scenarios }) } else { Err(wrong) }
}

/// Reads one scenario; does not lint it.
///
/// # Errors
/// The first thing that keeps it from being read.
pub fn parse(file: &str, text: &str) -> Result<Loaded, Box<Diagnostic>> {
    let text: Arc<str> = text.into();
    let mut scenario: Scenario = yaml::read(file, &text)?;
    scenario.seat_rows();
    Ok(Loaded { file: file.to_owned(), text, scenario })
}

/// Files by the names they have in reports, so that two spellings of a path are one file.
type Files = BTreeMap<String, PathBuf>;

fn collect(root: &Path, path: &Path, files: &mut Files, wrong: &mut Vec<Diagnostic>) {
    if !path.is_dir() {
        files.insert(relative(root, path), path.to_owned());
        return;
    }
    match fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => {
            for inner in entries.iter().map(fs::DirEntry::path) {
                let extension = inner.extension().unwrap_or_default();
                if inner.is_dir() || extension == "yaml" {
                    collect(root, &inner, files, wrong);
                } else if extension == "yml" {
                    // Passing over it would be a check less, and nobody would notice.
                    wrong.push(unreadable(relative(root, &inner), "scenario files end in `.yaml`"));
                }
            }
        }
        Err(error) => wrong.push(unreadable(relative(root, path), &error.to_string())),
    }
}

fn unreadable(file: String, error: &str) -> Diagnostic {
    Diagnostic {
        title: format!("{file} cannot be read: {error}"),
        file,
        source: "".into(),
        line: 0,
        column: 0,
        length: 0,
        label: String::new(),
        help: None,
    }
}

/// As ids and reports name a file: relative to the root where it is below it, with `/` on every system.
fn relative(root: &Path, path: &Path) -> String {
    let parts = path.strip_prefix(root).unwrap_or(path).components();
    let named: Vec<_> = parts
        .filter(|part| !matches!(part, Component::CurDir))
        .map(|part| match part {
            Component::RootDir => "".into(),
            part => part.as_os_str().to_string_lossy(),
        })
        .collect();
    named.join("/")
}
