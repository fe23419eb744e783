//! The arguments of `run`.

use super::{Format, Where};
use clap::Args as ClapArgs;
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    /// Ids, globs (`acl/**`) or tags (`@smoke`); everything if none is given
    pub(crate) selectors: Vec<String>,
    /// Only what failed or could not be decided in this stored run, with its seed unless one is given
    #[arg(long, value_name = "RUN")]
    pub(crate) failed_from: Option<PathBuf>,
    /// Accepted verdicts; any difference to them is reported and wants acceptance (exit code 1)
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: Where,
    /// Play on homeservers that run already: their connection file (docs/attach.md). What the run made there is purged.
    /// With `--backend attach` alone: `--homeserver NAME=url:BASE_URL`
    #[arg(long, value_name = "FILE", conflicts_with = "deployment")]
    pub(crate) attach: Option<PathBuf>,
    /// Only list the accounts, rooms and requests that a run would make on them
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also play there what others notice: administration of the instance, faults between its homeservers
    #[arg(long)]
    pub(crate) allow_destructive: bool,
    /// Client under test, for cases with a client: a name in fixtures/clients, or NAME@path:DIR with a checkout of its SDK.
    /// Not given, it is the profile's, or rust-sdk
    #[arg(long, value_name = "NAME[@path:DIR]")]
    pub(crate) client: Option<String>,
    /// Requirements that gate: a name in fixtures/profiles
    #[arg(long, default_value = "matrix-spec", value_name = "NAME")]
    pub(crate) profile: String,
    /// Scenario instances at once
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: u16,
    /// Seed of everything random; drawn if not given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Pairs of lists and names that the property check (acl/match/property) draws; 1000 if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) pairs: Option<u64>,
    /// SHOULD gates, too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Stop at the first gating failure
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// Keep the homeservers' databases and configuration
    #[arg(long)]
    pub(crate) keep: bool,
    /// Where results go; default fedproof-results/RUN_ID
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// What stdout gets
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}
