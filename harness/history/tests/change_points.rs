//! Steps of known size at known places, in noise as it was measured on machines of this kind.
//!
//! `residuals.json` holds what was measured: relative distances from the median of plays of one build (docs/figures.md says
//! how); the last tests print what they saw.

#![allow(clippy::unwrap_used)]

#[path = "support/noise.rs"]
mod noise;

use fedproof_history::change::{Settings, change_points, median};
use noise::{residuals, series, sigma};

/// In how many of a hundred series `is_right` says so of what was found.
fn right(noise: &[f64], at: usize, sigmas: f64, is_right: impl Fn(&[usize]) -> bool) -> usize {
    let mut random = fastrand::Rng::with_seed(7);
    let step = sigmas * sigma(noise);
    let found = (0..100).map(|_| change_points(&series(noise, &mut random, 60, at, step), &Settings::default()));
    found.filter(|found| is_right(&found.iter().map(|change| change.at).collect::<Vec<_>>())).count()
}

#[test]
fn a_step_of_four_sigmas_in_a_work_count_is_placed_on_its_run() {
    let noise = residuals("work");
    let count = right(&noise, 40, 4.0, |found| found == [40]);
    println!("work, σ = {:.2} %, step of 4 σ: {count} of 100 on the right run", sigma(&noise) * 100.0);
    assert!(count >= 95, "{count}");
}

#[test]
fn a_step_of_two_sigmas_in_a_latency_is_placed_within_three_runs() {
    let noise = residuals("latency");
    let count = right(&noise, 40, 2.0, |found| found.iter().any(|at| at.abs_diff(40) <= 3));
    println!("latency, σ = {:.2} %, step of 2 σ: {count} of 100 within three runs", sigma(&noise) * 100.0);
    assert!(count >= 95, "{count}");
}

#[test]
fn flat_series_raise_hardly_an_alarm() {
    for kind in ["work", "cpu", "latency"] {
        let noise = residuals(kind);
        let alarms = right(&noise, 60, 0.0, |found| !found.is_empty());
        println!("{kind}, flat: {alarms} alarms in 100");
        assert!(alarms <= 2, "{kind}: {alarms}");
    }
}

#[test]
fn the_level_is_what_was_put_in() {
    let noise = residuals("work");
    let mut random = fastrand::Rng::with_seed(1);
    let found = change_points(&series(&noise, &mut random, 60, 30, 0.5), &Settings::default());
    assert_eq!(found.iter().map(|change| change.at).collect::<Vec<_>>(), [30]);
    let noise_level = median(&noise);
    assert!((found[0].effect() - 0.5).abs() < 0.05 + noise_level.abs(), "{found:?}");
}
