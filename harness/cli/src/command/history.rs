//! `fedproof history`: the store of runs.

use crate::{
    args::{self, Format, History},
    error::CliError,
    identity::told,
    stdout,
};
use fedproof_history::{
    Entry, HistoryError, Imported, Keep, Kind, Label, RunHead, Store,
    change::{Settings, change_points},
};
use fedproof_report::{Archive, EVENTS};
use fedproof_results::{exit, load::LoadRecord};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader, BufWriter, Read, Write},
    path::{Path, PathBuf},
};

/// Carries out what is asked of the history.
pub(crate) async fn history(what: History) -> Result<u8, CliError> {
    match what {
        History::Import(import) => self::import(&import).await?,
        History::List(list) => self::list(&list).await?,
        History::Changes(changes) => self::changes(&changes).await?,
        History::Export(export) => self::export(&export).await?,
        History::Restore(restore) => self::restore(&restore).await?,
        History::Forget(forget) => {
            let store = Store::open(&forget.at.history).await?;
            for run in &forget.runs {
                store.forget(run).await?;
            }
            store.close().await;
            stdout::print(&format!("forgot {} runs", forget.runs.len()));
        }
        History::Prune(prune) => {
            let store = Store::open(&prune.at.history).await?;
            let oldest =
                prune.older_than.map(|days| time::OffsetDateTime::now_utc() - time::Duration::days(days.into()));
            // Who names an age only means nothing else.
            let many = |named: Option<u32>, usual: u32| {
                named.or(prune.older_than.is_none().then_some(usual)).map_or(usize::MAX, |count| count as usize)
            };
            let (runs, whole) = (many(prune.runs, 1000), many(prune.whole, 100));
            let keep = Keep { runs, whole, since: oldest.map(told) };
            let pruned = store.prune(&keep).await?;
            store.close().await;
            stdout::print(&format!("forgot {} runs, and the documents of {} more", pruned.runs, pruned.stripped));
        }
    }
    Ok(0)
}

async fn import(args: &args::Import) -> Result<(), CliError> {
    let label = Label::from(&args.label);
    // Results of mutants and of a bisection lie beside those of runs. Who names nothing else, or what is not there, made a mistake.
    let holds_none = |folder: &&PathBuf| folder.exists() && !is_results(folder);
    let (passed_over, folders): (Vec<&PathBuf>, Vec<&PathBuf>) = args.folders.iter().partition(holds_none);
    if let (Some(folder), true) = (passed_over.first(), folders.is_empty()) {
        return Err(no_results(folder));
    }
    let store = Store::create(&args.at.history).await?;
    let bar = progress(folders.len(), "importing");
    let (mut done, mut wrong) = (Vec::new(), Vec::new());
    // One after the other: records with all their exchanges are large, and what is in stays in if the next cannot be read.
    for folder in &folders {
        match import_one(&store, folder, &label).await {
            Ok(one) => done.push(one),
            Err(error) => wrong.push(error),
        }
        bar.inc(1);
        // A history that cannot be reached is not for the next one either.
        if wrong.last().is_some_and(|error| error.exit_code() != exit::BAD_INPUT) {
            break;
        }
    }
    bar.finish_and_clear();
    store.close().await;
    match args.format {
        Format::Json => {
            let told = |(run_id, imported): &(String, Imported)| json!({"run_id": run_id, "new": *imported == Imported::New, "longer": *imported == Imported::Longer});
            let runs: Vec<_> = done.iter().map(told).collect();
            stdout::json(&json!({"runs": runs, "passed_over": passed_over}));
        }
        Format::Text => {
            let count = |what: Imported| done.iter().filter(|(_, imported)| *imported == what).count();
            let (new, known, longer) = (count(Imported::New), count(Imported::Known), count(Imported::Longer));
            let longer =
                if longer == 0 { String::new() } else { format!(", {longer} went on since they were imported") };
            stdout::print(&format!("{new} imported, {known} were there{longer}"));
            for folder in &passed_over {
                stdout::print(&format!("{} holds no run: passed over", folder.display()));
            }
        }
    }
    let Some(last) = wrong.last() else { return Ok(()) };
    let told: Vec<String> = wrong.iter().map(ToString::to_string).collect();
    let (told, lost) = (told.join("\n"), folders.len() - done.len());
    let message = format!("{told}\nerror: {lost} of {} runs were not imported", folders.len());
    Err(CliError::rendered(last.exit_code(), message))
}

async fn import_one(store: &Store, folder: &Path, label: &Label) -> Result<(String, Imported), CliError> {
    let entry = read_entry(folder, label)?;
    let imported = store.import(&entry).await?;
    Ok((entry.head.run_id, imported))
}

async fn list(args: &args::ListRuns) -> Result<(), CliError> {
    let store = Store::open(&args.at.history).await?;
    let runs = store.runs(args.branch.as_deref(), None, args.limit).await?;
    store.close().await;
    match args.format {
        Format::Json => stdout::json(&json!({"runs": runs})),
        Format::Text => runs.iter().for_each(|run| stdout::print(&line(run))),
    }
    Ok(())
}

async fn changes(args: &args::Changes) -> Result<(), CliError> {
    let store = Store::open(&args.at.history).await?;
    let tracks = store.tracks().await?.into_iter().filter(|track| track.branch == args.branch);
    let settings = Settings { least_effect: args.least / 100.0, ..Settings::default() };
    let mut told = Vec::new();
    for track in tracks {
        for (series, points) in store.figures(&track.branch, &track.place, args.runs).await? {
            let values: Vec<f64> = points.iter().map(|point| point.value).collect();
            for change in change_points(&values, &settings) {
                let (last, first) = (&points[change.at - 1], &points[change.at]);
                told.push(json!({
                    "place": track.place, "series": series, "before": change.before, "after": change.after,
                    "effect": change.effect(), "chance": change.chance, "last_build": last.build,
                    "first_build": first.build, "first_run": first.run_id, "started_at": first.started_at,
                }));
            }
        }
    }
    store.close().await;
    if args.format == Format::Json {
        stdout::json(&json!({"changes": told}));
        return Ok(());
    }
    for change in &told {
        let text = |name: &str| change[name].as_str().unwrap_or_default().to_owned();
        let number = |name: &str| change[name].as_f64().unwrap_or_default();
        stdout::print(&format!(
            "{}  {}  {:.3} → {:.3} ({:+.1} %)  between {} and {}  {}",
            text("started_at"),
            text("series"),
            number("before"),
            number("after"),
            number("effect") * 100.0,
            text("last_build"),
            text("first_build"),
            text("place")
        ));
    }
    if told.is_empty() {
        stdout::print(&format!("no figure of branch {} changed its level by {} % or more", args.branch, args.least));
    }
    Ok(())
}

fn line(run: &RunHead) -> String {
    let counts: Vec<String> = run.counts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
    let stopped = if run.complete { "" } else { ", stopped early" };
    let RunHead { started_at, run_id, branch, place, build, verdict, .. } = run;
    let told = match run.kind {
        Kind::Cases => format!(": {}", counts.join(", ")),
        Kind::Load => String::new(),
    };
    format!("{started_at}  {run_id}  {branch}  {build}  {place}  {verdict}{stopped}{told}")
}

async fn export(args: &args::Export) -> Result<(), CliError> {
    let store = Store::open(&args.at.history).await?;
    let runs = store.runs(None, None, u32::MAX >> 1).await?;
    let bar = progress(runs.len(), "exporting");
    // Beside the file until it is whole.
    let failed =
        |error: std::io::Error| CliError::environment(format!("failed to write {}: {error}", args.file.display()));
    let parent = args.file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = tempfile::NamedTempFile::new_in(parent).map_err(failed)?;
    let mut lines = BufWriter::new(draft);
    for run in runs.iter().rev() {
        let entry = store.entry(&run.run_id).await?;
        serde_json::to_writer(&mut lines, &entry).map_err(|error| failed(error.into()))?;
        lines.write_all(b"\n").map_err(failed)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    store.close().await;
    let draft = lines.into_inner().map_err(|error| failed(error.into_error()))?;
    draft.as_file().sync_all().map_err(failed)?;
    draft.persist(&args.file).map_err(|error| failed(error.error))?;
    stdout::print(&format!("{} runs in {}", runs.len(), args.file.display()));
    Ok(())
}

async fn restore(args: &args::Restore) -> Result<(), CliError> {
    let wrong = |line: usize, error: &dyn std::fmt::Display| {
        CliError::bad_input(format!("{}:{line}: failed to read a run: {error}", args.file.display()))
    };
    let lines: Box<dyn Read + Send> = match args.file.as_os_str() == "-" {
        true => Box::new(io::stdin()),
        false => Box::new(fs::File::open(&args.file).map_err(|error| wrong(1, &error))?),
    };
    let store = Store::create(&args.at.history).await?;
    let (mut new, mut all) = (0, 0);
    for (index, line) in BufReader::new(lines).lines().enumerate() {
        let line = line.map_err(|error| wrong(index + 1, &error))?;
        let entry: Entry = serde_json::from_str(&line).map_err(|error| wrong(index + 1, &error))?;
        new += usize::from(store.import(&entry).await? != Imported::Known);
        all += 1;
    }
    store.close().await;
    stdout::print(&format!("{new} imported, {} were there", all - new));
    Ok(())
}

fn is_results(folder: &Path) -> bool {
    folder.join(Entry::LOAD).is_file() || folder.join(EVENTS).is_file()
}

fn no_results(folder: &Path) -> CliError {
    let folder = folder.display();
    CliError::bad_input(format!("{folder} holds neither {EVENTS} of a run nor {} of a load", Entry::LOAD))
}

/// A results folder as an entry, whichever kind of run it is of.
pub(crate) fn read_entry(folder: &Path, label: &Label) -> Result<Entry, CliError> {
    if folder.join(Entry::LOAD).is_file() {
        let record = read_load(folder)?;
        return Ok(Entry::of_load(&record, histograms(folder), label));
    }
    if !is_results(folder) {
        return Err(no_results(folder));
    }
    let record = Archive::read(folder).map_err(|error| CliError::bad_input(format!("failed to {error}")))?;
    Ok(Entry::of_run(&record, label))
}

/// The record of a load in its results folder.
pub(crate) fn read_load(folder: &Path) -> Result<LoadRecord, CliError> {
    let path = folder.join(Entry::LOAD);
    let wrong = |error: &dyn std::fmt::Display| {
        CliError::bad_input(format!("failed to read {} as a load: {error}", path.display()))
    };
    let text = fs::read_to_string(&path).map_err(|error| wrong(&error))?;
    serde_json::from_str(&text).map_err(|error| wrong(&error))
}

/// The histograms of a load, by name of their file.
fn histograms(folder: &Path) -> BTreeMap<String, String> {
    let files = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|file| file.path());
    // No links: what comes from elsewhere may point anywhere.
    let is_own = |path: &PathBuf| fs::symlink_metadata(path).is_ok_and(|data| data.is_file());
    let logs = files.filter(|path| path.extension().is_some_and(|end| end == "hlog") && is_own(path));
    let named = logs.filter_map(|path| {
        let name = path.file_name()?.to_str()?.to_owned();
        Some((name, fs::read_to_string(&path).ok()?))
    });
    named.collect()
}

fn progress(length: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len}");
    let bar = ProgressBar::new(length as u64).with_message(what);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

impl From<&args::Label> for Label {
    fn from(label: &args::Label) -> Self {
        Self { branch: label.branch.clone(), build: label.build.clone() }
    }
}

impl From<HistoryError> for CliError {
    fn from(error: HistoryError) -> Self {
        let message = format!("failed to {error}");
        if error.is_environment() { Self::environment(message) } else { Self::bad_input(message) }
    }
}
