//! Arguments of what looks at more than one run: `history`, `gate`.

use super::{Format, ListFormat};
use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

/// Which history.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct At {
    /// An SQLite file, made if it is not there, or postgres://USER:PASSWORD@HOST/DATABASE
    #[arg(
        long,
        env = "FEDPROOF_HISTORY",
        default_value = "fedproof-history.db",
        value_name = "FILE|URL",
        hide_env_values = true
    )]
    pub(crate) history: String,
}

/// What to do with the history of runs.
#[derive(Debug, Subcommand)]
pub(crate) enum History {
    /// Put runs and loads into the history; what is there already stays as it is
    Import(Import),
    /// List runs, latest first
    List(ListRuns),
    /// Where figures changed their level, better and worse
    Changes(Changes),
    /// Write runs as one JSON object a line, for another history
    Export(Export),
    /// Read what `export` wrote
    Restore(Restore),
    /// Forget runs by their ids, such as one that was imported under the wrong branch
    Forget(Forget),
    /// Forget old runs, and the documents of less old ones
    Prune(Prune),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Import {
    /// Results folders of runs or loads
    #[arg(required = true, value_name = "DIR")]
    pub(crate) folders: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) at: At,
    #[command(flatten)]
    pub(crate) label: Label,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

/// What a record does not say of its run.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Label {
    /// Line of development that the runs belong to
    #[arg(long, env = "FEDPROOF_BRANCH", default_value = "main", value_name = "NAME")]
    pub(crate) branch: String,
    /// The build under test, a commit or a release; default: the versions its homeservers report
    #[arg(long, env = "FEDPROOF_BUILD", value_name = "COMMIT")]
    pub(crate) build: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct ListRuns {
    #[command(flatten)]
    pub(crate) at: At,
    /// Only of this branch
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<String>,
    /// At most so many
    #[arg(long, default_value_t = 30, value_name = "N")]
    pub(crate) limit: u32,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Changes {
    #[command(flatten)]
    pub(crate) at: At,
    /// The branch to look at
    #[arg(long, env = "FEDPROOF_BRANCH", default_value = "main", value_name = "NAME")]
    pub(crate) branch: String,
    /// How many of its latest runs, of each place
    #[arg(long, default_value_t = 200, value_name = "N")]
    pub(crate) runs: u32,
    /// Smallest change that matters, in percent of the level before
    #[arg(long, default_value_t = 2.0, value_name = "PERCENT")]
    pub(crate) least: f64,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Export {
    /// The file to write
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) at: At,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Restore {
    /// What `export` wrote; -: standard input
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) at: At,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Forget {
    /// Ids, as `history list` shows them
    #[arg(required = true, value_name = "RUN_ID")]
    pub(crate) runs: Vec<String>,
    #[command(flatten)]
    pub(crate) at: At,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Prune {
    #[command(flatten)]
    pub(crate) at: At,
    /// Of each branch and place, keep so many of the latest runs [1000, or all with --older-than]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) runs: Option<u32>,
    /// And of those, keep exchanges and histograms of so many [100, or all with --older-than]
    #[arg(long, value_name = "N")]
    pub(crate) whole: Option<u32>,
    /// Forget runs that began more than so many days ago, but for the latest good one of each branch and place
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) older_than: Option<u32>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Gate {
    /// Results folder of a run
    pub(crate) run: PathBuf,
    /// Hold the run against these accepted verdicts, in place of those it was held against when it ran
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Hold it against a base as well: the results folder of a run, or a branch of --history, of which the latest run of the same place counts; beside --history a folder begins with . or /
    #[arg(long, value_name = "DIR|BRANCH")]
    pub(crate) base: Option<String>,
    /// A history: what came before says what is flaky, and which figures are out of bounds or changed their level
    #[arg(long, env = "FEDPROOF_HISTORY", value_name = "FILE|URL", hide_env_values = true)]
    pub(crate) history: Option<String>,
    /// Results folder of a paired load of base and candidate (repeatable)
    #[arg(long = "load", value_name = "DIR")]
    pub(crate) loads: Vec<PathBuf>,
    /// What blocks and what only warns; default: fixtures/gate.yaml
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) label: Label,
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}
