//! What pairs of plays say of two builds.
//!
//! One play gives one value of a figure; a pair gives one ratio, and its logarithm is what is judged: a pair shares its
//! arrivals and lies together in time, so that most of what disturbs one of its plays disturbs both. Requests within a play
//! are no independent observations (they share queues, caches and bad moments), so that they are never counted as such.
//!
//! The interval is Student's on the mean of the logarithms: with some ten pairs a bootstrap has too few values to draw from
//! and gives intervals that are too short, and a rank test cannot reach the levels that a correction for several
//! comparisons asks for, while logarithms of ratios of averages are close to normal. The correction is Bonferroni's, not
//! Holm's, because it makes intervals that hold all together: an interval and its verdict never contradict each other.

use fedproof_results::load::Verdict;

/// What all intervals of a session together promise: to hold what they are about, in so many sessions.
pub const CONFIDENCE: f64 = 0.95;

/// A ratio of B to A with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    /// The best guess.
    pub ratio: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// From pairs (of A, of B), as one of `comparisons`; `None` with fewer than two pairs, or where a value is not
    /// positive and there is no ratio.
    pub(super) fn of(pairs: &[(f64, f64)], comparisons: usize) -> Option<Self> {
        let logarithms: Vec<f64> = pairs.iter().map(|(a, b)| (b / a).ln()).collect();
        let n = logarithms.len() as f64;
        if logarithms.len() < 2 || pairs.iter().any(|(a, b)| *a <= 0.0 || *b <= 0.0) {
            return None;
        }
        let mean = logarithms.iter().sum::<f64>() / n;
        let variance = logarithms.iter().map(|one| (one - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let outside = (1.0 - CONFIDENCE) / comparisons.max(1) as f64;
        let reach = two_sided_quantile(outside, n - 1.0) * (variance / n).sqrt();
        Some(Self { ratio: mean.exp(), low: (mean - reach).exp(), high: (mean + reach).exp() })
    }

    /// Half of its width, as a share of the ratio.
    pub(super) fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0 / self.ratio
    }

    /// In a word. `least` is the smallest effect that matters, and `fine` the half-width up to which not having found a
    /// difference means something.
    pub(super) fn verdict(&self, least: f64, fine: f64) -> Verdict {
        let matters = self.ratio.ln().abs() >= least.ln_1p();
        if self.low > 1.0 && matters {
            Verdict::Slower
        } else if self.high < 1.0 && matters {
            Verdict::Faster
        } else if self.half_width() <= fine && !matters {
            Verdict::NoDifference
        } else {
            Verdict::Unclear
        }
    }
}

/// The t with `outside` of Student's distribution beyond -t and t.
fn two_sided_quantile(outside: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0f64, 1.0f64);
    while beyond(high, freedom) > outside {
        high *= 2.0;
    }
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if beyond(middle, freedom) > outside { low = middle } else { high = middle }
    }
    high
}

/// How much of Student's distribution lies beyond -t and t.
fn beyond(t: f64, freedom: f64) -> f64 {
    incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

/// The regularised incomplete beta function (NIST Digital Library of Mathematical Functions 8.17.22, evaluated by Lentz's
/// method).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The fraction converges quickly on this side only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let front = (ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln()).exp() / a;
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 - (a + b) * x / (a + 1.0)));
    let mut fraction = d;
    for m in 1..300 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = fraction;
        for step in [even, odd] {
            d = 1.0 / away(1.0 + step * d);
            c = away(1.0 + step / c);
            fraction *= c * d;
        }
        if (fraction / before - 1.0).abs() < 1e-14 {
            break;
        }
    }
    front * fraction
}

/// Logarithm of the gamma function, by Lanczos's approximation (g = 7, n = 9).
fn ln_gamma(x: f64) -> f64 {
    const FIRST: f64 = 0.999_999_999_999_809_9;
    const REST: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        return (std::f64::consts::PI / (std::f64::consts::PI * x).sin()).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let sum = REST.iter().enumerate().fold(FIRST, |sum, (n, c)| sum + c / (x + n as f64 + 1.0));
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paired::order::{Side, sides};

    /// Numbers that look random and are the same each time.
    struct Noise(u64);

    impl Noise {
        fn unit(&mut self) -> f64 {
            // splitmix64
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64 + 1e-17
        }

        fn normal(&mut self) -> f64 {
            (-2.0 * self.unit().ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos()
        }
    }

    /// A session as it is played: B is `ratio` times A, each play is off by `noise`, and the machine gets slower by
    /// `drift` from the first play to the last.
    fn session(from: &mut Noise, pairs: usize, ratio: f64, noise: f64, drift: f64) -> Vec<(f64, f64)> {
        let order = (0..pairs).flat_map(|pair| sides(pair).map(|side| (pair, side)));
        let last = 2.0 * pairs as f64 - 1.0;
        let mut values = vec![(0.0, 0.0); pairs];
        for (n, (pair, side)) in order.enumerate() {
            let value = 100.0 * (noise * from.normal() + (1.0 + drift).ln() * n as f64 / last).exp();
            match side {
                Side::A => values[pair].0 = value,
                Side::B => values[pair].1 = value * ratio,
            }
        }
        values
    }

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (outside, freedom, expected) in [
            (0.05, 1.0, 12.706_205),
            (0.05, 7.0, 2.364_624),
            (0.05, 30.0, 2.042_272),
            (0.01, 9.0, 3.249_836),
            (0.001, 5.0, 6.868_827),
            (0.005, 11.0, 3.496_614),
        ] {
            let found = two_sided_quantile(outside, freedom);
            assert!((found - expected).abs() < 1e-5, "t({outside}, {freedom}) = {found}, expected {expected}");
        }
    }

    #[test]
    fn what_is_flat_is_found_different_no_more_often_than_promised() {
        let (sessions, figures, pairs) = (4000, 10, 8);
        let mut from = Noise(20_261_125);
        let mut wrong = 0;
        for _ in 0..sessions {
            let found = (0..figures).any(|_| {
                let values = session(&mut from, pairs, 1.0, 0.05, 0.0);
                let interval = Interval::of(&values, figures).unwrap();
                // Without a least effect, so that the correction alone has to hold.
                matches!(interval.verdict(0.0, f64::MAX), Verdict::Slower | Verdict::Faster)
            });
            wrong += usize::from(found);
        }
        let rate = wrong as f64 / f64::from(sessions);
        // The figures are independent here, where the correction is tight: near 5 %, within three standard errors of it.
        assert!((0.038..0.061).contains(&rate), "family-wise error rate {rate}");
    }

    #[test]
    fn intervals_hold_what_they_are_about_all_together() {
        let (sessions, figures, pairs) = (2000, 10, 8);
        let mut from = Noise(7);
        let covered = (0..sessions).filter(|_| {
            (0..figures).all(|n| {
                let ratio = 0.8 + 0.05 * n as f64;
                let interval = Interval::of(&session(&mut from, pairs, ratio, 0.05, 0.0), figures).unwrap();
                interval.low <= ratio && ratio <= interval.high
            })
        });
        let rate = covered.count() as f64 / f64::from(sessions);
        assert!(rate > 0.935, "{rate}");
    }

    #[test]
    fn a_step_of_five_percent_is_found_among_ten_figures() {
        // As many pairs as a session has unless it is told otherwise.
        let (sessions, figures, pairs) = (500, 10, 20);
        let mut from = Noise(11);
        let found = (0..sessions).filter(|_| {
            let interval = Interval::of(&session(&mut from, pairs, 1.05, 0.015, 0.1), figures).unwrap();
            interval.verdict(0.02, 0.05) == Verdict::Slower
        });
        let rate = found.count() as f64 / f64::from(sessions);
        assert!(rate > 0.95, "{rate}");
        let mirrored = Interval::of(&session(&mut from, pairs, 1.0 / 1.05, 0.01, 0.0), figures).unwrap();
        assert_eq!(mirrored.verdict(0.02, 0.05), Verdict::Faster);
    }

    #[test]
    fn drift_cancels_in_the_order_in_which_plays_are_played() {
        let values = session(&mut Noise(1), 8, 1.0, 0.0, 0.5);
        let interval = Interval::of(&values, 1).unwrap();
        assert!((interval.ratio - 1.0).abs() < 1e-9, "{interval:?}");
        // Always A before B would have found a difference that is not there.
        let naive: Vec<(f64, f64)> = (0..8).map(|n| (1.02f64.powi(2 * n), 1.02f64.powi(2 * n + 1))).collect();
        assert_eq!(Interval::of(&naive, 1).unwrap().verdict(0.01, 1.0), Verdict::Slower);
    }

    #[test]
    fn what_cannot_be_told_is_not_called_the_same() {
        let wide = Interval::of(&[(100.0, 80.0), (100.0, 125.0), (100.0, 110.0)], 10).unwrap();
        assert_eq!(wide.verdict(0.02, 0.05), Verdict::Unclear, "{wide:?}");
        assert_eq!(Interval::of(&[(1.0, 1.0)], 1), None, "one pair has no spread");
        assert_eq!(Interval::of(&[(0.0, 1.0), (1.0, 1.0)], 1), None, "there is no ratio to nothing");
        let near = Interval { ratio: 1.08, low: 0.99, high: 1.18 };
        assert_eq!(near.verdict(0.05, 0.10), Verdict::Unclear, "as likely a difference that matters as none");
        let small = Interval { ratio: 1.03, low: 1.02, high: 1.04 };
        assert_eq!(small.verdict(0.05, 0.10), Verdict::NoDifference, "it is there, and does not matter");
        let same = Interval::of(&[(20.0, 20.0), (21.0, 21.0)], 10).unwrap();
        assert_eq!((same.half_width(), same.verdict(0.02, 0.05)), (0.0, Verdict::NoDifference));
    }
}
