//! `fedproof mutants`: who notices which deliberate defect.

use super::run::{draw_seed, run_id, work_folder};
use crate::{
    args::{Format, Mutants},
    error::CliError,
    ground::{self, Ground},
    interrupt,
    project::Project,
    stdout,
};
use fedproof_results::{CaseInfo, exit};
use fedproof_runner::{
    Mutant, Options,
    matrix::{Kill, Matrix, kill_matrix},
    mutant, plan,
};
use fedproof_scenario::{Catalogue, glob_matches};
use std::{collections::BTreeMap, fmt::Write, path::Path, sync::Arc};

/// Plays the kill matrix. Exit code 1 if a mutant survives, or something fails without any.
pub(crate) async fn mutants(project: &Project, args: Mutants) -> Result<u8, CliError> {
    let all = mutant::load(&project.fixtures().join("mutants"))
        .map_err(|error| CliError::bad_input(format!("failed to {error}")))?;
    let chosen = choose(all, &args.selectors)?;
    let catalogue = project.catalogue()?;
    let rows: Vec<&str> = chosen.iter().flat_map(|mutant| mutant.kills.iter().map(String::as_str)).collect();
    let cases = cases(&catalogue, &rows, args.all_versions);
    let unknown: Vec<&&str> = rows.iter().filter(|row| !cases.iter().any(|case| case.row() == **row)).collect();
    if !unknown.is_empty() {
        return Err(CliError::bad_input(format!("fixtures/mutants names rows that no case has: {unknown:?}")));
    }
    let description = ground::describe(project, &args.place)?;
    let seed = args.seed.unwrap_or_else(draw_seed);
    let id = run_id();
    let out = args.out.clone().unwrap_or_else(|| Path::new("fedproof-results").join(format!("mutants-{id}")));
    let work = work_folder(&id, &out, false)?;
    let interrupted = interrupt::watch();
    let notify: fedproof_deployment::Notify = Arc::new(|server, message| match server {
        Some(server) => eprintln!("{server}: {message}"),
        None => eprintln!("{message}"),
    });
    let ground =
        Ground::start(project, &description, (work.path(), &out.join("logs")), seed, notify, &interrupted).await?;
    let planned = plan::plan(&plan::group(&catalogue.scenarios, &cases), &ground.field.homeservers, seed)
        .map_err(CliError::bad_input)?;
    let options =
        Options { jobs: args.jobs.into(), fail_fast: false, strict: true, seed, interrupted: interrupted.clone() };
    let bar = indicatif::ProgressBar::new(0).with_message("instances");
    let matrix = kill_matrix(&chosen, &planned.shared, &ground.field, &options, |total| {
        bar.set_length(total as u64);
        bar.inc(1);
    })
    .await;
    bar.finish_and_clear();
    ground.stop().await;
    write_matrix(&out, &matrix)?;
    match args.format {
        Format::Json => stdout::json(&matrix),
        Format::Text => stdout::print(&text(&matrix)),
    }
    if *interrupted.borrow() {
        return Ok(exit::INTERRUPTED);
    }
    Ok(exit_code(&matrix))
}

/// The mutants that any of the globs names; all if there is no glob.
fn choose(all: Vec<Mutant>, globs: &[String]) -> Result<Vec<Arc<Mutant>>, CliError> {
    let names = |glob: &String, mutant: &Mutant| glob_matches(glob, &mutant.id);
    if let Some(glob) = globs.iter().find(|glob| !all.iter().any(|mutant| names(glob, mutant))) {
        return Err(CliError::nothing_selected(format!("no mutant is called like {glob}: see fixtures/mutants")));
    }
    let is_chosen = |mutant: &Mutant| globs.is_empty() || globs.iter().any(|glob| names(glob, mutant));
    Ok(all.into_iter().filter(is_chosen).map(Arc::new).collect())
}

/// All cases of the scenarios that hold one of the rows; in the newest room version only, unless all are asked for.
fn cases(catalogue: &Catalogue, rows: &[&str], all_versions: bool) -> Vec<CaseInfo> {
    let cases = catalogue.cases();
    let files: Vec<&str> =
        cases.iter().filter(|case| rows.contains(&case.row())).map(|case| case.scenario.as_str()).collect();
    let newest: BTreeMap<&str, Option<u32>> = cases.iter().fold(BTreeMap::new(), |mut newest, case| {
        let version = case.room_version.as_deref().and_then(|version| version.parse().ok());
        let known = newest.entry(case.scenario.as_str()).or_insert(version);
        *known = version.max(*known);
        newest
    });
    let is_newest = |case: &CaseInfo| {
        let version = case.room_version.as_deref().and_then(|version| version.parse().ok());
        newest.get(case.scenario.as_str()).is_none_or(|newest| *newest == version)
    };
    cases
        .iter()
        .filter(|case| files.contains(&case.scenario.as_str()) && (all_versions || is_newest(case)))
        .cloned()
        .collect()
}

fn exit_code(matrix: &Matrix) -> u8 {
    let fails = matrix.without_mutant.values().any(|reason| reason.starts_with("fail"));
    if fails || matrix.mutants.iter().any(|kill| !kill.killed && kill.inconclusive.is_empty()) {
        exit::NOT_QUALIFIED
    } else if !matrix.stopped_because.is_empty()
        || !matrix.without_mutant.is_empty()
        || matrix.mutants.iter().any(|kill| !kill.killed)
    {
        exit::INCONCLUSIVE
    } else {
        exit::QUALIFIED
    }
}

fn write_matrix(out: &Path, matrix: &Matrix) -> Result<(), CliError> {
    let write = |name: &str, text: String| {
        let path = out.join(name);
        std::fs::write(&path, text)
            .map_err(|error| CliError::environment(format!("failed to write {}: {error}", path.display())))
    };
    let json = serde_json::to_string_pretty(matrix).unwrap_or_default();
    write("mutants.json", json)?;
    write("mutants.md", markdown(matrix))
}

fn text(matrix: &Matrix) -> String {
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
    if !matrix.kill_nothing.is_empty() {
        let _ = writeln!(text, "kill nothing: {}", list(&matrix.kill_nothing));
    }
    if !matrix.stopped_because.is_empty() {
        let _ = writeln!(text, "stopped early: {}", matrix.stopped_because);
    }
    let killed = matrix.mutants.iter().filter(|kill| kill.killed).count();
    let _ = write!(text, "{killed} of {} mutants killed", matrix.mutants.len());
    text
}

fn markdown(matrix: &Matrix) -> String {
    let mut text =
        "# Kill matrix\n\n| mutant | what it does wrong | expected | killed by |\n|---|---|---|---|\n".to_owned();
    for Kill { id, about, expected, killed_by, killed, .. } in &matrix.mutants {
        let mark = if *killed { "" } else { " **survived**" };
        let _ = writeln!(
            text,
            "| `{id}`{mark} | {} | {} | {} |",
            about.replace('|', "\\|"),
            list(expected),
            list(killed_by)
        );
    }
    if !matrix.kill_nothing.is_empty() {
        let _ = writeln!(text, "\nRows that kill nothing: {}", list(&matrix.kill_nothing));
    }
    text
}

fn list(rows: &[String]) -> String {
    if rows.is_empty() { "nothing".to_owned() } else { rows.join(", ") }
}
