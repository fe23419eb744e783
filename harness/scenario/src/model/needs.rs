//! What a scenario needs of the deployment.

use crate::terms::{ALLOW_LIST, ENCRYPTED_ONLY};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What stands in the way of a scenario that does not expect it, and why.
const RESTRICTIONS: [(&str, &str); 2] = [
    (ALLOW_LIST, "the deployment's allow-list does not hold the names of this scenario's servers"),
    (ENCRYPTED_ONLY, "the deployment refuses what is not encrypted, and this scenario speaks in plain text"),
];

/// What the deployment must be like; with nothing said, any without restrictions will do.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Needs {
    /// At least so many homeservers, those that are shut not counted.
    #[serde(default)]
    pub homeservers: usize,
    /// Features that the deployment must name ([`FEATURES`](crate::terms::FEATURES)).
    #[serde(default)]
    pub features: Vec<String>,
    /// What the client under test must be able to do beyond the commands of the steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client: Vec<String>,
    /// Features that the deployment may name although they restrict what can be done there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerates: Vec<String>,
}

impl Needs {
    /// Whether nothing in particular is needed.
    pub fn is_empty(&self) -> bool {
        self.homeservers == 0 && self.features.is_empty() && self.client.is_empty() && self.tolerates.is_empty()
    }

    /// Why a deployment with these features and so many homeservers will not do; `None` if it does.
    pub fn unmet(&self, features: &[String], homeservers: usize) -> Option<String> {
        if let Some(missing) = self.features.iter().find(|feature| !features.contains(feature)) {
            return Some(format!("the deployment has no {missing}: see docs/deployments.md"));
        }
        let is_expected =
            |restriction| self.features.iter().chain(&self.tolerates).any(|feature| feature == restriction);
        let is_there = |restriction| features.iter().any(|feature| feature == restriction);
        let mut restrictions = RESTRICTIONS.into_iter();
        if let Some((_, why)) = restrictions.find(|(name, _)| is_there(*name) && !is_expected(*name)) {
            return Some(why.to_owned());
        }
        (homeservers < self.homeservers)
            .then(|| format!("it needs {} homeservers, the deployment has {homeservers}", self.homeservers))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_played_where_its_needs_are_met() {
        let closed = ["allow_list".to_owned()];
        let listed = Needs { homeservers: 2, features: closed.to_vec(), ..Needs::default() };
        assert_eq!(listed.unmet(&closed, 2), None);
        assert!(listed.unmet(&[], 2).is_some_and(|why| why.contains("has no allow_list")));
        assert!(listed.unmet(&closed, 1).is_some_and(|why| why.contains("needs 2 homeservers")));
        assert_eq!(Needs::default().unmet(&[], 1), None);
        assert!(Needs::default().unmet(&closed, 2).is_some());
        let encrypted = ["encrypted_only".to_owned()];
        let silent = Needs { tolerates: encrypted.to_vec(), ..Needs::default() };
        assert_eq!((silent.unmet(&encrypted, 1), silent.unmet(&[], 1)), (None, None));
        assert!(Needs::default().unmet(&encrypted, 1).is_some_and(|why| why.contains("plain text")));
    }
}
