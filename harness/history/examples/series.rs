//! Series with what is found in them, one JSON object a line, for comparison with other programs:
//! `cargo run -p fedproof-history --example series | python3 harness/history/examples/beside_otava.py`.

#![allow(clippy::unwrap_used)]

#[path = "../tests/support/noise.rs"]
mod noise;

use fedproof_history::change::{Settings, change_points};
use noise::{residuals, series, sigma};

fn main() {
    for (group, kind, at, sigmas) in [
        ("flat work", "work", 60, 0.0),
        ("flat latency", "latency", 60, 0.0),
        ("work, 4 sigmas", "work", 40, 4.0),
        ("cpu, 3 sigmas", "cpu", 40, 3.0),
        ("latency, 2 sigmas", "latency", 40, 2.0),
    ] {
        let noise = residuals(kind);
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..100 {
            let values = series(&noise, &mut random, 60, at, sigmas * sigma(&noise));
            tell(group, &values, &if at < 60 { vec![at] } else { vec![] });
        }
    }
    for kind in ["work", "cpu", "latency"] {
        // As they were measured, one after the other: no truth is known.
        let values: Vec<f64> = residuals(kind).iter().map(|noise| 1.0 + noise).collect();
        tell(&format!("measured {kind}"), &values, &[]);
    }
}

fn tell(group: &str, values: &[f64], truth: &[usize]) {
    let found: Vec<usize> = change_points(values, &Settings::default()).iter().map(|change| change.at).collect();
    println!("{}", serde_json::json!({"group": group, "values": values, "truth": truth, "found": found}));
}
