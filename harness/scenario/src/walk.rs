//! The steps of a scenario with the pointers that say where they stand.

use crate::{
    model::{Phase, Scenario, Step},
    span::At,
};
use fedproof_yaml::below;

/// A list of steps and its pointer.
#[derive(Clone, Debug)]
pub(crate) struct List<'a> {
    pub(crate) pointer: String,
    pub(crate) steps: &'a [At<Step>],
}

impl<'a> List<'a> {
    /// Each step with its pointer; the branches of a `parallel` are not entered.
    pub(crate) fn steps(&self) -> impl Iterator<Item = (String, &'a At<Step>)> + '_ {
        self.steps.iter().enumerate().map(|(index, step)| (format!("{}/{index}", self.pointer), step))
    }
}

/// What all cases share in a phase.
pub(crate) fn shared(index: usize, phase: &Phase) -> List<'_> {
    List { pointer: format!("/phases/{index}/steps"), steps: &phase.steps }
}

/// What one case has of a phase's lists, in the order in which the phase calls them.
pub(crate) fn of_case<'a>(scenario: &'a Scenario, case: usize, phase: &Phase) -> Vec<List<'a>> {
    let steps = &scenario.cases[case].steps;
    let called = phase.each.iter().filter_map(|name| Some((name, steps.get(name)?)));
    called.map(|(name, steps)| List { pointer: list_pointer(case, name), steps }).collect()
}

/// Where a case's list stands.
pub(crate) fn list_pointer(case: usize, name: &str) -> String {
    below(&format!("/cases/{case}/steps"), name)
}

/// The branches of a `parallel` step.
pub(crate) fn branches<'a>(pointer: &str, step: &'a Step) -> Vec<List<'a>> {
    let branches = step.parallel.iter().flatten().enumerate();
    branches.map(|(index, steps)| List { pointer: format!("{pointer}/parallel/{index}"), steps }).collect()
}

/// Every step of the scenario once, called by a phase or not, branches of `parallel` included.
pub(crate) fn every_step(scenario: &Scenario) -> Vec<(String, &At<Step>)> {
    let mut lists: Vec<List<'_>> =
        scenario.phases.iter().enumerate().map(|(index, phase)| shared(index, phase)).collect();
    for (index, case) in scenario.cases.iter().enumerate() {
        let named = case.steps.iter();
        lists.extend(named.map(|(name, steps)| List { pointer: list_pointer(index, name), steps }));
    }
    let mut steps = Vec::new();
    lists.reverse();
    while let Some(list) = lists.pop() {
        for (pointer, step) in list.steps() {
            lists.extend(branches(&pointer, step).into_iter().rev());
            steps.push((pointer, step));
        }
    }
    steps
}

impl Scenario {
    /// Every step once, called by a phase or not, branches of `parallel` included.
    pub fn steps(&self) -> Vec<&Step> {
        every_step(self).into_iter().map(|(_, step)| &**step).collect()
    }

    /// The steps that the phases play for these rows, as often as they are called; those of a phase in rounds once.
    pub fn played(&self, is_selected: impl Fn(&str) -> bool) -> Vec<&Step> {
        let cases = || self.cases.iter().enumerate().filter(|(_, case)| is_selected(case.id.as_str()));
        let mut lists: Vec<List<'_>> = Vec::new();
        for (index, phase) in self.phases.iter().enumerate() {
            lists.push(shared(index, phase));
            lists.extend(cases().flat_map(|(case, _)| of_case(self, case, phase)));
        }
        let mut played = Vec::new();
        lists.reverse();
        while let Some(list) = lists.pop() {
            for (pointer, step) in list.steps() {
                lists.extend(branches(&pointer, step).into_iter().rev());
                played.push(&**step);
            }
        }
        played
    }
}
