//! Which run this is: id, seed, time, machine, and the digest of what it plays.

use crate::args::Run;
use fedproof_results::Identity;
use fedproof_scenario::{Catalogue, Loaded, Selection};
use sha2::{Digest, Sha256};

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

/// The time now, as [`told`].
pub(crate) fn now() -> String {
    told(time::OffsetDateTime::now_utc())
}

/// A time in UTC as RFC 3339, always to the millisecond: runs are in the order of these texts.
pub(crate) fn told(utc: time::OffsetDateTime) -> String {
    let format =
        time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    utc.format(format).unwrap_or_default()
}

/// Everything that tells a run from others.
pub(crate) fn identity(
    catalogue: &Catalogue,
    selection: &Selection,
    args: &Run,
    seed: u64,
    deployment: &str,
) -> Identity {
    Identity {
        run_id: run_id(),
        started_at: now(),
        suite_version: env!("CARGO_PKG_VERSION").to_owned(),
        suite_digest: digest(&catalogue.scenarios, selection),
        deployment: deployment.to_owned(),
        backend: args.place.backend.clone(),
        profile: args.profile.clone(),
        client: args.client.clone().unwrap_or_default(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_began_later_is_later() {
        let first = now();
        std::thread::sleep(std::time::Duration::from_millis(2));
        let second = now();
        assert!(first < second && first.len() == second.len(), "{first} {second}");
        let format = &time::format_description::well_known::Rfc3339;
        assert!(time::OffsetDateTime::parse(&second, format).is_ok(), "{second}");
    }
}
