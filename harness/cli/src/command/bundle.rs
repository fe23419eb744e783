//! `fedproof bundle` and `fedproof verify`: what a release was qualified by, signed, and the check of it.

use crate::{
    args::{Bundle, Format, Verify},
    error::CliError,
    identity::now,
    project::{Project, render},
    stdout,
    verdicts::read_run,
};
use fedproof_bundle::{BundleError, Contents, Manifest, PROFILE, SigningKey, Verified, VerifyingKey, pack, withheld};
use fedproof_results::{CaseInfo, Deviation, Level, RunRecord, exit};
use fedproof_scenario::Profile;
use serde::Serialize;
use std::{collections::BTreeMap, fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

/// Of this fedproof: bundles are of one, too.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Writes the bundle; the exit code says whether it is a qualification.
pub(crate) fn bundle(project: impl Fn() -> Result<Project, CliError>, args: &Bundle) -> Result<u8, CliError> {
    if let Some(file) = &args.new_key {
        new_key(file)?;
        return Ok(exit::QUALIFIED);
    }
    let project = project()?;
    let catalogue = project.catalogue()?;
    let runs = args.runs.iter().map(|folder| read_run(folder)).collect::<Result<Vec<_>, _>>()?;
    let of_runs = runs.first().map(|run| run.identity.profile.clone());
    let name = args.profile.clone().or(of_runs).unwrap_or_default();
    let profile = project.profile(&name, &catalogue.cases())?;
    let cases = catalogue.cases();
    if let Some(unfounded) = unfounded(&runs, &profile, &cases) {
        return Err(CliError::bad_input(format!("nothing is bundled, since {unfounded}")));
    }
    let asked = asked(&cases, &profile);
    let mut beside =
        vec![(format!("{PROFILE}{name}.yaml"), project.root.join(format!("fixtures/profiles/{name}.yaml")))];
    for file in &args.with {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        beside.push((format!("with/{name}"), file.clone()));
    }
    let made_at = now();
    let contents =
        Contents { runs: &args.runs, asked: &asked, beside: &beside, made_at: &made_at, suite_version: VERSION };
    let key = SigningKey::read(args.key.as_deref().unwrap_or(Path::new("")))?;
    let manifest = pack(&contents, &key, &args.to)?;
    // What was written is what whoever gets it will check.
    fedproof_bundle::verify(&args.to, None, &key.verifying())?;
    let catalogue = format!("that of fedproof {VERSION}");
    tell(&Told { manifest: &manifest, catalogue }, args.format, &args.to);
    Ok(exit_code(&manifest))
}

/// What a qualification has to decide under a profile: POLICY rows are the profile's to ask for; what only a deployment asks for is in the
/// runs on it.
fn asked(cases: &[CaseInfo], profile: &Profile) -> Vec<CaseInfo> {
    let asked = cases.iter().filter(|case| profile.level_of(case) != Level::Policy || profile.asks_for(case));
    asked.map(|case| CaseInfo { level: profile.level_of(case), ..case.clone() }).collect()
}

/// What runs say by a profile that it does not: that they were played by it, that it accepts a failure, and at which level it has one of
/// the cases that are `known`.
fn unfounded(runs: &[RunRecord], profile: &Profile, known: &[CaseInfo]) -> Option<String> {
    let levels: BTreeMap<&str, Level> = known.iter().map(|case| (case.id.as_str(), profile.level_of(case))).collect();
    for run in runs {
        let RunRecord { identity, servers, cases, .. } = run;
        if identity.profile != profile.profile {
            return Some(format!(
                "run {} is of profile {}, not of {}",
                identity.run_id, identity.profile, profile.profile
            ));
        }
        let level = |case: &CaseInfo| levels.get(case.id.as_str()).copied().filter(|level| *level != case.level);
        if let Some((case, level)) = cases.iter().find_map(|result| Some((&result.case, level(&result.case)?))) {
            return Some(format!(
                "run {} has {} as {}, which by profile {} is {level}",
                identity.run_id, case.id, case.level, profile.profile
            ));
        }
        let subjects =
            cases.iter().flat_map(|result| result.subjects.iter().map(move |subject| (&result.case, subject)));
        for (case, subject) in subjects {
            let Some(said) = &subject.deviation else { continue };
            let server = servers.iter().find(|server| server.name == subject.server);
            // Whether it had expired is the day's to say; everything else the profile's.
            let by_it = server.and_then(|server| profile.deviation(case, server, said.expires));
            let by_it = by_it.map(|by_it| Deviation { expired: said.expired, ..by_it });
            if by_it.as_ref() != Some(said) {
                let (id, case, server) = (&identity.run_id, &case.id, &subject.server);
                return Some(format!(
                    "in run {id} the failure of {case} on {server} counts as accepted, which profile {} does not do: {said}",
                    profile.profile
                ));
            }
        }
    }
    None
}

/// Checks a bundle: 0 if it holds and is a qualification, 1 if it holds and is none, or does not hold.
pub(crate) fn verify(project: impl Fn() -> Result<Project, CliError>, args: &Verify) -> Result<u8, CliError> {
    let key = VerifyingKey::read(&args.key)?;
    let verified = fedproof_bundle::verify(&args.bundle, args.signature.as_deref(), &key)?;
    let catalogue = held_against_own(project, &verified)?;
    tell(&Told { manifest: &verified.manifest, catalogue }, args.format, &args.bundle);
    Ok(exit_code(&verified.manifest))
}

/// Holds what the runs of a bundle say against its profile, and what it says had to be decided against the catalogue here, if that is of
/// the same fedproof; says what is known of that then.
fn held_against_own(project: impl Fn() -> Result<Project, CliError>, verified: &Verified) -> Result<String, CliError> {
    let Some((name, text)) = verified.profiles.first_key_value().filter(|_| verified.profiles.len() == 1) else {
        let what = "holds not one profile, by which something had to be decided".to_owned();
        return Err(BundleError::Content { file: PROFILE.to_owned(), what }.into());
    };
    let profile = Profile::parse(&format!("{PROFILE}{name}"), text);
    let profile = profile.map_err(|wrong| CliError::rendered(exit::BAD_INPUT, render(&wrong)))?;
    let made_by = &verified.manifest.suite_version;
    let project = project().ok().filter(|_| made_by == VERSION);
    let cases = project.as_ref().map(|project| Ok::<_, CliError>(project.catalogue()?.cases())).transpose()?;
    if let Some(unfounded) = unfounded(&verified.records, &profile, cases.as_deref().unwrap_or_default()) {
        let what = format!("is not what its runs say it is: {unfounded}");
        return Err(BundleError::Content { file: format!("{PROFILE}{name}"), what }.into());
    }
    let (Some(project), Some(cases)) = (project, cases) else {
        return Ok(match made_by == VERSION {
            true => "as its maker says: no folder of fedproof is here to hold it against (--root DIR)".to_owned(),
            false => format!("as its maker says: fedproof {made_by} made it, and this is {VERSION}"),
        });
    };
    if let Some(withheld) = withheld(&verified.asked, &asked(&cases, &profile)) {
        return Err(BundleError::Catalogue { version: VERSION.to_owned(), withheld }.into());
    }
    let here = std::fs::read_to_string(project.fixtures().join("profiles").join(name));
    Ok(match here.is_ok_and(|here| here == *text) {
        true => format!("that of fedproof {VERSION}, and so is the profile"),
        false => format!("that of fedproof {VERSION}, by a profile {name} that is not the one here"),
    })
}

/// A bundle, and whether what had to be decided is known.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    manifest: &'a Manifest,
    catalogue: String,
}

fn exit_code(manifest: &Manifest) -> u8 {
    if manifest.qualified { exit::QUALIFIED } else { exit::NOT_QUALIFIED }
}

fn tell(told: &Told, format: Format, bundle: &Path) {
    if format == Format::Json {
        return stdout::json(told);
    }
    let Told { manifest, catalogue } = told;
    for run in &manifest.runs {
        stdout::print(&format!("{}: {} on {}, {}", run.run_id, run.verdict.title(), run.deployment, run.profile));
    }
    for accepted in accepted(&manifest.deviations) {
        stdout::print(&accepted);
    }
    for reason in &manifest.because {
        stdout::print(&format!("no qualification: {reason}"));
    }
    stdout::print(&format!("its catalogue of what had to be decided is {catalogue}"));
    let word = if manifest.qualified { "QUALIFIED" } else { "NOT A QUALIFICATION" };
    stdout::print(&format!("{word}: {} files in {}", manifest.files.len() + 1, bundle.display()));
}

/// Accepted failures by their reasons: the manifest names each.
fn accepted(deviations: &[String]) -> Vec<String> {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for deviation in deviations {
        let (what, why) = deviation.split_once(": ").unwrap_or((deviation, "no reason"));
        by_reason.entry(why).or_default().push(what);
    }
    let told = by_reason.into_iter().map(|(why, what)| match what[..] {
        [one] => format!("accepted: {one}: {why}"),
        _ => format!("accepted: {} failures, {} and so on: {why}", what.len(), what[0]),
    });
    told.collect()
}

/// Makes a key; nothing that is there is written over, and the secret half is for its owner only.
fn new_key(file: &Path) -> Result<(), CliError> {
    let (key, secret) = SigningKey::generate()?;
    let failed = |path: &Path, error| CliError::bad_input(format!("failed to write {}: {error}", path.display()));
    let write = |path: &Path, mode: u32, text: &str| {
        let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
        opened.and_then(|mut to| to.write_all(text.as_bytes())).map_err(|error| failed(path, error))
    };
    let mut public = file.as_os_str().to_owned();
    public.push(".pub");
    write(file, 0o600, &secret)?;
    write(Path::new(&public), 0o644, &key.verifying().to_pem())?;
    stdout::print(&format!("{} (keep it secret), {} (give it away)", file.display(), Path::new(&public).display()));
    Ok(())
}

impl From<BundleError> for CliError {
    fn from(error: BundleError) -> Self {
        let message = format!("failed to {error}");
        match error {
            BundleError::Signature
            | BundleError::Content { .. }
            | BundleError::Conclusion { .. }
            | BundleError::Catalogue { .. } => Self::rendered(exit::NOT_QUALIFIED, format!("error: {message}")),
            _ => Self::bad_input(message),
        }
    }
}
