//! The other side of `fedproof load --against`: a second deployment with other builds.

use crate::{
    args::{Load, Where},
    error::CliError,
    ground::{self, Ground},
    project::Project,
};
use fedproof_deployment::{Description, MutantSwitch};
use fedproof_load::{CONFIDENCE, Outcome, Paired, Shard};
use fedproof_results::{ServerInfo, load::Comparison};
use fedproof_runner::mutant;

/// What B is.
pub(super) struct Other {
    pub(super) description: Description,
    /// Names of the homeservers that differ.
    pub(super) names: Vec<String>,
    written: Vec<String>,
}

impl Other {
    /// As the command line has it; nothing where it has none.
    pub(super) fn of(project: &Project, args: &Load, shard: Shard, deployment: &str) -> Result<Option<Self>, CliError> {
        if args.against.is_empty() {
            return Ok(None);
        }
        if shard != Shard::WHOLE || args.start_at.is_some() {
            return Err(CliError::bad_input(
                "--against compares in one process: no --shard (or what stands for it in the environment), no --start-at",
            ));
        }
        if let Some(id) = &args.against_mutant {
            let all = mutant::load(&project.fixtures().join("mutants"))
                .map_err(|error| CliError::bad_input(format!("failed to {error}")))?;
            if !all.iter().any(|mutant| mutant.id == *id) {
                let slow = all.iter().filter(|mutant| mutant.kills.is_empty()).map(|mutant| mutant.id.as_str());
                let slow: Vec<&str> = slow.collect();
                return Err(CliError::bad_input(format!(
                    "there is no mutant {id}: those for load are {}",
                    slow.join(", ")
                )));
            }
        }
        let names = args.against.iter().filter_map(|one| Some(one.split_once('=')?.0.to_owned())).collect();
        let place = Where { homeservers: [&args.place.homeservers[..], &args.against].concat(), ..args.place.clone() };
        let description = ground::describe_named(project, &place, deployment)?;
        let mutant = args.against_mutant.iter().map(|mutant| format!("with mutant {mutant}"));
        let written = args.against.iter().cloned().chain(mutant).collect();
        Ok(Some(Self { description, names, written }))
    }

    /// Makes it as wrong as `--against-mutant` wants it.
    pub(super) async fn mutate(&self, ground: &Ground, args: &Load) -> Result<(), CliError> {
        let Some(mutant) = &args.against_mutant else { return Ok(()) };
        let homeservers =
            ground.deployment.homeservers().iter().filter(|one| self.names.iter().any(|name| name == one.name()));
        for homeserver in homeservers {
            let switch = MutantSwitch { mutant: mutant.clone(), origin: None, room: None };
            homeserver.mutate(&switch).await?;
        }
        Ok(())
    }

    /// As the record tells it.
    pub(super) fn told(self, servers: Vec<ServerInfo>, paired: Paired) -> (Outcome, Comparison) {
        let Paired { outcome, outcome_of_b, order, pairs, disturbed, figures, left_out, sparse, plays } = paired;
        let comparisons = figures.len();
        let against = self.written;
        let comparison = Comparison {
            against,
            servers,
            order,
            pairs,
            disturbed,
            confidence: CONFIDENCE,
            comparisons,
            figures,
            left_out,
            sparse,
            operations: outcome_of_b.figures(),
            thresholds: outcome_of_b.thresholds,
            plays,
        };
        (outcome, comparison)
    }
}
