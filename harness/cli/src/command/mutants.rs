//! `fedproof mutants`: who notices which deliberate defect.

use super::{
    kill_matrix::{self, KillMatrix},
    run::{draw_seed, run_id, work_folder},
};
use crate::{
    args::{ListFormat, Mutants},
    error::CliError,
    ground::{self, Ground},
    interrupt,
    project::Project,
    stdout,
};
use fedproof_results::{CaseInfo, exit};
use fedproof_runner::{
    Mutant, Options,
    matrix::{Matrix, kill_matrix as play_matrix},
    mutant, plan,
};
use fedproof_scenario::{Catalogue, glob_matches};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// Plays the kill matrix. Exit code 1 if a mutant survives, or something fails without any.
pub(crate) async fn mutants(project: &Project, args: Mutants) -> Result<u8, CliError> {
    let all = mutant::load(&project.fixtures().join("mutants"))
        .map_err(|error| CliError::bad_input(format!("failed to {error}")))?;
    let catalogue = project.catalogue()?;
    let description = ground::describe(project, &args.place)?;
    let chosen = playable(choose(all, &args.selectors)?, &catalogue, &description)?;
    let rows: Vec<&str> = chosen.iter().flat_map(|mutant| mutant.played()).collect();
    let cases = cases(&catalogue, &rows, args.all_versions);
    let unknown: Vec<&&str> = rows.iter().filter(|row| !cases.iter().any(|case| case.row() == **row)).collect();
    if !unknown.is_empty() {
        return Err(CliError::bad_input(format!("fixtures/mutants names rows that no case has: {unknown:?}")));
    }
    let keeps = kill_matrix::keeps(&project.fixtures().join("mutants"), &catalogue)?;
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
    let options = Options {
        jobs: args.jobs.into(),
        fail_fast: false,
        strict: true,
        seed,
        pairs: None,
        interrupted: interrupted.clone(),
    };
    let bar = indicatif::ProgressBar::new(0).with_message("instances");
    let matrix = play_matrix(&chosen, &planned.shared, &ground.field, &options, |total| {
        bar.set_length(total as u64);
        bar.inc(1);
    })
    .await;
    bar.finish_and_clear();
    ground.stop().await;
    let is_whole = args.selectors.is_empty();
    let unplayed = if is_whole { unplayed(&catalogue, &cases, &chosen) } else { BTreeSet::new() };
    let told = KillMatrix::new(matrix, unplayed, &keeps, is_whole);
    write_matrix(&out, &told)?;
    match args.format {
        ListFormat::Json => stdout::json(&told),
        ListFormat::Text => stdout::print(&told.text()),
        ListFormat::Markdown => stdout::print(told.markdown().trim_end()),
    }
    let matrix = &told.matrix;
    if *interrupted.borrow() {
        return Ok(exit::INTERRUPTED);
    }
    Ok(exit_code(matrix))
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

/// Mutants with a row whose scenario can be played on the deployment, with those rows only.
fn playable(
    chosen: Vec<Arc<Mutant>>,
    catalogue: &Catalogue,
    description: &fedproof_deployment::Description,
) -> Result<Vec<Arc<Mutant>>, CliError> {
    let entries = catalogue.entries();
    let unmet = |row: &String| {
        let mut scenarios = entries.iter().filter(|entry| entry.info.row() == row).map(|entry| entry.scenario);
        scenarios.find_map(|scenario| ground::unmet(description, &catalogue.scenarios[scenario]))
    };
    let (kept, left): (Vec<_>, Vec<_>) =
        chosen.into_iter().partition(|mutant| mutant.kills.iter().all(|row| unmet(row).is_none()));
    match left.first() {
        Some(mutant) if kept.is_empty() => Err(CliError::nothing_selected(format!(
            "no mutant can be played on {}: {}: {}",
            description.name,
            mutant.id,
            mutant.kills.iter().find_map(unmet).unwrap_or_default()
        ))),
        _ => Ok(kept),
    }
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

/// Rows that should gate and stand in scenarios of which no mutant names a row: nothing shows that they can fail.
fn unplayed(catalogue: &Catalogue, played: &[CaseInfo], mutants: &[Arc<Mutant>]) -> BTreeSet<String> {
    // Invariants are judged without being played.
    let named = mutants.iter().flat_map(|mutant| mutant.kills.iter().map(String::as_str));
    let rows: BTreeSet<&str> = played.iter().map(CaseInfo::row).chain(named).collect();
    let cases = catalogue.cases();
    let gating = cases.iter().filter(|case| case.level.gates(true) && !rows.contains(case.row()));
    gating.map(|case| case.row().to_owned()).collect()
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

fn write_matrix(out: &Path, told: &KillMatrix) -> Result<(), CliError> {
    let write = |name: &str, text: String| {
        let path = out.join(name);
        std::fs::write(&path, text)
            .map_err(|error| CliError::environment(format!("failed to write {}: {error}", path.display())))
    };
    let json = serde_json::to_string_pretty(told).unwrap_or_default();
    write("mutants.json", json)?;
    write("mutants.md", told.markdown())
}
