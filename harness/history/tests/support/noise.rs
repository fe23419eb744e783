//! Series with steps of known size at known places, in noise as it was measured.

/// Measured noise of one kind of figure, as shares of the level.
pub(crate) fn residuals(kind: &str) -> Vec<f64> {
    let all: serde_json::Value = serde_json::from_str(include_str!("../residuals.json")).unwrap();
    all[kind].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
}

pub(crate) fn sigma(noise: &[f64]) -> f64 {
    let mean = noise.iter().sum::<f64>() / noise.len() as f64;
    (noise.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (noise.len() - 1) as f64).sqrt()
}

/// A series of `count` runs at level 1, with a step of `step` after `at` of them.
pub(crate) fn series(noise: &[f64], random: &mut fastrand::Rng, count: usize, at: usize, step: f64) -> Vec<f64> {
    let value = |run: usize, drawn: f64| 1.0 + drawn + if run >= at { step } else { 0.0 };
    (0..count).map(|run| value(run, noise[random.usize(..noise.len())])).collect()
}
