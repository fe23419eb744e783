//! Counting: areas × verdicts, over all homeservers and for each.

use crate::words::ORDER;
use fedproof_results::{CaseResult, RunRecord, Verdict};

/// How often each verdict was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally([usize; ORDER.len()]);

impl Tally {
    /// The count of one verdict.
    pub(crate) fn of(&self, verdict: Verdict) -> usize {
        self.0[verdict as usize]
    }

    /// All of them.
    pub(crate) fn total(&self) -> usize {
        self.0.iter().sum()
    }

    /// One more.
    pub(crate) fn add(&mut self, verdict: Verdict) {
        self.0[verdict as usize] += 1;
    }

    /// The verdicts that occur with their counts, in the order of [`ORDER`].
    pub(crate) fn present(&self) -> impl Iterator<Item = (Verdict, usize)> {
        ORDER.into_iter().map(|verdict| (verdict, self.of(verdict))).filter(|(_, count)| *count > 0)
    }
}

impl Extend<Verdict> for Tally {
    fn extend<T: IntoIterator<Item = Verdict>>(&mut self, verdicts: T) {
        verdicts.into_iter().for_each(|verdict| self.add(verdict));
    }
}

impl FromIterator<Verdict> for Tally {
    fn from_iter<T: IntoIterator<Item = Verdict>>(verdicts: T) -> Self {
        let mut tally = Self::default();
        tally.extend(verdicts);
        tally
    }
}

/// The cases of one area, in catalogue order.
pub(crate) struct Area<'a> {
    /// `acl/endpoint`.
    pub(crate) name: &'a str,
    /// Its cases.
    pub(crate) cases: Vec<&'a CaseResult>,
}

impl Area<'_> {
    /// Counts each case once, with its worst verdict.
    pub(crate) fn tally(&self) -> Tally {
        self.cases.iter().map(|result| result.verdict).collect()
    }

    /// Counts what one homeserver did.
    pub(crate) fn tally_of(&self, server: &str) -> Tally {
        let subjects = self.cases.iter().flat_map(|result| &result.subjects);
        subjects.filter(|subject| subject.server == server).map(|subject| subject.verdict).collect()
    }
}

/// The areas of a run, in order of first appearance.
pub(crate) fn areas(record: &RunRecord) -> Vec<Area<'_>> {
    let mut areas: Vec<Area<'_>> = Vec::new();
    for result in &record.cases {
        let name = result.case.area();
        match areas.iter_mut().find(|area| area.name == name) {
            Some(area) => area.cases.push(result),
            None => areas.push(Area { name, cases: vec![result] }),
        }
    }
    areas
}

/// Names of the homeservers that were judged, in deployment order.
pub(crate) fn judged(record: &RunRecord) -> Vec<&str> {
    let mut names: Vec<&str> = record.servers.iter().map(|server| server.name.as_str()).collect();
    let deployed = names.len();
    for subject in record.cases.iter().flat_map(|result| &result.subjects) {
        if !names.contains(&subject.server.as_str()) {
            names.push(&subject.server);
        }
    }
    let judged =
        |name: &&str| record.cases.iter().flat_map(|result| &result.subjects).any(|subject| subject.server == **name);
    let (listed, unlisted) = names.split_at(deployed);
    listed.iter().filter(|name| judged(name)).chain(unlisted).copied().collect()
}

/// The `count` slowest cases, slowest first. What was not put to the test took no time of its own.
pub(crate) fn slowest(record: &RunRecord, count: usize) -> Vec<&CaseResult> {
    let idle = |result: &CaseResult| {
        result.duration_ms == 0 || matches!(result.verdict, Verdict::Skipped | Verdict::NotApplicable)
    };
    let mut cases: Vec<_> = record.cases.iter().filter(|result| !idle(result)).collect();
    cases.sort_by_key(|result| std::cmp::Reverse(result.duration_ms));
    cases.truncate(count);
    cases
}
