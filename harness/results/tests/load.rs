//! What a load record comes to.
#![allow(clippy::unwrap_used, reason = "a test")]

use fedproof_results::load::{LoadRecord, LoadVerdict};
use serde_json::{Value, json};

fn record(changes: Value) -> LoadRecord {
    let mut record = json!({
        "schema": "fedproof/load/1", "run_id": "r", "started_at": "2026-01-01T00:00:00Z", "suite_version": "0",
        "workload": "w", "about": "", "deployment": "default", "seed": 1, "valid": true, "invalid_because": [],
        "complete": true, "stopped_because": "", "servers": [], "thresholds": [], "operations": [], "work": [],
        "phases": [], "lost": 0, "timeline": [], "resources": [], "generator": {"cpu_ms": 0, "rss_bytes": 0,
        "late_p99_us": 0, "abandoned": 0, "workers": 1}, "invariants": [],
    });
    let changes = changes.as_object().unwrap().clone();
    record.as_object_mut().unwrap().extend(changes);
    serde_json::from_value(record).unwrap()
}

fn threshold(ok: bool) -> Value {
    json!({"expression": "error_rate < 1%", "ok": ok, "value": 0.0})
}

fn comparison(verdicts: &[&str], b_holds: bool) -> Value {
    let figure = |verdict: &&str| {
        json!({"name": "p50(send)", "kind": "latency", "unit": "µs", "a": 1.0, "b": 1.0, "ratio": 1.0, "low": 0.9,
            "high": 1.1, "half_width": 0.1, "least_effect": 0.05, "fine": 0.1, "verdict": verdict})
    };
    json!({"comparison": {"against": ["alpha=synapse@1"], "servers": [], "order": "AB", "pairs": 1, "disturbed": [],
        "confidence": 0.95, "comparisons": 1, "figures": verdicts.iter().map(figure).collect::<Vec<_>>(),
        "left_out": {}, "thresholds": [threshold(b_holds)], "operations": [], "plays": []}})
}

#[test]
fn the_worst_that_can_be_said_is_the_verdict() {
    let breach = json!([{"rule": "signed", "server": "s", "judged": 1, "breaches": ["b"], "whole": true}]);
    let cases = [
        (json!({}), LoadVerdict::Held),
        (json!({"thresholds": [threshold(true)]}), LoadVerdict::Held),
        (json!({"thresholds": [threshold(true), threshold(false)]}), LoadVerdict::Broken),
        (json!({"invariants": breach}), LoadVerdict::Broken),
        (json!({"complete": false, "thresholds": [threshold(true)]}), LoadVerdict::StoppedEarly),
        (json!({"complete": false, "thresholds": [threshold(false)]}), LoadVerdict::Broken),
        (json!({"valid": false, "thresholds": [threshold(false)]}), LoadVerdict::Invalid),
        (json!({"valid": false, "complete": false}), LoadVerdict::Invalid),
        (json!({"valid": false, "complete": false, "invariants": breach}), LoadVerdict::Broken),
    ];
    for (changes, verdict) in cases {
        assert_eq!(record(changes.clone()).verdict(), verdict, "{changes}");
    }
}

#[test]
fn what_broke_on_b_or_could_not_be_compared_is_no_success() {
    let mut left_out = comparison(&["no_difference"], true);
    left_out["comparison"]["left_out"] = json!({"db_per_op(send)": "some plays do not have it"});
    let cases = [
        (comparison(&["no_difference", "faster"], true), LoadVerdict::Held),
        (comparison(&["no_difference", "slower"], true), LoadVerdict::Slower),
        (comparison(&["unclear", "slower"], true), LoadVerdict::Slower),
        (comparison(&["no_difference", "unclear"], true), LoadVerdict::Unclear),
        (comparison(&[], true), LoadVerdict::Unclear),
        (comparison(&["no_difference"], false), LoadVerdict::Broken),
        (left_out, LoadVerdict::Unclear),
    ];
    for (changes, verdict) in cases {
        assert_eq!(record(changes.clone()).verdict(), verdict, "{changes}");
    }
}
