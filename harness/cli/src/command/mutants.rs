//! `fedproof mutants`: who notices which deliberate defect.

use super::kill_matrix::{self, KillMatrix};
use crate::{
    args::{ListFormat, Mutants},
    client,
    error::CliError,
    ground::{self, Ground},
    identity::{draw_seed, run_id},
    interrupt,
    project::Project,
    stdout,
    work::work_folder,
};
use fedproof_deployment::{Description, LOOPBACK};
use fedproof_results::{CaseInfo, exit};
use fedproof_runner::{
    Mutant, Options,
    matrix::{self, Played},
    mutant, plan,
};
use fedproof_scenario::{Catalogue, glob_matches};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
};

/// Plays the kill matrix. Exit code 1 if a mutant survives, or something fails without any and `keeps.yaml` does not say why.
pub(crate) async fn mutants(project: &Project, args: Mutants) -> Result<u8, CliError> {
    let mut all = mutant::load(&project.fixtures().join("mutants"))
        .map_err(|error| CliError::bad_input(format!("failed to {error}")))?;
    // Those that kill nothing are for load runs.
    all.retain(|mutant| !mutant.kills.is_empty());
    let catalogue = project.catalogue()?;
    known_rows(&all, &catalogue)?;
    let keeps = kill_matrix::keeps(&project.fixtures().join("mutants"), &catalogue)?;
    let mut chosen = choose(all, &args.selectors)?;
    if args.one_of_each_family {
        let mut families = BTreeSet::new();
        chosen.retain(|mutant| families.insert(mutant.family.clone()));
    }
    let stages = stages(project, &args, &catalogue, chosen)?;
    let chosen: Vec<Arc<Mutant>> = stages.iter().flat_map(|stage| stage.mutants.clone()).collect();
    let seed = args.seed.unwrap_or_else(draw_seed);
    let id = run_id();
    let out = args.out.clone().unwrap_or_else(|| Path::new("fedproof-results").join(format!("mutants-{id}")));
    let interrupted = interrupt::watch();
    let mut played = Vec::new();
    for stage in &stages {
        if !*interrupted.borrow() {
            played.push(stage.play(project, &args, &catalogue, (&id, &out), seed, &interrupted).await?);
        }
    }
    let is_whole = args.selectors.is_empty() && !args.one_of_each_family && args.place.deployment.is_none();
    let cases: Vec<CaseInfo> = stages.iter().flat_map(|stage| stage.cases.clone()).collect();
    let unplayed = if is_whole { unplayed(&catalogue, &cases, &chosen) } else { BTreeSet::new() };
    let told = KillMatrix::new(matrix::judge(&chosen, played), unplayed, &keeps, is_whole);
    write_matrix(&out, &told)?;
    match args.format {
        ListFormat::Json => stdout::json(&told),
        ListFormat::Text => stdout::print(&told.text()),
        ListFormat::Markdown => stdout::print(told.markdown().trim_end()),
    }
    if *interrupted.borrow() {
        return Ok(exit::INTERRUPTED);
    }
    Ok(told.exit_code())
}

/// One deployment, and the mutants that are played on it.
struct Stage {
    description: Description,
    mutants: Vec<Arc<Mutant>>,
    cases: Vec<CaseInfo>,
}

/// Each mutant with the first deployment that can play all its rows: the one that was asked for, or the default one and
/// then the others by name.
fn stages(
    project: &Project,
    args: &Mutants,
    catalogue: &Catalogue,
    chosen: Vec<Arc<Mutant>>,
) -> Result<Vec<Stage>, CliError> {
    let deployments = match &args.place.deployment {
        Some(deployment) => vec![deployment.clone()],
        // Who replaces a homeserver means those of the default deployment.
        None if !args.place.homeservers.is_empty() => vec![ground::DEFAULT.to_owned()],
        None => {
            let mut all = ground::names(&project.fixtures().join("deployments"));
            all.sort_by_key(|name| (name != ground::DEFAULT, name.clone()));
            all
        }
    };
    let mut stages = Vec::new();
    let mut left = chosen;
    for deployment in deployments {
        let description = ground::describe_named(project, &args.place, &deployment)?;
        let can_play = |mutant: &Arc<Mutant>| obstacle(catalogue, &description, mutant).is_none();
        let (mutants, others): (Vec<_>, Vec<_>) = left.into_iter().partition(can_play);
        left = others;
        if !mutants.is_empty() {
            let rows: Vec<&str> = mutants.iter().flat_map(|mutant| mutant.played()).collect();
            let cases = cases(catalogue, &rows, args.all_versions);
            stages.push(Stage { description, mutants, cases });
        }
    }
    match (&left[..], &args.place.deployment) {
        ([mutant, ..], None) => Err(CliError::bad_input(format!("no deployment can play all rows of {}", mutant.id))),
        ([mutant, ..], Some(deployment)) if stages.is_empty() => {
            let description = ground::describe_named(project, &args.place, deployment)?;
            let why = obstacle(catalogue, &description, mutant).unwrap_or_default();
            let message = format!("no mutant can be played on {}: {}: {why}", description.name, mutant.id);
            Err(CliError::nothing_selected(message))
        }
        _ => Ok(stages),
    }
}

/// Why a mutant makes no difference on a deployment, or cannot be noticed there.
fn obstacle(catalogue: &Catalogue, description: &Description, mutant: &Mutant) -> Option<String> {
    let missing = mutant.needs.iter().find(|feature| !description.features.contains(feature));
    let missing = missing.map(|feature| format!("the deployment has no {feature}"));
    missing.or_else(|| mutant.kills.iter().find_map(|row| unmet(catalogue, description, row)))
}

/// Why no scenario of a row can be played on a deployment.
fn unmet(catalogue: &Catalogue, description: &Description, row: &str) -> Option<String> {
    let entries = catalogue.entries();
    let mut scenarios = entries.iter().filter(|entry| entry.info.row() == row).map(|entry| entry.scenario);
    // What judges the others' traffic is played wherever they are.
    scenarios.find_map(|scenario| match &catalogue.scenarios[scenario] {
        standing if standing.scenario.standing => None,
        played => ground::unmet(description, played),
    })
}

impl Stage {
    async fn play(
        &self,
        project: &Project,
        args: &Mutants,
        catalogue: &Catalogue,
        (id, out): (&str, &Path),
        seed: u64,
        interrupted: &tokio::sync::watch::Receiver<bool>,
    ) -> Result<Played, CliError> {
        let name = &self.description.name;
        let work = work_folder(&format!("{id}-{name}"), out, false)?;
        let logs = out.join("logs").join(name);
        let notify: fedproof_deployment::Notify = Arc::new(|server, message| match server {
            Some(server) => eprintln!("{server}: {message}"),
            None => eprintln!("{message}"),
        });
        let has_agents = |case: &CaseInfo| {
            let of_case = catalogue.scenarios.iter().find(|scenario| scenario.file == case.scenario);
            of_case.is_some_and(|scenario| scenario.scenario.has_agents())
        };
        let client = match self.cases.iter().any(has_agents) {
            true => {
                let spec = client::named(project, &args.client)?;
                let records = out.join("clients").join(name);
                Some(client::prepare(project, &spec, (work.path(), &records), &notify, interrupted).await)
            }
            false => None,
        };
        let mut ground =
            Ground::start(project, &self.description, (work.path(), &logs), seed, notify, interrupted, LOOPBACK)
                .await?;
        let grouped = plan::group(&catalogue.scenarios, &self.cases);
        let mut planned =
            plan::plan(&grouped, &ground.field.homeservers, &plan::mark(seed)).map_err(CliError::bad_input)?;
        planned.set_aside(|scenario| client::unmet(client.as_ref(), scenario));
        ground.field.client = client.and_then(Result::ok);
        let options = Options {
            jobs: args.jobs.into(),
            fail_fast: false,
            strict: true,
            seed,
            pairs: None,
            settings: project.settings(&catalogue.cases())?,
            lacks: self.description.lacks.clone(),
            interrupted: interrupted.clone(),
        };
        let style = indicatif::ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {elapsed}");
        let bar = indicatif::ProgressBar::new(0).with_message(name.clone());
        if let Ok(style) = style {
            bar.set_style(style);
        }
        let played = matrix::play_mutants(&self.mutants, &planned, name, &ground.field, &options, |total| {
            bar.set_length(total as u64);
            bar.inc(1);
        })
        .await;
        bar.finish_and_clear();
        ground.stop().await;
        Ok(played)
    }
}

/// Whether every row that a mutant names is that of a case.
fn known_rows(mutants: &[Mutant], catalogue: &Catalogue) -> Result<(), CliError> {
    let cases = catalogue.cases();
    let rows: BTreeSet<&str> = cases.iter().map(|case| case.row()).collect();
    let named = mutants.iter().flat_map(|mutant| mutant.played());
    kill_matrix::no_such_rows("fixtures/mutants", named.filter(|row| !rows.contains(row)), &rows)
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

/// Rows that should gate and stand in scenarios of which no mutant names a row: nothing shows that they can fail.
fn unplayed(catalogue: &Catalogue, played: &[CaseInfo], mutants: &[Arc<Mutant>]) -> BTreeSet<String> {
    // Invariants are judged without being played.
    let named = mutants.iter().flat_map(|mutant| mutant.kills.iter().map(String::as_str));
    let rows: BTreeSet<&str> = played.iter().map(CaseInfo::row).chain(named).collect();
    let cases = catalogue.cases();
    let gating = cases.iter().filter(|case| case.level.gates(true) && !rows.contains(case.row()));
    gating.map(|case| case.row().to_owned()).collect()
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
