//! What loads and their shards are told.

use super::{Format, Where};
use clap::Args as ClapArgs;
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub(crate) struct Load {
    /// A name in fixtures/workloads, or a file
    pub(crate) workload: String,
    #[command(flatten)]
    pub(crate) place: Where,
    /// Seconds that all phases last together, instead of what the workload says
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    pub(crate) duration: Option<f64>,
    /// Highest rate of open phases, in operations a second; all are scaled alike
    #[arg(long, value_name = "RATE", value_parser = positive)]
    pub(crate) rate: Option<f64>,
    /// Users on each homeserver
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    pub(crate) users: Option<usize>,
    /// Compare: play on the deployment (A) and on the same with NAME=SPEC (B) side by side; exit code 1 if B is slower
    /// (repeatable)
    #[arg(long, value_name = "NAME=SPEC")]
    pub(crate) against: Vec<String>,
    /// How many pairs of plays --against takes; an even number lets drift of the machine cancel
    #[arg(long, value_name = "N", default_value_t = 20, requires = "against",
          value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(2..))]
    pub(crate) pairs: usize,
    /// Switch a mutant on in those homeservers of B, to see that the comparison finds it (synapse/load/cpu)
    #[arg(long, value_name = "ID", requires = "against")]
    pub(crate) against_mutant: Option<String>,
    /// Load a deployment that runs already (`fedproof up`), by its connection file, instead of booting one
    #[arg(long, value_name = "FILE", conflicts_with_all = ["deployment", "homeservers", "against", "cores"])]
    pub(crate) attach: Option<PathBuf>,
    /// How long the connection file may take to come to be
    #[arg(long, value_name = "SECONDS", requires = "attach", value_parser = positive)]
    pub(crate) attach_within: Option<f64>,
    /// Only part I of N of the arrivals, from 0 (default: JOB_COMPLETION_INDEX from 0, or FEDPROOF_TASK_SLOT from 1, of
    /// FEDPROOF_SHARDS)
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub(crate) shard: Option<fedproof_load::Shard>,
    /// When the first arrival's clock begins, in seconds since 1970: the same for all shards
    #[arg(long, value_name = "TIME", env = "FEDPROOF_START_AT", value_parser = unix_time)]
    pub(crate) start_at: Option<std::time::SystemTime>,
    /// Whether homeservers and the generator run on cores of their own: `separate` or `shared`, instead of what the
    /// deployment says
    #[arg(long, value_name = "PLACEMENT", value_parser = placement)]
    pub(crate) cores: Option<fedproof_deployment::Placement>,
    /// Seed of everything random; drawn if not given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Where the results go; default fedproof-results/load-RUN_ID
    #[arg(long, value_name = "DIR", env = "FEDPROOF_OUT")]
    pub(crate) out: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Merge {
    /// Results folders of the shards
    #[arg(required = true, value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
    /// Where the whole goes
    #[arg(long, default_value = "fedproof-results/merged", value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

fn positive(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number".to_owned())?;
    if number.is_finite() && number > 0.0 { Ok(number) } else { Err("expected a number above 0".to_owned()) }
}

fn placement(text: &str) -> Result<fedproof_deployment::Placement, String> {
    match text {
        "separate" => Ok(fedproof_deployment::Placement::Separate),
        "shared" => Ok(fedproof_deployment::Placement::Shared),
        _ => Err("expected separate or shared".to_owned()),
    }
}

fn shard(text: &str) -> Result<fedproof_load::Shard, String> {
    let parts = text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    match parts {
        Some((index, count)) if index < count => Ok(fedproof_load::Shard { index, count }),
        _ => Err("expected I/N with I from 0 to N-1, such as 0/4".to_owned()),
    }
}

fn unix_time(text: &str) -> Result<std::time::SystemTime, String> {
    Ok(std::time::UNIX_EPOCH + std::time::Duration::from_secs_f64(positive(text)?))
}
