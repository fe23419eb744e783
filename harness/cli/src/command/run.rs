//! `fedproof run`: plan, start, play, report, decide.

use super::{attach::Attachment, dry_run::dry_run, purge::purge, repeat};
use crate::{
    args::{Format, Run},
    client,
    error::CliError,
    ground::{self, Ground},
    identity::{draw_seed, identity},
    interrupt,
    project::{Project, hardening_rules},
    recorder::Recorder,
    stdout,
    verdicts::{asked, read_baseline},
    work::work_folder,
};
use fedproof_deployment::{Backend, Description, LOOPBACK};
use fedproof_results::{CaseInfo, Day, Event, Level, RunRecord, ServerInfo, Verdict, WallMs, exit};
use fedproof_runner::{Field, Options, Plan, Sink, plan, run as play};
use fedproof_scenario::{Catalogue, Diagnostic, Loaded, Profile, Selection, is_named};
use std::{collections::BTreeSet, fs::Permissions, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Instant};

/// Runs the selected cases; the exit code says the verdict.
pub(crate) async fn run(project: &Project, mut args: Run) -> Result<u8, CliError> {
    let began = Instant::now();
    let catalogue = project.catalogue()?;
    let repeated = args.failed_from.as_deref().map(|folder| repeat::of(folder, &args.selectors)).transpose()?;
    if let Some(repeated) = &repeated {
        args.selectors.clone_from(&repeated.selectors);
    }
    let profile = project.profile(&args.profile, &catalogue.cases())?;
    let seed = args.seed.or(repeated.as_ref().map(|repeated| repeated.seed)).unwrap_or_else(draw_seed);
    let attachment = Attachment::find(&mut args, seed).await?;
    let description = match &attachment {
        Some(attachment) => attachment.description(),
        None => ground::describe(project, &args.place)?,
    };
    let selection = select(&catalogue, &args.selectors, &profile, &description)?;
    has_settings(&catalogue, &selection, &profile)?;
    let client = args.client.get_or_insert_with(|| profile.client.clone().unwrap_or_else(|| "rust-sdk".to_owned()));
    let client_spec = client::named(project, client)?;
    let baseline = args.baseline.as_deref().map(read_baseline).transpose()?;
    if let Some(baseline) = &baseline {
        baseline.fits(&description.name, &args.profile).map_err(CliError::bad_input)?;
    }
    let at_level = |case: &CaseInfo| CaseInfo { level: profile.level_of(case), ..case.clone() };
    let cases: Vec<CaseInfo> = selection.cases().map(at_level).collect();
    if let Some(attachment) = attachment.as_ref().filter(|_| args.dry_run) {
        let field = attachment.field(seed)?;
        let planned = planned(&catalogue, &cases, &field, seed, Some(attachment), None)?;
        dry_run(attachment, &planned, args.format);
        return Ok(exit::QUALIFIED);
    }
    let identity = identity(&catalogue, &selection, &args, seed, &description.name);
    let out = args.out.clone().unwrap_or_else(|| Path::new("fedproof-results").join(&identity.run_id));
    let work = work_folder(&identity.run_id, &out, args.keep)?;
    let interrupted = interrupt::watch();
    let today = Day::of_time(&identity.started_at).map_err(CliError::environment)?;

    let recorder = Recorder::create(&out, &interrupted)?;
    let stopped = recorder.stopped();
    recorder.emit(Event::RunStarted { identity, cases: cases.clone() });
    if let Some(attachment) = &attachment {
        // What others say to each other is in the record, too.
        std::fs::set_permissions(&out, Permissions::from_mode(0o700)).map_err(CliError::environment)?;
        recorder.emit(Event::Progress {
            server: None,
            message: format!("all that the run makes there has {} in its name", attachment.mark),
        });
    }
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
    let booted = match &attachment {
        Some(attachment) => attached(attachment, seed, &recorder.sink()).await.map(|field| (None, field)),
        None => Ground::start(project, &description, (work.path(), &logs), seed, notify, &stopped, LOOPBACK)
            .await
            .map(|ground| (Some(ground.deployment), ground.field)),
    };
    let (deployment, mut field) = match booted {
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
    let servers = ground::servers(&field);
    recorder.emit(Event::DeploymentReady { servers: servers.clone(), boot_ms });

    let planned = planned(&catalogue, &cases, &field, seed, attachment.as_ref(), client.as_ref())?;
    field.client = client.and_then(Result::ok);
    let is_lent = field.homeservers.iter().any(|one| one.endpoint().accounts().count().is_some());
    let options = Options {
        // Two instances that each have a part of what is lent would wait for each other.
        jobs: if is_lent { 1 } else { args.jobs.into() },
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
    let stopped = play(planned, &field, &options, &sink).await;
    let cases_ms = elapsed(playing);
    let usage = ground::usage(&field);
    let transcript = field.gateway.transcript().clone();
    match (deployment, &attachment) {
        (Some(deployment), _) => deployment.stop().await,
        (None, Some(attachment)) => purge(&field, &attachment.mark, &out, &recorder.sink()).await,
        (None, None) => {}
    }
    field.gateway.close();
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

/// What instances are played on that somebody else started, with the gateway's ports open.
async fn attached(attachment: &Attachment, seed: u64, sink: &Sink) -> Result<Field, CliError> {
    let field = attachment.field(seed)?;
    if let Err(error) = attachment.open(&field).await {
        for home in &field.homeservers {
            if let Err(left) = home.endpoint().dismiss().await {
                sink(Event::Warning { message: format!("left on {}: its administrator: {left}", home.name()) });
            }
        }
        return Err(error);
    }
    Ok(field)
}

/// The plan, in which what cannot be played is set aside.
fn planned(
    catalogue: &Catalogue,
    cases: &[CaseInfo],
    field: &Field,
    seed: u64,
    attachment: Option<&Attachment>,
    client: Option<&client::Client>,
) -> Result<Plan, CliError> {
    let grouped = plan::group(&catalogue.scenarios, cases);
    let mark = attachment.map_or_else(|| plan::mark(seed), |attachment| attachment.mark.clone());
    let mut planned = plan::plan(&grouped, &field.homeservers, &mark).map_err(CliError::bad_input)?;
    let reach = attachment.map(|attachment| attachment.reach(field));
    planned.set_aside(|scenario| {
        let of_place = ground::unmet(&field.description, scenario);
        let of_place = of_place.or_else(|| reach?.unmet(scenario)).map(|reason| (Verdict::Skipped, reason));
        of_place.or_else(|| client::unmet(client, scenario))
    });
    if reach.is_some_and(|reach| !reach.gateway) {
        planned.set_aside_standing(Verdict::Skipped, "nobody records what servers say to each other");
    }
    Ok(planned)
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
    let mut selection = catalogue.select(selectors, &is_asked).map_err(|unmatched| {
        let is_rule = |selector: &String| hardening_rules().iter().any(|rule| is_named(rule, selector));
        match selectors.iter().find(|one| is_rule(one)) {
            Some(rule) => {
                CliError::nothing_selected(format!("{unmatched}; {rule:?} names rules that `fedproof harden` judges"))
            }
            None => CliError::nothing_selected(unmatched),
        }
    })?;
    if selectors.is_empty() {
        selection.entries.retain(|entry| {
            let loaded = &catalogue.scenarios[entry.scenario];
            // An observation in a chapter that nobody asks for, whose settings only those have who ask for it.
            let is_beside = entry.info.level == Level::Observe
                && loaded.scenario.level == Level::Policy
                && !is_asked(&entry.info)
                && !missing_settings(catalogue, [entry.scenario], profile).is_empty();
            // Of a deployment that somebody else started, each case is to be told of.
            let is_told = description.backend == Backend::Attach || ground::unmet(description, loaded).is_none();
            is_told && !is_beside
        });
    }
    if selection.entries.is_empty() {
        return Err(CliError::nothing_selected("no case is selected"));
    }
    catalogue.add_standing(&mut selection, &is_asked);
    Ok(selection)
}

/// What in these scenarios refers to settings that the profile does not have.
fn missing_settings(
    catalogue: &Catalogue,
    scenarios: impl IntoIterator<Item = usize>,
    profile: &Profile,
) -> Vec<Diagnostic> {
    let scenarios = scenarios.into_iter().map(|index| catalogue.scenarios[index].clone()).collect();
    let known: Vec<&str> = profile.settings.keys().map(String::as_str).collect();
    Catalogue { scenarios }.unknown_settings(&known)
}

/// Every setting that a selected case refers to must be one of the profile's.
fn has_settings(catalogue: &Catalogue, selection: &Selection, profile: &Profile) -> Result<(), CliError> {
    let selected: BTreeSet<usize> = selection.entries.iter().map(|entry| entry.scenario).collect();
    let wrong = missing_settings(catalogue, selected, profile);
    if wrong.is_empty() {
        return Ok(());
    }
    let text = format!("{}\nthe profile is {}", crate::project::render(&wrong), profile.profile);
    Err(CliError::rendered(fedproof_results::exit::BAD_INPUT, text))
}
