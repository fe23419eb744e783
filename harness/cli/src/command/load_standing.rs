//! What figures of load are taken on: where homeservers have their data, and who runs on which cores.

use crate::{error::CliError, ground::Ground};
use fedproof_deployment::{Cores, Placement};
use fedproof_results::load::Standing;
use std::{collections::BTreeMap, path::Path};

/// How many statements of PostgreSQL are kept.
const STATEMENTS: usize = 30;

/// Who runs where.
pub(super) enum Placed {
    /// Homeservers and generator have cores of their own.
    Apart(Cores),
    /// They have not, and why.
    Together(String),
}

impl Placed {
    /// Gives homeservers and generator cores of their own, where that is wanted and can be. That it cannot be is told, and
    /// no reason not to measure.
    pub(super) fn place(placement: Placement, grounds: &[&Ground]) -> Self {
        if placement == Placement::Shared {
            return Self::Together("neither the deployment nor --cores wants them apart".to_owned());
        }
        let cores = match Cores::divide() {
            Ok(cores) => cores,
            Err(error) => return Self::Together(error.to_string()),
        };
        match grounds.iter().try_for_each(|ground| ground.deployment.separate(&cores)) {
            Ok(()) => Self::Apart(cores),
            Err(error) => Self::Together(error.to_string()),
        }
    }

    /// How many cores the homeservers run on.
    pub(super) fn server_cores(&self) -> usize {
        match self {
            Self::Apart(cores) => cores.servers.len(),
            Self::Together(_) => std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// What that makes of figures taken on `ground`; asked at the end, since it must have been so until then.
    pub(super) fn standing(&self, ground: &Ground) -> Standing {
        let homeservers = ground.field.homeservers.iter();
        let database = |one: &fedproof_deployment::Home| {
            one.postgresql()
                .map_or_else(|| Standing::SQLITE.to_owned(), |(server, _)| format!("PostgreSQL {}", server.version()))
        };
        let databases: BTreeMap<_, _> = homeservers.map(|one| (one.name().to_owned(), database(one))).collect();
        match self {
            Self::Together(why) => Standing::new(databases, Default::default(), Some(why.clone())),
            Self::Apart(cores) => {
                let lists = (cores.servers.iter().copied().collect(), cores.generator.iter().copied().collect());
                let strays = ground.deployment.are_separate(cores).err().map(|error| error.to_string());
                Standing::new(databases, lists, strays)
            }
        }
    }
}

/// Keeps the statements that took most of PostgreSQL's time in `out`, if there is one and it counts them.
pub(super) async fn keep_statements(ground: &Ground, out: &Path, name: &str) -> Result<(), CliError> {
    let Some(postgresql) = ground.deployment.postgresql() else { return Ok(()) };
    // One that died is told elsewhere.
    let statements = postgresql.statements(STATEMENTS).await.unwrap_or_default();
    if statements.is_empty() {
        return Ok(());
    }
    let path = out.join(name);
    let text = serde_json::to_string_pretty(&statements).unwrap_or_default();
    std::fs::write(&path, text).map_err(|error| super::load::written(&path, &error))
}
