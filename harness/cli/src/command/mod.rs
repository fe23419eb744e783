//! The commands.

mod attach;
mod baseline;
mod bisect;
mod bundle;
mod cleanup;
mod compare;
mod dashboard;
mod doctor;
mod dry_run;
mod explain;
mod gate;
mod gateway;
mod harden;
mod harden_running;
mod history;
mod kill_matrix;
mod lint;
mod list;
mod load;
mod load_against;
mod load_attached;
mod load_shard;
mod load_standing;
mod merge;
mod mutants;
mod playground;
mod purge;
mod repeat;
mod report;
mod run;
mod schema;

use crate::{
    args::{Args, Baseline, Command},
    error::CliError,
    project::Project,
};

/// Carries out the command; gives the exit code.
pub(crate) async fn dispatch(args: Args) -> Result<u8, CliError> {
    let project = || Project::find(args.root.as_deref());
    match args.command {
        Command::Run(run) => run::run(&project()?, run).await,
        Command::List(list) => list::list(&project()?, &list),
        Command::Explain(explain) => explain::explain(&project()?, &explain),
        Command::Lint(lint) => lint::lint(&project()?, &lint),
        Command::Schema(schema) => schema::schema(&schema),
        Command::Harden(harden) => harden::harden(project, &harden),
        Command::Up(up) => playground::up(&project()?, up).await,
        Command::Down => playground::down().await,
        Command::Gateway(args) => gateway::gateway(args).await,
        Command::Mutants(mutants) => mutants::mutants(&project()?, mutants).await,
        Command::Load(load) => load::load(&project()?, load).await,
        Command::Merge(merge) => merge::merge(&merge),
        Command::Compare(compare) => compare::compare(&compare),
        Command::Gate(gate) => gate::gate(project, &gate).await,
        Command::Dashboard(dashboard) => dashboard::dashboard(dashboard).await,
        Command::History(history) => history::history(history).await,
        Command::Baseline(Baseline::Accept(accept)) => baseline::accept(&accept),
        Command::Bundle(bundle) => bundle::bundle(project, &bundle),
        Command::Verify(verify) => bundle::verify(project, &verify),
        Command::Bisect(bisect) => bisect::bisect(&project()?, &bisect).await,
        Command::Report(report) => report::report(&report),
        Command::Doctor(doctor) => doctor::doctor(&doctor).await,
        Command::Cleanup(args) => cleanup::cleanup(&args).await,
    }
}
