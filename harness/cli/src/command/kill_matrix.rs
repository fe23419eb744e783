//! The kill matrix as it is told: who killed whom, and why what kills nothing stays.

use crate::error::CliError;
use fedproof_results::{CaseInfo, exit};
use fedproof_runner::{
    matrix::{Kill, Matrix},
    mutant,
};
use fedproof_scenario::{Catalogue, did_you_mean, glob_matches};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::Path,
};

/// The matrix, and what `fixtures/mutants/keeps.yaml` says of it.
#[derive(Serialize)]
pub(crate) struct KillMatrix {
    #[serde(flatten)]
    pub(crate) matrix: Matrix,
    /// Rows that kill nothing and stay, with the reason; empty where there is none.
    kept: BTreeMap<String, String>,
    /// Rows that fail without any mutant and, as `keeps.yaml` says, kill nothing, with the reason. They are not among those
    /// of which nobody knew.
    known_failures: BTreeMap<String, String>,
    /// Rows that have a reason to kill nothing, and kill.
    needlessly_kept: Vec<String>,
}

/// Reads `keeps.yaml`; what names no row is an error, as it is for mutants.
pub(crate) fn keeps(folder: &Path, catalogue: &Catalogue) -> Result<BTreeMap<String, String>, CliError> {
    let keeps = mutant::keeps(folder).map_err(|error| CliError::bad_input(format!("failed to {error}")))?;
    let cases = catalogue.cases();
    let rows: BTreeSet<&str> = cases.iter().map(CaseInfo::row).collect();
    let unknown = keeps.keys().filter(|glob| !rows.iter().any(|row| glob_matches(glob, row)));
    no_such_rows(&format!("fixtures/mutants/{}", mutant::KEEPS), unknown.map(String::as_str), &rows)?;
    Ok(keeps)
}

/// What a file says of rows that no case has would never be missed: an error, if there are any.
pub(crate) fn no_such_rows<'a>(
    file: &str,
    unknown: impl Iterator<Item = &'a str>,
    rows: &BTreeSet<&str>,
) -> Result<(), CliError> {
    let told = unknown.map(|row| match did_you_mean(row, rows.iter().copied()) {
        Some(question) => format!("`{row}` ({question})"),
        None => format!("`{row}`"),
    });
    let told: Vec<String> = told.collect();
    if told.is_empty() {
        return Ok(());
    }
    Err(CliError::bad_input(format!("{file} names rows that no case has: {}", told.join(", "))))
}

impl KillMatrix {
    /// Joins what kills nothing with the reasons; `unplayed` rows no mutant could reach. Only of a whole matrix it is
    /// known that a row kills nothing at all.
    pub(crate) fn new(
        matrix: Matrix,
        unplayed: BTreeSet<String>,
        keeps: &BTreeMap<String, String>,
        is_whole: bool,
    ) -> Self {
        let mut matrix = matrix;
        if !is_whole {
            matrix.kill_nothing.clear();
        }
        let idle = matrix.kill_nothing.iter().cloned().chain(unplayed);
        // The row itself before a glob that has it, too.
        let reason = |row: &String| {
            let by_glob = || keeps.iter().find(|(glob, _)| glob_matches(glob, row)).map(|(_, reason)| reason);
            keeps.get(row).or_else(by_glob).cloned().unwrap_or_default()
        };
        let kept: BTreeMap<String, String> = idle.map(|row| (row.clone(), reason(&row))).collect();
        let kills = |row: &&String| is_whole && matrix.mutants.iter().any(|kill| kill.killed_by.contains(row));
        let needlessly_kept = keeps.keys().filter(kills).cloned().collect();
        let failures = matrix.without_mutant.iter().filter(|(_, told)| told.starts_with("fail"));
        let failures = failures.map(|(row, _)| (row.clone(), reason(row)));
        let known_failures: BTreeMap<String, String> = failures.filter(|(_, reason)| !reason.is_empty()).collect();
        matrix.without_mutant.retain(|row, _| !known_failures.contains_key(row));
        Self { matrix, kept, known_failures, needlessly_kept }
    }

    /// A row that kills nothing and has no reason to stay is a hole as well as a mutant that survives.
    pub(crate) fn exit_code(&self) -> u8 {
        let Matrix { mutants, without_mutant, stopped_because, .. } = &self.matrix;
        let fails = without_mutant.values().any(|told| told.starts_with("fail"));
        let is_unexplained = self.kept.values().any(String::is_empty);
        if fails || is_unexplained || mutants.iter().any(|kill| !kill.killed && kill.inconclusive.is_empty()) {
            exit::NOT_QUALIFIED
        } else if !stopped_because.is_empty() || !without_mutant.is_empty() || mutants.iter().any(|kill| !kill.killed) {
            exit::INCONCLUSIVE
        } else {
            exit::QUALIFIED
        }
    }

    /// For people at a terminal: what survived is explained.
    pub(crate) fn text(&self) -> String {
        let matrix = &self.matrix;
        let mut text = String::new();
        for kill in &matrix.mutants {
            let mark = if kill.killed { "killed  " } else { "SURVIVED" };
            let _ = writeln!(text, "{mark}  {}  by {}", kill.id, list(&kill.killed_by));
            if !kill.killed {
                let _ = writeln!(text, "          {}", kill.about);
                for (what, rows) in [("not noticed by", &kill.missed), ("unexpectedly failed", &kill.unexpected)] {
                    if !rows.is_empty() {
                        let _ = writeln!(text, "          {what}: {}", list(rows));
                    }
                }
                for (row, reason) in &kill.inconclusive {
                    let _ = writeln!(text, "          inconclusive: {row}: {reason}");
                }
            }
        }
        for (row, reason) in &matrix.without_mutant {
            let _ = writeln!(text, "without any mutant: {row}: {reason}");
        }
        for (row, reason) in &self.known_failures {
            let _ = writeln!(text, "fails without any mutant, as is known: {row}: {reason}");
        }
        for (row, reason) in &self.kept {
            let _ = writeln!(text, "kills nothing: {row}: {}", or_none(reason));
        }
        if !self.needlessly_kept.is_empty() {
            let _ = writeln!(text, "kill, and need no reason in keeps.yaml: {}", list(&self.needlessly_kept));
        }
        if !matrix.stopped_because.is_empty() {
            let _ = writeln!(text, "stopped early: {}", matrix.stopped_because);
        }
        let _ = write!(text, "{}", self.count());
        text
    }

    /// For the documentation: sorted, and without anything that differs from run to run.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!(
            "# Kill matrix\n\nWritten by `fedproof mutants --format markdown`. {}.\n\n\
             | mutant | what it does wrong | expected | killed by |\n|---|---|---|---|\n",
            self.count()
        );
        for Kill { id, about, expected, killed_by, killed, .. } in &self.matrix.mutants {
            let mark = if *killed { "" } else { " **survived**" };
            let _ = writeln!(text, "| `{id}`{mark} | {} | {} | {} |", cell(about), list(expected), list(killed_by));
        }
        if !self.matrix.without_mutant.is_empty() {
            text += "\n## Not decided, or failed, without any mutant\n\n| row | verdict |\n|---|---|\n";
            for (row, reason) in &self.matrix.without_mutant {
                let _ = writeln!(text, "| `{row}` | {} |", cell(reason));
            }
        }
        if !self.kept.is_empty() {
            text += "\n## Rows that kill nothing\n\n| row | why it stays |\n|---|---|\n";
            for (row, reason) in &self.kept {
                let _ = writeln!(text, "| `{row}` | {} |", cell(or_none(reason)));
            }
        }
        text
    }

    fn count(&self) -> String {
        let killed = self.matrix.mutants.iter().filter(|kill| kill.killed).count();
        format!("{killed} of {} mutants killed", self.matrix.mutants.len())
    }
}

fn or_none(reason: &str) -> &str {
    if reason.is_empty() { "**no reason given**: find a mutant for it, or a reason" } else { reason }
}

/// One line, no end of a cell in it.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

fn list(rows: &[String]) -> String {
    if rows.is_empty() { "nothing".to_owned() } else { rows.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_without_any_mutant_that_has_its_reason_counts_for_nothing_and_any_other_does() {
        let told = |row: &str, verdict: &str| {
            let without_mutant = [(row.to_owned(), format!("{verdict} on default: 500"))].into();
            let keeps = [("a/b/*".to_owned(), "stock fails".to_owned())].into();
            let matrix = Matrix { without_mutant, kill_nothing: vec![row.to_owned()], ..Matrix::default() };
            KillMatrix::new(matrix, BTreeSet::new(), &keeps, false)
        };
        let known = told("a/b/c", "fail");
        assert_eq!(known.exit_code(), exit::QUALIFIED);
        assert!(known.text().contains("as is known: a/b/c: stock fails"), "{}", known.text());
        assert!(!known.markdown().contains("Not decided"), "{}", known.markdown());
        assert_eq!(told("a/d/e", "fail").exit_code(), exit::NOT_QUALIFIED);
        // A reason to fail is none to say nothing.
        assert_eq!(told("a/b/c", "inconclusive").exit_code(), exit::INCONCLUSIVE);
    }

    #[test]
    fn a_row_that_no_case_has_is_asked_after() {
        let rows = ["acl/endpoint/backfill", "leak/lookups"].into();
        let told =
            |unknown: &[&str]| no_such_rows("keeps.yaml", unknown.iter().copied(), &rows).map_err(|e| e.to_string());
        assert_eq!(told(&[]), Ok(()));
        let says = "keeps.yaml names rows that no case has: \
                    `acl/endpoint/bakcfill` (did you mean `acl/endpoint/backfill`?), `kdf`";
        let error = told(&["acl/endpoint/bakcfill", "kdf"]).expect_err("there are two");
        assert!(error.contains(says), "{error}");
    }

    #[test]
    fn what_kills_nothing_has_its_reason_beside_it() {
        let kill = Kill {
            id: "synapse/wrong".into(),
            about: "denies | nobody".into(),
            expected: vec!["a/b/c".into()],
            killed: true,
            killed_by: vec!["a/b/c".into()],
            missed: vec![],
            unexpected: vec![],
            inconclusive: BTreeMap::new(),
        };
        let matrix = Matrix { mutants: vec![kill], kill_nothing: vec!["a/b/d".into()], ..Matrix::default() };
        let keeps = [("a/b/d", "a control of the others"), ("a/b/c", "old"), ("a/g/*", "elsewhere")];
        let keeps = keeps.map(|(row, reason)| (row.to_owned(), reason.to_owned())).into();
        let told = KillMatrix::new(matrix, ["a/e/f".to_owned(), "a/g/h".to_owned()].into(), &keeps, true);
        let markdown = told.markdown();
        assert!(markdown.contains("| `synapse/wrong` | denies \\| nobody | a/b/c | a/b/c |"), "{markdown}");
        assert!(markdown.contains("| `a/b/d` | a control of the others |"), "{markdown}");
        assert!(markdown.contains("| `a/g/h` | elsewhere |"), "{markdown}");
        assert!(markdown.contains("| `a/e/f` | **no reason given**"), "{markdown}");
        assert!(told.text().contains("need no reason in keeps.yaml: a/b/c"), "{}", told.text());
    }
}
