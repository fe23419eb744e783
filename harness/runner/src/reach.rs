//! What cannot be decided on homeservers that somebody else started, and why.

use fedproof_scenario::{
    Loaded,
    model::{Actor, Part, Scenario, Step},
};

/// Checks that are made over what servers say to each other.
const OVER_THE_RECORD: [&str; 5] = ["invariant", "keys_claimed", "no_contact", "policy_signed", "policy_withheld"];
/// Tag of scenarios that are work for a homeserver.
const BURDEN: &str = "burden";
/// How paths begin at which an instance is administered.
const ADMINISTRATION: &str = "/_synapse/admin/";

/// How far the run reaches.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// Whether it is the gateway between the homeservers.
    pub gateway: bool,
    /// Whether its front ends reach all of them: they speak plain HTTP.
    pub fronts: bool,
    /// Whether it may do what others notice who use the homeservers.
    pub destructive: bool,
    /// How many accounts there are on the homeserver that has fewest; `None` if they are made as they are needed.
    pub accounts: Option<usize>,
}

impl Reach {
    /// Why a scenario cannot be played; `None` if it can.
    pub fn unmet(&self, scenario: &Loaded) -> Option<String> {
        let scenario = &scenario.scenario;
        let burdens = scenario.tags.iter().any(|tag| tag == BURDEN) && !self.destructive;
        let burdens = burdens.then(|| "it keeps a homeserver busy for seconds (--allow-destructive)".to_owned());
        burdens.or_else(|| self.by_steps(scenario)).or_else(|| self.by_actors(scenario))
    }

    fn by_actors(&self, scenario: &Scenario) -> Option<String> {
        let actor =
            |is_it: fn(&Actor) -> bool| scenario.actors.iter().find(|(_, actor)| is_it(actor)).map(|(name, _)| name);
        if !self.gateway
            && let Some(name) = actor(|actor| matches!(actor, Actor::Virtual(_)))
        {
            return Some(format!(
                "{name} is a simulated homeserver, which others reach through fedproof's gateway alone"
            ));
        }
        if !self.fronts
            && let Some(name) = actor(|actor| matches!(actor, Actor::Front(_)))
        {
            return Some(format!("{name} is a front end, which needs the homeserver's listener for plain HTTP"));
        }
        let wanted = most_clients(scenario);
        let few = self.accounts.filter(|there| *there < wanted)?;
        Some(format!("it takes {wanted} accounts on one homeserver, and there are {few}"))
    }

    fn by_steps(&self, scenario: &Scenario) -> Option<String> {
        scenario.steps().into_iter().find_map(|step| {
            if step.lifecycle.is_some() {
                return Some("it stops, restarts or upgrades a homeserver, as only who started it can".to_owned());
            }
            let is_fault = step.fault.is_some();
            if !self.gateway && is_fault {
                return Some("it disturbs what servers say to each other, as only fedproof's gateway can".to_owned());
            }
            let over_the_record = |check: &str| OVER_THE_RECORD.contains(&check);
            if !self.gateway
                && let Some(native) = step.native.as_ref().filter(|native| over_the_record(&native.check))
            {
                let check = &native.check;
                return Some(format!(
                    "the check {check} is made over what servers say to each other, which nobody records"
                ));
            }
            if self.destructive {
                return None;
            }
            if is_fault && disturbs_others(scenario, step) {
                return Some("it disturbs all that two homeservers say to each other (--allow-destructive)".to_owned());
            }
            let request = step.request.as_ref().filter(|request| request.path.starts_with(ADMINISTRATION))?;
            Some(format!("it administers the instance, by {} (--allow-destructive)", request.path))
        })
    }
}

/// Whether a fault meets traffic in which no simulated homeserver takes part.
fn disturbs_others(scenario: &Scenario, step: &Step) -> bool {
    let is_virtual = |server: &Option<String>| {
        let name = server.as_deref().and_then(|text| text.strip_prefix("${")?.strip_suffix('}'));
        // What is no actor is a name that the scenario made.
        name.is_some_and(|name| !matches!(scenario.actors.get(name), Some(Actor::Homeserver(_))))
    };
    step.fault.as_ref().is_some_and(|fault| !is_virtual(&fault.from) && !is_virtual(&fault.to))
}

/// How many accounts it takes on the homeserver where it takes most.
fn most_clients(scenario: &Scenario) -> usize {
    let part_of = |on: &String| match scenario.actors.get(on) {
        Some(Actor::Homeserver(part)) => Some(*part),
        _ => None,
    };
    let clients = || {
        scenario.actors.values().filter_map(|actor| match actor {
            Actor::Client(on) => part_of(on),
            _ => None,
        })
    };
    let on = |part: Part| clients().filter(|of| *of == part).count();
    on(Part::Subject).max(on(Part::Other))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Reach = Reach { gateway: true, fronts: true, destructive: true, accounts: None };

    /// A scenario of the catalogue, by its file.
    fn scenario(file: &str) -> Loaded {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let catalogue = fedproof_scenario::load(&root, &[]).expect("the catalogue is good");
        catalogue.scenarios.into_iter().find(|loaded| loaded.file == file).expect("it is there")
    }

    #[test]
    fn what_takes_the_process_is_out_of_reach_whatever_is_allowed() {
        for file in ["scenarios/acl/join/restarted.yaml", "scenarios/encryption/outage.yaml"] {
            assert!(ALL.unmet(&scenario(file)).is_some_and(|why| why.contains("only who started it")), "{file}");
        }
    }

    #[test]
    fn without_the_gateway_there_are_clients_alone() {
        let direct = Reach { gateway: false, ..ALL };
        let endpoint = scenario("scenarios/acl/endpoint.yaml");
        assert_eq!(ALL.unmet(&endpoint), None);
        assert!(direct.unmet(&endpoint).is_some_and(|why| why.contains("denied is a simulated homeserver")));
        let network = scenario("scenarios/encryption/clients/bad-network.yaml");
        assert!(direct.unmet(&network).is_some_and(|why| why.contains("fedproof's gateway")));
    }

    #[test]
    fn what_others_notice_wants_to_be_allowed() {
        let careful = Reach { destructive: false, ..ALL };
        for (file, why) in [
            ("scenarios/encryption/clients/bad-network.yaml", "disturbs all"),
            ("scenarios/admin/users.yaml", "administers the instance"),
            ("scenarios/acl/match/cost.yaml", "busy for seconds"),
        ] {
            let loaded = scenario(file);
            assert_eq!(ALL.unmet(&loaded), None, "{file}");
            assert!(
                careful.unmet(&loaded).is_some_and(|told| told.contains(why) && told.contains("--allow")),
                "{file}"
            );
        }
        // A fault that meets a simulated homeserver's traffic alone is nobody else's business.
        assert_eq!(careful.unmet(&scenario("scenarios/policy/policy-server.yaml")), None);
    }

    #[test]
    fn accounts_that_are_there_must_do() {
        let users = scenario("scenarios/admin/users.yaml");
        assert_eq!(Reach { accounts: Some(4), ..ALL }.unmet(&users), None);
        let few = Reach { accounts: Some(3), ..ALL }.unmet(&users);
        assert!(few.is_some_and(|why| why.contains("4 accounts") && why.contains("there are 3")));
    }
}
