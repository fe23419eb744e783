//! What figures of load were taken on, and whether that makes them fit to gate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the figures were taken on. Only homeservers on PostgreSQL, on other cores than the generator, give figures that
/// another run may be held against; the rest is smoke.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// Whether the figures are fit to gate.
    pub gates: bool,
    /// Why not, in words.
    pub because: Vec<String>,
    /// Where each homeserver has its data.
    pub databases: BTreeMap<String, String>,
    /// The cores of homeservers and PostgreSQL; empty if they share all with the generator.
    pub server_cores: Vec<usize>,
    /// The cores of the generator; empty if it shares all with them.
    pub generator_cores: Vec<usize>,
}

impl Standing {
    /// Of homeservers that have their data in `databases`, where SQLite is told from others by its name; `shared` says why
    /// they are not on cores of their own, if they are not.
    pub fn new(databases: BTreeMap<String, String>, cores: (Vec<usize>, Vec<usize>), shared: Option<String>) -> Self {
        let on_sqlite = databases.iter().filter(|(_, database)| *database == Self::SQLITE);
        let mut because: Vec<String> =
            on_sqlite.map(|(server, _)| format!("{server} has its data in SQLite")).collect();
        because.extend(shared.map(|why| format!("the generator and the homeservers share cores: {why}")));
        let (server_cores, generator_cores) = cores;
        Self { gates: because.is_empty(), because, databases, server_cores, generator_cores }
    }

    /// What a database in a file is called.
    pub const SQLITE: &str = "SQLite";

    /// Adds what is said of another shard, or of the other side of a comparison.
    pub fn join(&mut self, other: Self) {
        self.gates &= other.gates;
        for reason in other.because {
            if !self.because.contains(&reason) {
                self.because.push(reason);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_postgresql_on_other_cores_gates() {
        let on = |database: &str| BTreeMap::from([("alpha".to_owned(), database.to_owned())]);
        let mut fit = Standing::new(on("PostgreSQL 15.18"), (vec![1], vec![0]), None);
        assert!(fit.gates);
        let smoke = Standing::new(on(Standing::SQLITE), (vec![], vec![]), Some("nobody asked".into()));
        assert_eq!(smoke.because.len(), 2, "{smoke:?}");
        fit.join(smoke);
        assert!(!fit.gates && fit.because[0] == "alpha has its data in SQLite", "{fit:?}");
    }
}
