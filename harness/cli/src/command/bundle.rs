//! `fedproof bundle` and `fedproof verify`: what a release was qualified by, signed, and the check of it.

use crate::{
    args::{Bundle, Format, Verify},
    error::CliError,
    identity::now,
    project::Project,
    stdout,
};
use fedproof_bundle::{BundleError, Contents, Manifest, SigningKey, VerifyingKey, pack};
use fedproof_results::{CaseInfo, Level, exit};
use std::{fs::OpenOptions, io::Write, os::unix::fs::OpenOptionsExt, path::Path};

/// Writes the bundle; the exit code says whether it is a qualification.
pub(crate) fn bundle(project: impl Fn() -> Result<Project, CliError>, args: &Bundle) -> Result<u8, CliError> {
    if let Some(file) = &args.new_key {
        new_key(file)?;
        return Ok(exit::QUALIFIED);
    }
    let project = project()?;
    let catalogue = project.catalogue()?;
    let profile = project.profile(&args.profile, &catalogue.cases())?;
    // POLICY rows are the profile's to ask for; what only a deployment asks for is in the runs on it.
    let cases = catalogue.cases();
    let asked = cases.iter().filter(|case| profile.level_of(case) != Level::Policy || profile.asks_for(case));
    let asked: Vec<CaseInfo> = asked.map(|case| CaseInfo { level: profile.level_of(case), ..case.clone() }).collect();
    let mut beside = vec![(
        format!("profile/{}.yaml", args.profile),
        project.root.join(format!("fixtures/profiles/{}.yaml", args.profile)),
    )];
    for file in &args.with {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        beside.push((format!("with/{name}"), file.clone()));
    }
    let made_at = now();
    let contents = Contents {
        runs: &args.runs,
        asked: &asked,
        beside: &beside,
        made_at: &made_at,
        suite_version: env!("CARGO_PKG_VERSION"),
    };
    let key = SigningKey::read(args.key.as_deref().unwrap_or(Path::new("")))?;
    let manifest = pack(&contents, &key, &args.to)?;
    // What was written is what whoever gets it will check.
    fedproof_bundle::verify(&args.to, None, &key.verifying())?;
    tell(&manifest, args.format, &args.to);
    Ok(exit_code(&manifest))
}

/// Checks a bundle: 0 if it holds and is a qualification, 1 if it holds and is none, or does not hold.
pub(crate) fn verify(args: &Verify) -> Result<u8, CliError> {
    let key = VerifyingKey::read(&args.key)?;
    let manifest = fedproof_bundle::verify(&args.bundle, args.signature.as_deref(), &key)?;
    tell(&manifest, args.format, &args.bundle);
    Ok(exit_code(&manifest))
}

fn exit_code(manifest: &Manifest) -> u8 {
    if manifest.qualified { exit::QUALIFIED } else { exit::NOT_QUALIFIED }
}

fn tell(manifest: &Manifest, format: Format, bundle: &Path) {
    if format == Format::Json {
        return stdout::json(manifest);
    }
    for run in &manifest.runs {
        stdout::print(&format!("{}: {} on {}, {}", run.run_id, run.verdict.title(), run.deployment, run.profile));
    }
    for deviation in &manifest.deviations {
        stdout::print(&format!("accepted: {deviation}"));
    }
    for reason in &manifest.because {
        stdout::print(&format!("no qualification: {reason}"));
    }
    let word = if manifest.qualified { "QUALIFIED" } else { "NOT A QUALIFICATION" };
    stdout::print(&format!("{word}: {} files in {}", manifest.files.len() + 1, bundle.display()));
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
            BundleError::Signature | BundleError::Content { .. } | BundleError::Conclusion { .. } => {
                Self::rendered(exit::NOT_QUALIFIED, format!("error: {message}"))
            }
            _ => Self::bad_input(message),
        }
    }
}
