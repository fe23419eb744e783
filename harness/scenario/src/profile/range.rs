//! Ranges of versions: `<1.153.0`, `>=1.100 <1.153`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{cmp::Ordering, fmt, str::FromStr};

/// Bounds on a version, all of which must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Versions {
    written: String,
    bounds: Vec<(Bound, Vec<u64>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    Below,
    UpTo,
    Exactly,
    From,
    Above,
}

/// A text that is no range of versions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no range of versions: expected bounds such as `>=1.100 <1.153.0`")]
pub struct NoRange(String);

impl Versions {
    /// Whether a version lies within. A candidate or a fork of a release (`1.153.0rc1`, `1.153.0+x`) counts as that
    /// release.
    pub fn contain(&self, version: &str) -> bool {
        let numbers = leading_numbers(version);
        self.bounds.iter().all(|(bound, limit)| {
            let order = compare(&numbers, limit);
            match bound {
                Bound::Below => order == Ordering::Less,
                Bound::UpTo => order != Ordering::Greater,
                Bound::Exactly => order == Ordering::Equal,
                Bound::From => order != Ordering::Less,
                Bound::Above => order == Ordering::Greater,
            }
        })
    }
}

impl FromStr for Versions {
    type Err = NoRange;

    fn from_str(text: &str) -> Result<Self, NoRange> {
        let bounds: Option<Vec<_>> = text.split_whitespace().map(bound).collect();
        match bounds {
            Some(bounds) if !bounds.is_empty() => Ok(Self { written: text.to_owned(), bounds }),
            _ => Err(NoRange(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Versions {
    type Error = NoRange;

    fn try_from(text: String) -> Result<Self, NoRange> {
        text.parse()
    }
}

impl From<Versions> for String {
    fn from(versions: Versions) -> Self {
        versions.written
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

fn bound(text: &str) -> Option<(Bound, Vec<u64>)> {
    // The longer signs first: `<` begins `<=`.
    let signs =
        [("<=", Bound::UpTo), (">=", Bound::From), ("<", Bound::Below), (">", Bound::Above), ("=", Bound::Exactly)];
    let (bound, version) = signs.into_iter().find_map(|(sign, bound)| Some((bound, text.strip_prefix(sign)?)))?;
    let numbers: Option<Vec<u64>> = version.split('.').map(|part| part.parse().ok()).collect();
    Some((bound, numbers?))
}

fn leading_numbers(version: &str) -> Vec<u64> {
    let mut numbers = Vec::new();
    for part in version.split('.') {
        let digits = part.find(|char: char| !char.is_ascii_digit()).unwrap_or(part.len());
        let Ok(number) = part[..digits].parse() else { break };
        numbers.push(number);
        if digits < part.len() {
            break;
        }
    }
    numbers
}

/// What is missing counts as 0: `1.153` is `1.153.0`.
fn compare(one: &[u64], other: &[u64]) -> Ordering {
    let at = |numbers: &[u64], index: usize| numbers.get(index).copied().unwrap_or(0);
    (0..one.len().max(other.len()))
        .map(|index| at(one, index).cmp(&at(other, index)))
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let holds = |range: &str, version: &str| range.parse::<Versions>().expect("a range").contain(version);
        assert!(holds("<1.153.0", "1.143.0") && !holds("<1.153.0", "1.153.0") && !holds("<1.153", "1.1530.0"));
        assert!(holds(">=1.9 <1.10", "1.9.3") && !holds(">=1.9 <1.10", "1.10.0"));
        assert!(holds("=1.143", "1.143.0") && holds("<=1.143", "1.143.0rc2") && !holds(">1.143.0", "1.143.0+fork"));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in ["", "1.153", "<", "< 1.2", "<1.x", "~1.2"] {
            assert!(text.parse::<Versions>().is_err(), "{text}");
        }
    }
}
