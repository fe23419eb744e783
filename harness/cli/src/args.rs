//! The command line.

mod bundle;
mod dashboard;
#[cfg(test)]
mod documented;
mod history;
mod load;
mod run;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

pub(crate) use bundle::{Bisect, Bundle, Verify};
pub(crate) use dashboard::Dashboard;
pub(crate) use history::{Changes, Export, Gate, History, Import, Label, ListRuns, Restore};
pub(crate) use load::{Load, Merge};
pub(crate) use run::Run;

/// Proving ground for private Matrix federations: real homeservers, attacked from simulated ones.
#[derive(Debug, Parser)]
#[command(name = "fedproof", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Args {
    /// Folder with scenarios/ and fixtures/; searched upwards from here if not given.
    #[arg(long, global = true, env = "FEDPROOF_ROOT", value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 qualified, 1 not qualified (or not as accepted), 2 bad input, 3 inconclusive, 4 nothing selected, 130 interrupted.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a deployment, play the selected cases on it, report, decide
    Run(Run),
    /// List the catalogue of cases
    List(List),
    /// Show one case in full
    Explain(Explain),
    /// Check scenario files without starting anything
    Lint(Lint),
    /// Print a JSON Schema for editors
    Schema(Schema),
    /// Hold compose files, Kubernetes manifests and configurations against the hardening rules
    Harden(Harden),
    /// Start a playground deployment and keep it up until Ctrl-C or `fedproof down`
    Up(Up),
    /// Stop the playground deployment
    Down,
    /// Stand between servers as a service: names, TLS, routes, a record; the certificate authority is kept
    Gateway(Gateway),
    /// Seed deliberate defects and see which cases notice (the kill matrix)
    Mutants(Mutants),
    /// Put load on a deployment and measure
    Load(Load),
    /// Put the shards of one load together, exactly
    Merge(Merge),
    /// What is different between two runs, or a run and a baseline
    Compare(Compare),
    /// The CI decision over a stored run, as an exit code
    Gate(Gate),
    /// Runs over time: import, list, export, forget
    #[command(subcommand)]
    History(History),
    /// Show the history as web pages: what is qualified, what got worse, since when, and what was on the wire
    Dashboard(Dashboard),
    /// Put what qualifies a build into one signed archive
    Bundle(Bundle),
    /// Check a qualification bundle, offline
    Verify(Verify),
    /// Find the release or commit at which a case or figure changed
    Bisect(Bisect),
    /// The accepted verdicts that runs are held against
    #[command(subcommand)]
    Baseline(Baseline),
    /// Render the reports of a stored run again
    Report(Report),
    /// Tell what this machine lacks
    Doctor(Doctor),
    /// Remove what a crashed run left behind
    Cleanup(Cleanup),
}

/// `cleanup`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Cleanup {
    /// Not on this machine, but on the homeservers of this connection file
    #[arg(long, value_name = "FILE", requires = "mark")]
    pub(crate) attach: Option<PathBuf>,
    /// What is in all names that the run made there: it said so when it began
    #[arg(long, value_name = "MARK", requires = "attach")]
    pub(crate) mark: Option<String>,
}

/// How results are printed on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Which deployment.
#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Where {
    /// Deployment: a name in fixtures/deployments, or a file; `default` if not given (mutants: any that can play them)
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) deployment: Option<String>,
    /// Where it runs: `process`, on this machine, or `compose`, in containers of its engine; `run` alone: `attach`,
    /// somewhere else
    #[arg(long, default_value = "process", value_name = "process|compose|attach")]
    pub(crate) backend: String,
    /// Replace a homeserver's implementation: alpha=synapse@1.163.2, alpha=synapse@path:DIR, alpha=synapse@image:REF
    /// (repeatable)
    #[arg(long = "homeserver", value_name = "NAME=SPEC")]
    pub(crate) homeservers: Vec<String>,
}

/// How the catalogue is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListFormat {
    Text,
    Json,
    Markdown,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct List {
    /// Ids, globs or tags; everything if none is given
    pub(crate) selectors: Vec<String>,
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Explain {
    /// Id of a case, or of a row
    pub(crate) id: String,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Lint {
    /// Files or folders of scenarios; all of scenarios/, profiles and workloads if none is given
    pub(crate) paths: Vec<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Schema {
    /// What of: scenario, profile, deployment, run, baseline, workload, load, connection, routes
    pub(crate) kind: String,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Harden {
    /// Compose files, Kubernetes manifests (a rendered chart), configurations of Synapse
    #[arg(required_unless_present = "running", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Containers that run: all of a compose project, or one by name or id (repeatable). Tried from inside, with `docker exec`
    #[arg(long, value_name = "PROJECT|CONTAINER")]
    pub(crate) running: Vec<String>,
    /// Only these rules: ids or globs (`hardening/user/**`, repeatable)
    #[arg(long, value_name = "GLOB")]
    pub(crate) only: Vec<String>,
    /// Registry that images may come from, or a folder of one (repeatable); default: `image_registries` of the profile
    #[arg(long = "registry", value_name = "HOST[/PATH]")]
    pub(crate) registries: Vec<String>,
    /// Folder with the images' bills of materials (CycloneDX or SPDX, `NAME-VERSION.*.json`), as fixtures/images/build.sh makes them
    #[arg(long, value_name = "DIR")]
    pub(crate) bills: Option<PathBuf>,
    /// Profile whose levels and registries count: a name in fixtures/profiles
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// SHOULD gates, too
    #[arg(long)]
    pub(crate) strict: bool,
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) place: Where,
    /// Where the environment file, the databases and the logs go
    #[arg(long, default_value = "fedproof-playground", value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// The connection file, for `fedproof load --attach`; default connection.json in --out
    #[arg(long, value_name = "FILE")]
    pub(crate) connection: Option<PathBuf>,
    /// Address that the homeservers listen at; 0.0.0.0 for all. Anybody who reaches it can make accounts there
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(crate) bind: std::net::IpAddr,
    /// Name or address by which others reach this machine, in the connection file; default: what --bind says
    #[arg(long, value_name = "HOST")]
    pub(crate) host: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Gateway {
    /// Servers, and where their homeservers listen: a YAML file, `fedproof schema routes`
    #[arg(long, value_name = "FILE")]
    pub(crate) routes: PathBuf,
    /// Folder of the certificate authority: made at the first start, used again from then on
    #[arg(long, default_value = "fedproof-ca", value_name = "DIR")]
    pub(crate) ca: PathBuf,
    /// Write the authority's certificate there as well, which is no secret, for those who are to trust it
    #[arg(long, value_name = "FILE")]
    pub(crate) certificate: Option<PathBuf>,
    /// Address of the proxy ports; who reaches one is taken for the homeserver that it belongs to
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(crate) bind: std::net::IpAddr,
    /// Append every exchange to this file, one JSON object a line, without secrets
    #[arg(long, value_name = "FILE")]
    pub(crate) transcript: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}
#[derive(Debug, ClapArgs)]
pub(crate) struct Mutants {
    /// Globs over the ids of mutants (`synapse/**`); all if none is given
    pub(crate) selectors: Vec<String>,
    /// Client that hosts the mutants of clients, as of `run`
    #[arg(long, default_value = "reference", value_name = "NAME[@path:DIR]")]
    pub(crate) client: String,
    #[command(flatten)]
    pub(crate) place: Where,
    /// Seed of everything random; drawn if not given
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Scenario instances at once
    #[arg(long, default_value_t = 6, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: u16,
    /// Only the first of each family: of those whose ids differ in the last word only
    #[arg(long)]
    pub(crate) one_of_each_family: bool,
    /// Play the cases in every room version, not only in the newest
    #[arg(long)]
    pub(crate) all_versions: bool,
    /// Where logs and the matrix go; default fedproof-results/mutants-RUN_ID
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Compare {
    /// Before: results folder of a run, its run.json, or a baseline
    pub(crate) before: PathBuf,
    /// After: the same
    pub(crate) after: PathBuf,
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub(crate) format: ListFormat,
}

/// What to do with accepted verdicts.
#[derive(Debug, Subcommand)]
pub(crate) enum Baseline {
    /// Accept the verdicts of a run: they become the baseline, new passes too
    Accept(Accept),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Accept {
    /// Results folder of a run
    pub(crate) run: PathBuf,
    /// The file to write; default: the one the run was held against
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Report {
    /// Results folder of a run
    pub(crate) archive: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}
