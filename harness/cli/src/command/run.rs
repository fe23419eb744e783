//! `fedproof run`: plan, start, play, report, decide.

use super::repeat;
use crate::{
    args::{Format, Run},
    client,
    error::CliError,
    ground::{self, Ground},
    interrupt,
    project::Project,
    stdout,
    verdicts::{asked, read_baseline},
};
use fedproof_core::transcript::Exchange;
use fedproof_deployment::{Description, LOOPBACK, Notify};
use fedproof_report::{Archive, Terminal};
use fedproof_results::{CaseInfo, CaseResult, Day, Event, Identity, RunRecord, ServerInfo, Verdict, WallMs, exit};
use fedproof_runner::{Options, Sink, plan, run as play};
use fedproof_scenario::{Catalogue, Loaded, Profile, Selection};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};
use tokio::sync::watch;

/// Runs the selected cases; the exit code says the verdict.
pub(crate) async fn run(project: &Project, mut args: Run) -> Result<u8, CliError> {
    let began = Instant::now();
    let catalogue = project.catalogue()?;
    let repeated = args.failed_from.as_deref().map(|folder| repeat::of(folder, &args.selectors)).transpose()?;
    if let Some(repeated) = &repeated {
        args.selectors.clone_from(&repeated.selectors);
    }
    let profile = project.profile(&args.profile, &catalogue.cases())?;
    let description = ground::describe(project, &args.place)?;
    let selection = select(&catalogue, &args.selectors, &profile, &description)?;
    has_settings(&catalogue, &selection, &profile)?;
    let client_spec = client::named(project, &args.client)?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?;
    if let Some(baseline) = &baseline {
        baseline.fits(&description.name, &args.profile).map_err(CliError::bad_input)?;
    }
    let seed = args.seed.or(repeated.as_ref().map(|repeated| repeated.seed)).unwrap_or_else(draw_seed);
    let identity = identity(&catalogue, &selection, &args, seed, &description.name);
    let out = args.out.clone().unwrap_or_else(|| Path::new("fedproof-results").join(&identity.run_id));
    let work = work_folder(&identity.run_id, &out, args.keep)?;
    let interrupted = interrupt::watch();
    let today = Day::of_time(&identity.started_at).map_err(CliError::environment)?;

    let recorder = Recorder::create(&out, &interrupted)?;
    let stopped = recorder.stopped();
    let at_level = |case: &CaseInfo| CaseInfo { level: profile.level_of(case), ..case.clone() };
    let cases: Vec<CaseInfo> = selection.cases().map(at_level).collect();
    recorder.emit(Event::RunStarted { identity, cases: cases.clone() });
    if let Some((file, baseline)) = args.baseline.as_deref().zip(baseline) {
        let baseline = asked(baseline, &args.selectors);
        recorder.emit(Event::BaselineTaken { file: file.display().to_string(), baseline });
    }
    for message in repeated.iter().flat_map(|repeated| repeated.differs(&description, &args.profile)) {
        recorder.emit(Event::Warning { message });
    }
    if selection.withheld > 0 {
        recorder.emit(Event::Warning {
            message: format!("{} POLICY cases were left out: the profile does not ask for them", selection.withheld),
        });
    }

    let notify = recorder.notify();
    let logs = out.join("logs");
    let can_play =
        |scenario: &Loaded| ground::unmet(&description, scenario).is_none() && scenario.scenario.has_agents();
    let preparing = Instant::now();
    let client = match selection.entries.iter().any(|entry| can_play(&catalogue.scenarios[entry.scenario])) {
        true => {
            let records = out.join("clients");
            Some(client::prepare(project, &client_spec, (work.path(), &records), &notify, &stopped).await)
        }
        false => None,
    };
    let client_ms = if client.is_some() { elapsed(preparing) } else { 0 };
    let booting = Instant::now();
    let booted = Ground::start(project, &description, (work.path(), &logs), seed, notify, &stopped, LOOPBACK).await;
    let mut ground = match booted {
        Ok(ground) => ground,
        Err(error) => {
            // Results that say nothing was decided are better than none.
            let wall = WallMs { total: elapsed(began), boot: elapsed(booting), cases: 0, client: client_ms };
            recorder.emit(Event::RunFinished {
                complete: false,
                stopped_because: error.to_string(),
                wall_ms: wall,
                usage: Vec::new(),
            });
            let record = recorder.finish(&[], Some(error.exit_code()))?;
            if args.format == Format::Json {
                stdout::json(&record);
            }
            return Err(error);
        }
    };
    let boot_ms = elapsed(booting);
    let servers = ground.servers();
    recorder.emit(Event::DeploymentReady { servers: servers.clone(), boot_ms });

    let grouped = plan::group(&catalogue.scenarios, &cases);
    let mut planned = plan::plan(&grouped, &ground.field.homeservers, seed).map_err(CliError::bad_input)?;
    planned.set_aside(|scenario| {
        let of_place = ground::unmet(&description, scenario).map(|reason| (Verdict::Skipped, reason));
        of_place.or_else(|| client::unmet(client.as_ref(), scenario))
    });
    ground.field.client = client.and_then(Result::ok).map(|(client, _)| client);
    let options = Options {
        jobs: args.jobs.into(),
        fail_fast: args.fail_fast,
        strict: args.strict,
        seed,
        pairs: args.pairs,
        settings: serde_json::json!(profile.settings),
        lacks: description.lacks.clone(),
        interrupted: stopped,
    };
    let playing = Instant::now();
    let sink = accepting(recorder.sink(), profile.clone(), cases.clone(), servers.clone(), today);
    let stopped = play(planned, &ground.field, &options, &sink).await;
    let cases_ms = elapsed(playing);
    let usage = ground.usage();
    let transcript = ground.field.gateway.transcript().clone();
    ground.stop().await;
    for message in profile.audit(&recorder.results(&cases), &servers, today) {
        recorder.emit(Event::Warning { message });
    }
    recorder.emit(Event::RunFinished {
        complete: stopped.is_none(),
        stopped_because: stopped.unwrap_or_default(),
        wall_ms: WallMs { total: elapsed(began), boot: boot_ms, cases: cases_ms, client: client_ms },
        usage,
    });
    let exit_code = interrupted.borrow().then_some(exit::INTERRUPTED);
    let record = recorder.finish(&transcript.since(0), exit_code)?;
    if args.format == Format::Json {
        stdout::json(&RunRecord { evidence: Default::default(), ..record.clone() });
    } else {
        stdout::print(record.verdict.title());
    }
    Ok(exit_code.unwrap_or(record.verdict.exit_code()))
}

fn elapsed(since: Instant) -> u64 {
    since.elapsed().as_millis() as u64
}

/// A sink that adds to every verdict what the profile says of it.
fn accepting(sink: Sink, profile: Profile, cases: Vec<CaseInfo>, servers: Vec<ServerInfo>, today: Day) -> Sink {
    Arc::new(move |event| {
        sink(match event {
            Event::CaseDecided { id, mut result } if result.verdict == Verdict::Fail => {
                let case = cases.iter().find(|case| case.id == id);
                let server = servers.iter().find(|server| server.name == result.server);
                result.deviation = case.zip(server).and_then(|(case, server)| profile.deviation(case, server, today));
                Event::CaseDecided { id, result }
            }
            event => event,
        });
    })
}

/// The selected cases; POLICY ones only if the profile or the deployment asks for them. Without selectors it is
/// everything that can be played on the deployment; what is selected by name and cannot be is skipped later. What is part
/// of every run is added.
fn select(
    catalogue: &Catalogue,
    selectors: &[String],
    profile: &Profile,
    description: &Description,
) -> Result<Selection, CliError> {
    let is_asked = |case: &CaseInfo| profile.asks_for(case) || ground::asks_for(description, case);
    let mut selection = catalogue.select(selectors, &is_asked).map_err(CliError::nothing_selected)?;
    if selectors.is_empty() {
        selection.entries.retain(|entry| ground::unmet(description, &catalogue.scenarios[entry.scenario]).is_none());
    }
    if selection.entries.is_empty() {
        return Err(CliError::nothing_selected("no case is selected"));
    }
    catalogue.add_standing(&mut selection, &is_asked);
    Ok(selection)
}

/// Every setting that a selected case refers to must be one of the profile's.
fn has_settings(catalogue: &Catalogue, selection: &Selection, profile: &Profile) -> Result<(), CliError> {
    let selected: BTreeSet<usize> = selection.entries.iter().map(|entry| entry.scenario).collect();
    let scenarios = selected.iter().map(|index| catalogue.scenarios[*index].clone()).collect();
    let known: Vec<&str> = profile.settings.keys().map(String::as_str).collect();
    let wrong = Catalogue { scenarios }.unknown_settings(&known);
    if wrong.is_empty() {
        return Ok(());
    }
    let text = format!("{}\nthe profile is {}", crate::project::render(&wrong), profile.profile);
    Err(CliError::rendered(fedproof_results::exit::BAD_INPUT, text))
}

/// A seed nobody chose; it is in the report, so that the run can be repeated.
pub(crate) fn draw_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    (now.as_nanos() as u64) % 1_000_000_007
}

/// Id of a run: when and who, good as a folder's name.
pub(crate) fn run_id() -> String {
    let format = time::macros::format_description!("[year][month][day]-[hour][minute][second]");
    let now = time::OffsetDateTime::now_utc();
    let now = now.format(format).unwrap_or_else(|_| now.unix_timestamp().to_string());
    format!("{now}-{}", std::process::id())
}

/// Where databases and configuration go: a folder that vanishes, or one beside the results.
pub(crate) enum Work {
    Passing(tempfile::TempDir),
    Kept(PathBuf),
}

impl Work {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}

pub(crate) fn work_folder(run_id: &str, out: &Path, keep: bool) -> Result<Work, CliError> {
    if keep {
        return Ok(Work::Kept(out.join("work")));
    }
    let made = tempfile::Builder::new().prefix(&format!("fedproof-{run_id}-")).tempdir();
    made.map(Work::Passing)
        .map_err(|error| CliError::environment(format!("failed to create a folder for the homeservers: {error}")))
}

/// The time as RFC 3339 in UTC, to the second: nobody reads more.
pub(crate) fn now() -> String {
    let now = time::OffsetDateTime::now_utc();
    let now = now.replace_nanosecond(0).unwrap_or(now);
    now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

fn identity(catalogue: &Catalogue, selection: &Selection, args: &Run, seed: u64, deployment: &str) -> Identity {
    Identity {
        run_id: run_id(),
        started_at: now(),
        suite_version: env!("CARGO_PKG_VERSION").to_owned(),
        suite_digest: digest(&catalogue.scenarios, selection),
        deployment: deployment.to_owned(),
        backend: args.place.backend.clone(),
        profile: args.profile.clone(),
        client: args.client.clone(),
        seed,
        selectors: args.selectors.clone(),
        jobs: args.jobs.into(),
        strict: args.strict,
        machine: machine(),
        command: command(),
    }
}

/// SHA-256 over the files of the selected scenarios.
fn digest(scenarios: &[Loaded], selection: &Selection) -> String {
    let mut hash = Sha256::new();
    for loaded in scenarios {
        if selection.cases().any(|case| case.scenario == loaded.file) {
            hash.update(loaded.file.as_bytes());
            hash.update([0]);
            hash.update(loaded.text.as_bytes());
            hash.update([0]);
        }
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Operating system, architecture, cores.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{} {}, {cores} cores", std::env::consts::OS, std::env::consts::ARCH)
}

/// The command line, without the path of the binary.
fn command() -> Vec<String> {
    std::iter::once("fedproof".to_owned()).chain(std::env::args().skip(1)).collect()
}

/// Keeps the stream of events, and passes each on to the terminal and the archive.
pub(crate) struct Recorder(Arc<Mutex<Recording>>);

struct Recording {
    events: Vec<Event>,
    terminal: Terminal,
    archive: Archive,
    trouble: Option<fedproof_report::ReportError>,
    stop: watch::Sender<bool>,
}

impl Recorder {
    fn create(out: &Path, interrupted: &watch::Receiver<bool>) -> Result<Self, CliError> {
        let stop = watch::Sender::new(false);
        let (signals, stopped) = (interrupted.clone(), stop.clone());
        tokio::spawn(async move {
            interrupt::signalled(&signals).await;
            stopped.send_replace(true);
        });
        let recording = Recording {
            events: Vec::new(),
            terminal: Terminal::stderr(),
            archive: Archive::create(out)?,
            trouble: None,
            stop,
        };
        Ok(Self(Arc::new(Mutex::new(recording))))
    }

    /// Becomes true at a signal, and when results can no longer be written: nothing is worth going on for then.
    fn stopped(&self) -> watch::Receiver<bool> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).stop.subscribe()
    }

    fn emit(&self, event: Event) {
        emit(&self.0, event);
    }

    fn sink(&self) -> Sink {
        let recording = self.0.clone();
        Arc::new(move |event| emit(&recording, event))
    }

    fn notify(&self) -> Notify {
        let recording = self.0.clone();
        Arc::new(move |server, message| {
            emit(&recording, Event::Progress { server: server.map(str::to_owned), message });
        })
    }

    /// What was decided so far.
    fn results(&self, cases: &[CaseInfo]) -> Vec<CaseResult> {
        let recording = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let decided = |id: &str| {
            let results = recording.events.iter().filter_map(|event| match event {
                Event::CaseDecided { id: of, result } if of == id => Some(result.clone()),
                _ => None,
            });
            results.collect()
        };
        cases.iter().map(|case| CaseResult::new(case.clone(), decided(&case.id))).collect()
    }

    /// Writes every report; `exit_code` if it is not the verdict's. The first thing that could not be written is the error.
    fn finish(&self, exchanges: &[Arc<Exchange>], exit_code: Option<u8>) -> Result<RunRecord, CliError> {
        let mut recording = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recording = &mut *recording;
        let record = RunRecord::from_events(&recording.events)
            .ok_or_else(|| CliError::environment("the run has no first event: this is a defect of fedproof"))?;
        let written = recording.archive.finish(&record, exchanges);
        let page = recording.archive.page();
        let exit_code = exit_code.unwrap_or(record.verdict.exit_code());
        recording.terminal.finish_as(&record, written.is_ok().then_some(page.as_path()), exit_code);
        if let Some(trouble) = recording.trouble.take() {
            return Err(trouble.into());
        }
        written?;
        Ok(record)
    }
}

fn emit(recording: &Mutex<Recording>, event: Event) {
    let mut recording = recording.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = recording.archive.event(&event) {
        recording.trouble.get_or_insert(error);
        recording.stop.send_replace(true);
    }
    recording.terminal.handle(&event);
    recording.events.push(event);
}
