//! What the tests of the rules share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use fedproof_hardening::{Judgement, Kind, Known, Rule, judge, read, rules};
use fedproof_results::Verdict;
use std::path::{Path, PathBuf};

/// The files that are judged.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files")
}

/// Everything that the rules say of a file, and of what it names.
pub(crate) fn judged(file: &Path) -> Vec<Judgement> {
    let inputs = read(&[file]).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    judge(&inputs, &known(), |_| true, |rule| rule.level)
}

/// The registry of the hard files, and bills of all images there are in them and in what they are softened to, but for one.
pub(crate) fn known() -> Known {
    let images = [
        "registry.example-synapse-v1.163.2",
        "registry.example-synapse-latest",
        "registry.example-synapse",
        "registry.example-keys",
        "registry.example-keys@sha256-0000000000000000000000000000000000000000000000000000000000000000",
        "registry.example-purge-1.0.0",
        "registry.example.evil-synapse-v1.163.2",
        "somewhere.example-synapse-v1.163.2",
        "synapse-v1.163.2",
    ];
    Known {
        registries: vec!["registry.example".to_owned()],
        bills: Some(images.iter().map(|image| format!("{image}.debian.cdx.json")).collect()),
    }
}

/// Rules that say something about a kind of file.
pub(crate) fn rules_of(kind: Kind) -> impl Iterator<Item = &'static Rule> {
    rules().filter(move |rule| rule.not_in.iter().all(|(other, _)| *other != kind))
}

/// Ids of the rules that are broken, each once.
pub(crate) fn broken(judgements: &[Judgement]) -> Vec<&'static str> {
    let mut ids: Vec<_> = judgements.iter().filter(|one| one.verdict == Verdict::Fail).map(|one| one.rule).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
