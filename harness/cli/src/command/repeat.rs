//! `fedproof run --failed-from RUN`: what went wrong in a stored run, once more.

use crate::{error::CliError, verdicts::read_run};
use fedproof_deployment::Description;
use fedproof_results::{CaseInfo, Verdict};
use fedproof_scenario::is_named;
use std::{collections::BTreeMap, path::Path};

/// What is to be repeated, and how it ran.
pub(crate) struct Repeat {
    /// Ids of the cases.
    pub(crate) selectors: Vec<String>,
    /// The seed they ran with.
    pub(crate) seed: u64,
    deployment: String,
    profile: String,
    /// What ran as each homeserver.
    specs: BTreeMap<String, String>,
}

/// The cases of a stored run that failed, could not be decided or were not reached; of those, if there are selectors,
/// the ones that they name.
pub(crate) fn of(folder: &Path, selectors: &[String]) -> Result<Repeat, CliError> {
    let record = read_run(folder)?;
    let wrong = record.cases.iter().filter(|result| matches!(result.verdict, Verdict::Fail | Verdict::Inconclusive));
    let named = |case: &CaseInfo| selectors.is_empty() || selectors.iter().any(|selector| is_named(case, selector));
    let ids: Vec<String> = wrong.filter(|result| named(&result.case)).map(|result| result.case.id.clone()).collect();
    if ids.is_empty() {
        return Err(CliError::nothing_selected(format!(
            "nothing failed and nothing is undecided in {}{}",
            folder.display(),
            if selectors.is_empty() { "" } else { ", of what is selected" }
        )));
    }
    let (identity, servers) = (record.identity, record.servers);
    Ok(Repeat {
        selectors: ids,
        seed: identity.seed,
        deployment: identity.deployment,
        profile: identity.profile,
        specs: servers.into_iter().map(|server| (server.name, server.spec)).collect(),
    })
}

impl Repeat {
    /// In what the repetition is none.
    pub(crate) fn differs(&self, description: &Description, profile: &str) -> Vec<String> {
        let mut pairs = vec![
            ("deployment".to_owned(), &*self.deployment, &*description.name),
            ("profile".to_owned(), &*self.profile, profile),
        ];
        for (name, homeserver) in &description.homeservers {
            let then = self.specs.get(name).map_or("nothing", String::as_str);
            pairs.push((format!("homeserver {name}"), then, &homeserver.spec));
        }
        let differing = pairs.into_iter().filter(|(_, then, now)| then != now);
        differing.map(|(what, then, now)| format!("what is repeated ran with {what} {then}, now it is {now}")).collect()
    }
}
