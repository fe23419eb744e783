//! Shards put together are the load that one process would have recorded; where one is missing, that is told.

use super::*;
use crate::operation::Operation;
use fedproof_results::load::PhaseSpan;
use proptest::prelude::*;
use serde_json::json;

const SEND: Series = Series::Of(Operation::Send);
const SHARDS: u32 = 4;

/// What happened: in which second, how long it took, whether it was measured, and whether it was given up.
type Sample = (u64, u64, bool, bool);

/// What a process that took these samples leaves behind.
fn part(samples: &[Sample], shard: Option<u32>, begins: f64) -> Part {
    let (recorder, mut intervals) = (Recorder::default(), Vec::new());
    for now in 0..3 {
        for (_, micros, measured, is_given_up) in samples.iter().filter(|(second, ..)| *second == now) {
            let took = Duration::from_micros(*micros);
            match is_given_up {
                true => recorder.give_up(SEND, took, "no answer", *measured),
                false => recorder.record(SEND, took, *measured),
            }
        }
        intervals.extend(recorder.tick(now).1);
    }
    let phase = PhaseSpan {
        name: "sends".into(),
        measured: true,
        from: begins,
        to: begins + 3.0,
        due: samples.len() as u64,
        operations: vec!["send".into()],
        faults: Vec::new(),
    };
    let mut record: LoadRecord = serde_json::from_value(json!({
        "schema": "fedproof/load/1", "run_id": format!("r{shard:?}"), "started_at": "2026-01-01T00:00:00Z", "suite_version": "0",
        "workload": "w", "about": "", "deployment": "default", "seed": 1, "valid": true, "invalid_because": [],
        "complete": true, "stopped_because": "", "servers": [], "operations": [], "work": [], "phases": [], "lost": 0,
        "thresholds": [{"expression": "memory < 1MB", "ok": true, "value": 0.0}], "timeline": [], "invariants": [],
        "resources": [{"second": 0, "process": "generator", "cpu": 0.1, "rss_bytes": 9_000_000, "descriptors": 1},
                      {"second": 0, "process": "alpha", "cpu": 0.1, "rss_bytes": 500_000, "descriptors": 1}],
        "generator": {"cpu_ms": 0, "rss_bytes": 0, "late_p99_us": 0, "abandoned": 0, "workers": 1},
    }))
    .unwrap();
    record.shard = shard.map(|index| ShardOf { index, count: SHARDS });
    record.operations = recorder.figures(&MeasuredTime::of(std::slice::from_ref(&phase)));
    record.phases = vec![phase];
    Part { record, intervals }
}

fn shards(samples: &[Sample]) -> Vec<Part> {
    let own = |shard: u32| samples.iter().copied().skip(shard as usize).step_by(SHARDS as usize).collect::<Vec<_>>();
    (0..SHARDS).map(|shard| part(&own(shard), Some(shard), 0.0)).collect()
}

/// Buckets by second and kind.
fn buckets(intervals: &[Interval]) -> BTreeMap<(u64, Kind), Vec<(u64, u64)>> {
    let of = |one: &Interval| {
        one.latencies.iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    };
    intervals.iter().map(|one| ((one.second, one.kind), of(one))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn four_shards_are_the_unsharded_load(
        samples in prop::collection::vec((0u64..3, 1u64..5_000_000_000, any::<bool>(), any::<bool>()), 1..60)
    ) {
        let whole = part(&samples, None, 0.0);
        let merged = merge(shards(&samples)).unwrap();
        prop_assert_eq!(buckets(&merged.intervals), buckets(&whole.intervals));
        prop_assert_eq!(&merged.record.operations, &whole.record.operations);
        prop_assert!(merged.record.complete && merged.record.valid);
    }
}

#[test]
fn a_missing_shard_makes_it_incomplete() {
    let mut parts = shards(&[(0, 100, true, false), (1, 200, true, false)]);
    parts.remove(2);
    let merged = merge(parts).unwrap();
    assert!(!merged.record.complete && merged.record.stopped_because == "shard 2/4 is missing");
}

#[test]
fn generators_are_no_homeservers_however_many_there_are() {
    let merged = merge(shards(&[(0, 100, true, false)])).unwrap();
    assert_eq!(merged.record.thresholds[0].value, Some(500_000.0), "the memory of the homeserver");
}

#[test]
fn shards_that_drifted_apart_are_no_one_load() {
    let mut parts = shards(&[(0, 100, true, false)]);
    parts[3] = part(&[(0, 100, true, false)], Some(3), 1.0);
    assert!(merge(parts).unwrap().record.valid, "they wait for each other to the second");
    let mut parts = shards(&[(0, 100, true, false)]);
    parts[3] = part(&[(0, 100, true, false)], Some(3), 4.0);
    let merged = merge(parts).unwrap();
    assert_eq!(
        merged.record.invalid_because,
        ["the shards' phases sends began 4.0 s apart: their loads did not overlap"]
    );
}
