//! The energy distance between both sides of a split, for every split of a series.

/// A split of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    /// Index of the first figure of the right side.
    pub(super) at: usize,
    /// How far the sides are apart, weighed by how many figures they have.
    pub(super) distance: f64,
}

/// The split with the largest distance, with at least `least` figures on each side; none if all figures are alike.
///
/// A level that comes and goes again is nearly invisible to splits of the whole series, so stretches of it are split as well:
/// seeded intervals (Kovács and others, *Seeded binary segmentation*, 2020), each layer a third shorter and overlapping by
/// half, which together take seven times as long as the whole alone.
pub(super) fn best_split(values: &[f64], least: usize) -> Option<Split> {
    let mut best: Option<Split> = None;
    let mut length = values.len() as f64;
    while length as usize >= 2 * least.max(1) {
        let width = length as usize;
        let stretches = if width == values.len() { 1 } else { 2 * values.len().div_ceil(width) - 1 };
        for index in 0..stretches {
            let from = if stretches == 1 { 0 } else { index * (values.len() - width) / (stretches - 1) };
            let split = of_stretch(&values[from..from + width], least);
            if let Some(split) = split.filter(|split| best.is_none_or(|best| split.distance > best.distance)) {
                best = Some(Split { at: from + split.at, ..split });
            }
        }
        length *= std::f64::consts::FRAC_1_SQRT_2;
    }
    best.filter(|best| best.distance > f64::EPSILON)
}

/// The best split of one stretch. Taking one figure after the other from the right side to the left changes the sums of
/// distances by its own to both sides: all splits take the time of the number of pairs.
fn of_stretch(values: &[f64], least: usize) -> Option<Split> {
    let from = |value: f64, others: &[f64]| others.iter().map(|other| (value - other).abs()).sum::<f64>();
    let (mut left, mut across) = (0.0, 0.0);
    let mut right: f64 = values.iter().enumerate().map(|(index, &value)| from(value, &values[index + 1..])).sum();
    let mut best: Option<Split> = None;
    for (index, &value) in values.iter().enumerate().take(values.len() - 1) {
        let (to_left, to_right) = (from(value, &values[..index]), from(value, &values[index + 1..]));
        left += to_left;
        right -= to_right;
        across += to_right - to_left;
        let (n, m) = (index + 1, values.len() - index - 1);
        if n < least || m < least {
            continue;
        }
        let (n, m) = (n as f64, m as f64);
        // Means over pairs: 2 E|X-Y| - E|X-X'| - E|Y-Y'|, weighed by nm/(n+m).
        let energy = 2.0 * across / (n * m) - 2.0 * left / (n * n) - 2.0 * right / (m * m);
        let distance = energy * n * m / (n + m);
        if best.is_none_or(|best| distance > best.distance) {
            best = Some(Split { at: index + 1, distance });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, pair by pair.
    fn plain(values: &[f64], at: usize) -> f64 {
        let mean = |one: &[f64], other: &[f64]| {
            let pairs = one.iter().flat_map(|x| other.iter().map(move |y| (x - y).abs()));
            pairs.sum::<f64>() / (one.len() * other.len()) as f64
        };
        let (left, right) = values.split_at(at);
        let (n, m) = (left.len() as f64, right.len() as f64);
        (2.0 * mean(left, right) - mean(left, left) - mean(right, right)) * n * m / (n + m)
    }

    #[test]
    fn all_splits_at_once_are_each_by_its_definition() {
        let values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0, 5.0];
        let found = of_stretch(&values, 1).expect("a split");
        let best = (1..values.len()).map(|at| plain(&values, at)).fold(f64::MIN, f64::max);
        assert!(
            (found.distance - best).abs() < 1e-9 && (plain(&values, found.at) - best).abs() < 1e-9,
            "{found:?} {best}"
        );
    }

    #[test]
    fn figures_that_are_alike_have_no_split() {
        assert_eq!(best_split(&[2.0; 9], 2), None);
        assert_eq!(best_split(&[1.0, 2.0, 3.0], 2), None);
    }
}
