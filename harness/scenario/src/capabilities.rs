//! What a scenario takes of a client under test.

use crate::{
    model::{Actor, Condition, Scenario},
    walk,
};
use std::collections::BTreeSet;

impl Scenario {
    /// Whether a client under test takes part.
    pub fn has_agents(&self) -> bool {
        self.actors.values().any(|actor| matches!(actor, Actor::Agent(_)))
    }

    /// Capabilities that its client must have: the commands of its steps, and what it says itself.
    pub fn capabilities(&self) -> BTreeSet<String> {
        let mut needed: BTreeSet<String> = self.needs.client.iter().cloned().collect();
        for (_, step) in walk::every_step(self) {
            needed.extend(step.agent.as_ref().map(|command| command.name().to_owned()));
            for condition in step.eventually.iter().chain(&step.never) {
                match condition {
                    Condition::Reads { .. } => drop(needed.insert("read".to_owned())),
                    Condition::Answers { to, .. } => drop(needed.insert(to.name().to_owned())),
                    _ => {}
                }
            }
        }
        needed
    }
}
