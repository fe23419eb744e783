//! When what is due: the arrivals of open phases, drawn from the seed before anything runs.
//!
//! Arrivals come whether or not the server keeps up, and latencies count from them, so that nobody omits what a stalled
//! server would have had to do (coordinated omission). The same seed gives the same arrivals; a shard takes those whose
//! number hashes to it.

use crate::{
    operation::Operation,
    workload::{Phase, Spacing, Workload},
};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// One operation that is due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// From 0, unique in the run over all shards; everything random about it is drawn from it.
    pub number: u64,
    /// When, since the load began.
    pub due: Duration,
    /// Which phase it belongs to.
    pub phase: usize,
    /// What.
    pub operation: Operation,
}

/// Which part of the arrivals is this process's: `index` of `count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u32,
    /// At least 1.
    pub count: u32,
}

impl Shard {
    /// Everything in one process.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    fn has(self, draw: Draw) -> bool {
        draw.below("shard", u64::from(self.count)) == u64::from(self.index)
    }
}

/// Everything random about one arrival.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    seed: u64,
    number: u64,
}

impl Draw {
    /// Of the arrival `number` in the run of this seed.
    pub fn new(seed: u64, number: u64) -> Self {
        Self { seed, number }
    }

    /// A number below `bound`, the same for the same purpose.
    pub fn below(self, purpose: &str, bound: u64) -> u64 {
        self.bits(purpose) % bound.max(1)
    }

    /// Which of so many users it is about, by position.
    pub(crate) fn user(self, users: usize) -> usize {
        usize::try_from(self.below("user", users as u64)).unwrap_or_default()
    }

    /// Between 0 (not included) and 1.
    fn unit(self, purpose: &str) -> f64 {
        ((self.bits(purpose) >> 11) as f64 + 1.0) / (1u64 << 53) as f64
    }

    fn bits(self, purpose: &str) -> u64 {
        let mut hasher = Sha256::new();
        hasher.update(self.seed.to_be_bytes());
        hasher.update(self.number.to_be_bytes());
        hasher.update(purpose);
        let hash = hasher.finalize();
        u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]])
    }
}

/// Where a phase lies.
pub(crate) fn begins(workload: &Workload) -> Vec<Duration> {
    let mut at = 0.0;
    let begin = |phase: &Phase| {
        let begin = Duration::from_secs_f64(at);
        at += phase.seconds;
        begin
    };
    workload.phases.iter().map(begin).collect()
}

/// Draws an operation by weight.
pub(crate) fn operation(workload: &Workload, phase: usize, draw: Draw) -> Option<Operation> {
    let operations = workload.operations(workload.phases.get(phase)?);
    let all: u64 = operations.values().map(|weight| u64::from(*weight)).sum();
    let mut left = draw.below("operation", all);
    operations.iter().find_map(|(operation, weight)| match left.checked_sub(u64::from(*weight)) {
        Some(rest) => {
            left = rest;
            None
        }
        None => Some(*operation),
    })
}

/// The open arrivals of a shard, in order.
pub fn arrivals(workload: &Workload, seed: u64, shard: Shard) -> Vec<Arrival> {
    let mut all = Vec::new();
    let mut number = 0;
    for (phase, begin) in begins(workload).into_iter().enumerate() {
        let written = &workload.phases[phase];
        let Some(rate) = written.rate else { continue };
        let (from, to) = rate.ends();
        // What should have come by then: rates are integrated, so that a ramp is one, and not a stair.
        let mut expected = 0.0;
        loop {
            let draw = Draw::new(seed, number);
            expected += match workload.spacing {
                Spacing::Poisson => -draw.unit("gap").ln(),
                Spacing::Even => 1.0,
            };
            let Some(at) = reached(expected, from, to, written.seconds) else { break };
            if let Some(operation) = operation(workload, phase, draw).filter(|_| shard.has(draw)) {
                all.push(Arrival { number, due: begin + Duration::from_secs_f64(at), phase, operation });
            }
            number += 1;
        }
    }
    all
}

/// When a rate that goes from `from` to `to` in `seconds` has brought `expected` arrivals; `None` if not by the end.
fn reached(expected: f64, from: f64, to: f64, seconds: f64) -> Option<f64> {
    let slope = (to - from) / seconds;
    let at = if slope.abs() < 1e-12 {
        expected / from
    } else {
        let inner = from * from + 2.0 * slope * expected;
        if inner < 0.0 {
            return None;
        }
        (inner.sqrt() - from) / slope
    };
    (at < seconds).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Rate;
    use proptest::prelude::*;

    fn workload(rate: Rate, spacing: Spacing) -> Workload {
        let text = "{workload: t, about: t, population: {users: 1, rooms: [{count: 1, members: 1}]}, \
                    operations: {send: 3, typing: 1}, phases: [{phase: only, seconds: 100, rate: 1}]}";
        let mut workload: Workload = serde_saphyr::from_str(text).unwrap();
        workload.phases[0].rate = Some(rate);
        workload.spacing = spacing;
        workload
    }

    #[test]
    fn an_even_rate_is_even_and_a_ramp_has_its_mean() {
        let even = arrivals(&workload(Rate::Steady(10.0), Spacing::Even), 1, Shard::WHOLE);
        assert_eq!(even.len(), 999, "the last is due at the end, and so not in it");
        assert_eq!(even[0].due, Duration::from_millis(100));
        let ramp = arrivals(&workload(Rate::Ramp { from: 0.0, to: 20.0 }, Spacing::Even), 1, Shard::WHOLE);
        assert_eq!(ramp.len(), 999);
        let early = ramp.iter().filter(|arrival| arrival.due < Duration::from_secs(50)).count();
        assert_eq!(early, 249, "a quarter in the first half: the 250th is due at its end");
    }

    #[test]
    fn poisson_arrivals_are_as_many_and_follow_the_weights() {
        let all = arrivals(&workload(Rate::Steady(50.0), Spacing::Poisson), 7, Shard::WHOLE);
        assert!((4750..5250).contains(&all.len()), "{}", all.len());
        assert!(all.is_sorted_by_key(|arrival| arrival.due));
        let sends = all.iter().filter(|arrival| arrival.operation == Operation::Send).count();
        assert!((0.72..0.78).contains(&(sends as f64 / all.len() as f64)), "{sends}");
        assert_eq!(all, arrivals(&workload(Rate::Steady(50.0), Spacing::Poisson), 7, Shard::WHOLE));
        assert_ne!(all, arrivals(&workload(Rate::Steady(50.0), Spacing::Poisson), 8, Shard::WHOLE));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn shards_are_a_partition(count in 1u32..6, seed: u64) {
            let workload = workload(Rate::Ramp { from: 5.0, to: 2.0 }, Spacing::Poisson);
            let mut parts: Vec<Arrival> =
                (0..count).flat_map(|index| arrivals(&workload, seed, Shard { index, count })).collect();
            parts.sort_by_key(|arrival| arrival.number);
            prop_assert_eq!(parts, arrivals(&workload, seed, Shard::WHOLE));
        }
    }
}
