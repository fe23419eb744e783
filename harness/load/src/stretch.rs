//! To which operation the work of homeservers is booked: stretches of phases, and the books.

use crate::{resources::Counters, work::add_work, workload::Workload};
use fedproof_results::load::Work;
use std::{collections::BTreeMap, ops::Range};

/// What several operations at once are booked to.
const MIXED: &str = "mixed";

/// Phases in a row whose work is booked to the same: homeservers are asked for their counters at its ends, and not within.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) phases: Range<usize>,
    /// The operation, or `mixed`; nothing if it is not measured.
    operation: Option<&'static str>,
}

impl Stretch {
    /// To what it is booked, if work crossed its beginning (`before`), or its end (`after`): nobody can tell then which
    /// counters are whose, so that it is booked to the mix, and what was measured is booked in any case.
    pub(crate) fn booked_to(&self, before: bool, after: bool) -> Option<&'static str> {
        match self.operation {
            None => before.then_some(MIXED),
            Some(operation) => Some(if before || after { MIXED } else { operation }),
        }
    }
}

/// The stretches of a workload, in order.
pub(crate) fn stretches(workload: &Workload) -> Vec<Stretch> {
    let mut stretches: Vec<Stretch> = Vec::new();
    for (n, phase) in workload.phases.iter().enumerate() {
        let mut operations = workload.operations(phase).iter().filter(|(_, weight)| **weight > 0);
        let operation = phase.measured.then(|| match (operations.next(), operations.next()) {
            (Some((only, _)), None) => only.name(),
            _ => MIXED,
        });
        match stretches.last_mut() {
            Some(last) if last.operation == operation => last.phases.end = n + 1,
            _ => stretches.push(Stretch { phases: n..n + 1, operation }),
        }
    }
    stretches
}

/// What had been spent at one moment.
pub(crate) struct Reading {
    /// By homeserver, as are all others.
    pub(crate) counters: Vec<Counters>,
    pub(crate) requests: Option<Vec<u64>>,
    pub(crate) bytes: Option<Vec<u64>>,
    /// Operations that succeeded, measured or not.
    pub(crate) operations: u64,
}

/// What the work cost, by operation and homeserver.
#[derive(Default)]
pub(crate) struct Books(BTreeMap<(String, String), Work>);

impl Books {
    /// Books what was spent between two readings. What was not told at one of them is not known of the operation at all.
    pub(crate) fn book<'a>(
        &mut self,
        operation: &str,
        homeservers: impl Iterator<Item = &'a str>,
        [before, after]: [&Reading; 2],
    ) {
        for (n, server) in homeservers.enumerate() {
            let (one, other) = (&before.counters[n], &after.counters[n]);
            let grown = |from: Option<u64>, to: Option<u64>| Some(to?.saturating_sub(from?));
            let of = |all: &Option<Vec<u64>>| all.as_ref().map(|all| all[n]);
            let work = Work {
                server: server.to_owned(),
                operation: operation.to_owned(),
                count: after.operations - before.operations,
                cpu_ms: grown(one.cpu_ms, other.cpu_ms),
                database_cpu_ms: other.database.zip(one.database).map(|(after, before)| after.since(before)),
                db_transactions: grown(one.db_transactions, other.db_transactions),
                events_persisted: grown(one.events_persisted, other.events_persisted),
                requests: grown(of(&before.requests), of(&after.requests)),
                bytes: grown(of(&before.bytes), of(&after.bytes)),
            };
            add_work(&mut self.0, work);
        }
    }

    /// All that is booked, by operation and homeserver.
    pub(crate) fn take(&mut self) -> Vec<Work> {
        std::mem::take(&mut self.0).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(phases: &str) -> Workload {
        let text = format!(
            "{{workload: t, about: t, population: {{users: 1, rooms: [{{count: 1, members: 1}}]}}, \
             operations: {{send: 1}}, phases: [{phases}]}}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    #[test]
    fn a_stretch_ends_where_other_operations_begin_or_measuring_does() {
        let stretches = stretches(&workload(
            "{phase: a, seconds: 1, rate: 1, measured: false}, {phase: b, seconds: 1, rate: 1}, \
             {phase: c, seconds: 1, rate: 9}, {phase: d, seconds: 1, rate: 1, operations: {send: 1, typing: 2}}, \
             {phase: e, seconds: 1, rate: 1, operations: {typing: 1, send: 0}}",
        ));
        let told: Vec<_> = stretches.iter().map(|one| (one.phases.clone(), one.operation)).collect();
        assert_eq!(told, [(0..1, None), (1..3, Some("send")), (3..4, Some("mixed")), (4..5, Some("typing"))]);
    }

    #[test]
    fn what_crosses_is_booked_to_the_mix_and_never_lost() {
        let [measured, warm_up] = [Some("send"), None].map(|operation| Stretch { phases: 0..1, operation });
        assert_eq!(measured.booked_to(false, false), Some("send"));
        assert_eq!((measured.booked_to(true, false), measured.booked_to(false, true)), (Some("mixed"), Some("mixed")));
        assert_eq!((warm_up.booked_to(false, true), warm_up.booked_to(true, false)), (None, Some("mixed")));
    }

    #[test]
    fn a_reading_that_is_missing_leaves_the_sum_unknown() {
        let reading = |operations, cpu_ms: u64, db_transactions| Reading {
            counters: vec![Counters { cpu_ms: Some(cpu_ms), db_transactions, ..Counters::default() }],
            requests: None,
            bytes: Some(vec![operations * 10]),
            operations,
        };
        let mut books = Books::default();
        let mut book = |before, after| books.book("send", ["alpha"].into_iter(), [&before, &after]);
        book(reading(0, 0, Some(5)), reading(3, 100, Some(35)));
        book(reading(4, 200, Some(50)), reading(9, 300, None));
        let [work] = &books.take()[..] else { panic!("one line") };
        assert_eq!((work.count, work.cpu_ms, work.db_transactions), (8, Some(200), None));
        assert_eq!((work.requests, work.bytes), (None, Some(80)));
    }
}
