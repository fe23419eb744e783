//! Where between two levels a change lies: where the figures on both sides are likeliest.

use super::median;

/// Rounds after which the place is taken as it is; two or three are enough.
const ROUNDS: usize = 5;

/// The place of the change in `values`, from a first guess `at`; at least `least` figures stay on each side.
///
/// Each figure says how much likelier it is on the level before than on the one after; the noise that this takes is that of both
/// sides together, about their medians, smoothed (a kernel density with Silverman's width). No normal noise is assumed: on
/// shared machines a figure far off says little of a level, and squares or distances would follow it.
pub(super) fn place(values: &[f64], mut at: usize, least: usize) -> usize {
    let last = values.len().saturating_sub(least);
    for _ in 0..ROUNDS {
        let (before, after) = values.split_at(at);
        let (low, high) = (median(before), median(after));
        let noise: Vec<f64> =
            before.iter().map(|value| value - low).chain(after.iter().map(|value| value - high)).collect();
        let sizes: Vec<f64> = noise.iter().map(|one| one.abs()).collect();
        let width = 1.06 * 1.4826 * median(&sizes) * (values.len() as f64).powf(-0.2);
        let likelihood = Density { noise: &noise, width: width.max(f64::MIN_POSITIVE) };
        let mut sum = 0.0;
        let mut best: Option<(usize, f64)> = None;
        for (index, value) in values.iter().enumerate() {
            if index >= least && index <= last && best.is_none_or(|(_, most)| sum > most) {
                best = Some((index, sum));
            }
            sum += likelihood.log(value - low) - likelihood.log(value - high);
        }
        match best {
            Some((better, _)) if better != at => at = better,
            _ => break,
        }
    }
    at
}

struct Density<'n> {
    noise: &'n [f64],
    width: f64,
}

impl Density<'_> {
    /// Logarithm of the density at `value`, in widths; never so low that one figure decides alone.
    fn log(&self, value: f64) -> f64 {
        const LEAST: f64 = 1e-3;
        let near = self.noise.iter().map(|one| (-0.5 * ((value - one) / self.width).powi(2)).exp()).sum::<f64>();
        (near / self.noise.len() as f64 + LEAST).ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guess_that_is_off_is_put_right() {
        let mut values = vec![10.0, 10.1, 9.9, 10.0, 10.2, 9.8, 10.1, 10.0];
        values.extend([11.0, 11.1, 10.9, 11.0, 11.2, 10.8]);
        for guess in 5..11 {
            assert_eq!(place(&values, guess, 2), 8, "from {guess}");
        }
        // A figure far off before the change is no part of the new level.
        values[6] = 30.0;
        assert_eq!(place(&values, 9, 2), 8);
    }

    #[test]
    fn figures_that_are_alike_leave_it_where_it_is() {
        assert_eq!(place(&[1.0; 10], 5, 2), 2, "every place is as good: the first");
    }
}
