//! `p95(send) < 500ms`: what must hold of a load run.

use crate::series::Series;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A bound on one figure.
///
/// `METRIC(SERIES) < VALUE` or with `<=`, `>`, `>=`. Without a series it is about all operations together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Threshold {
    /// Which figure.
    pub metric: Metric,
    /// Of what; all operations together if not given.
    pub of: Option<Series>,
    /// How it is compared.
    pub comparison: Comparison,
    /// With what, in the metric's own unit.
    pub bound: f64,
    text: String,
}

/// A figure of a load run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// A percentile of the latency, in microseconds: `p50`, `p99.9`.
    Percentile(f64),
    /// The longest latency, in microseconds.
    Max,
    /// Mean latency, in microseconds.
    Mean,
    /// Failed operations, as a share of all: from 0 to 1.
    ErrorRate,
    /// Operations a second that succeeded.
    Rate,
    /// How many succeeded.
    Count,
    /// Events that a watcher should have seen and did not: `lost`.
    Lost,
    /// Processor time of all homeservers for each operation, in milliseconds.
    CpuPerOp,
    /// Database transactions of all homeservers for each operation.
    DbPerOp,
    /// Highest resident memory of any homeserver, in bytes.
    Memory,
}

/// How a figure is compared with its bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

impl Comparison {
    const ALL: [(&str, Self); 4] = [("<=", Self::AtMost), (">=", Self::AtLeast), ("<", Self::Less), (">", Self::More)];

    /// Whether it holds.
    pub fn holds(self, value: f64, bound: f64) -> bool {
        match self {
            Self::Less => value < bound,
            Self::AtMost => value <= bound,
            Self::More => value > bound,
            Self::AtLeast => value >= bound,
        }
    }
}

/// Units, each with the metrics' own unit it is a multiple of.
const UNITS: &[(&str, f64, Unit)] = &[
    ("us", 1.0, Unit::Microseconds),
    ("ms", 1000.0, Unit::Microseconds),
    ("s", 1_000_000.0, Unit::Microseconds),
    ("%", 0.01, Unit::Share),
    ("/s", 1.0, Unit::Rate),
    ("MB", 1_000_000.0, Unit::Bytes),
    ("MiB", 1_048_576.0, Unit::Bytes),
    ("GB", 1_000_000_000.0, Unit::Bytes),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Microseconds,
    Milliseconds,
    Share,
    Rate,
    Bytes,
    Number,
}

impl Metric {
    const NAMED: &[(&str, Self)] = &[
        ("max", Self::Max),
        ("mean", Self::Mean),
        ("error_rate", Self::ErrorRate),
        ("rate", Self::Rate),
        ("count", Self::Count),
        ("lost", Self::Lost),
        ("cpu_per_op", Self::CpuPerOp),
        ("db_per_op", Self::DbPerOp),
        ("memory", Self::Memory),
    ];

    fn unit(self) -> Unit {
        match self {
            Self::Percentile(_) | Self::Max | Self::Mean => Unit::Microseconds,
            Self::ErrorRate => Unit::Share,
            Self::Rate => Unit::Rate,
            Self::CpuPerOp => Unit::Milliseconds,
            Self::Memory => Unit::Bytes,
            Self::Count | Self::Lost | Self::DbPerOp => Unit::Number,
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        if let Some(percentile) = text.strip_prefix('p').and_then(|digits| digits.parse::<f64>().ok()) {
            return if percentile > 0.0 && percentile < 100.0 {
                Ok(Self::Percentile(percentile))
            } else {
                Err(format!("{text}: a percentile is between 0 and 100"))
            };
        }
        let named = Self::NAMED.iter().find(|(name, _)| *name == text).map(|(_, metric)| *metric);
        named.ok_or_else(|| {
            let names: Vec<&str> = Self::NAMED.iter().map(|(name, _)| *name).collect();
            format!("{text:?} is no figure: there are p50, p95, p99.9, …, {}", names.join(", "))
        })
    }
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Comparison::ALL.iter().find_map(|(sign, comparison)| Some((text.split_once(sign)?, *comparison)));
        let ((left, right), comparison) =
            found.ok_or_else(|| format!("{text:?}: expected FIGURE < VALUE, such as `p95(send) < 500ms`"))?;
        let (metric, of) = match left.trim().split_once('(') {
            None => (left.trim(), None),
            Some((metric, series)) => {
                let series = series.strip_suffix(')').ok_or_else(|| format!("{text:?}: a bracket is open"))?;
                (metric.trim(), Some(series.trim().parse::<Series>()?))
            }
        };
        let metric = Metric::parse(metric)?;
        let right = right.trim();
        let digits = right.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(right.len());
        let (number, unit) = right.split_at(digits);
        let number: f64 = number.parse().map_err(|_| format!("{text:?}: {right:?} is no number"))?;
        let bound = number
            * factor(metric.unit(), unit.trim())
                .ok_or_else(|| format!("{text:?}: {:?} is not measured in {:?}", left.trim(), unit.trim()))?;
        Ok(Self { metric, of, comparison, bound, text: text.to_owned() })
    }
}

/// What a number in `unit` is to be multiplied with.
fn factor(own: Unit, unit: &str) -> Option<f64> {
    if unit.is_empty() {
        return matches!(own, Unit::Number | Unit::Share | Unit::Rate).then_some(1.0);
    }
    let (_, factor, of) = UNITS.iter().find(|(name, ..)| *name == unit)?;
    match (own, of) {
        (Unit::Milliseconds, Unit::Microseconds) => Some(factor / 1000.0),
        _ => (own == *of).then_some(*factor),
    }
}

impl TryFrom<String> for Threshold {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.text
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_read_in_their_units() {
        for (text, metric, bound) in [
            ("p95(send) < 500ms", Metric::Percentile(95.0), 500_000.0),
            ("p99.9 <= 2s", Metric::Percentile(99.9), 2_000_000.0),
            ("error_rate < 0.1%", Metric::ErrorRate, 0.001),
            ("error_rate < 0.001", Metric::ErrorRate, 0.001),
            ("rate(send) >= 10/s", Metric::Rate, 10.0),
            ("cpu_per_op(send) < 30ms", Metric::CpuPerOp, 30.0),
            ("db_per_op < 25", Metric::DbPerOp, 25.0),
            ("memory < 500MB", Metric::Memory, 500_000_000.0),
        ] {
            let threshold: Threshold = text.parse().unwrap();
            assert_eq!(threshold.metric, metric, "{text}");
            assert!((threshold.bound - bound).abs() < 1e-9 * bound, "{text}: {}", threshold.bound);
            assert_eq!(threshold.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_threshold_says_why() {
        for (text, part) in [
            ("p95", "expected FIGURE < VALUE"),
            ("p101 < 5ms", "between 0 and 100"),
            ("speed < 5ms", "is no figure"),
            ("p95(sned) < 5ms", "sned"),
            ("p95 < 5%", "not measured in"),
            ("p95 < fast", "no number"),
            ("p95(send < 5ms", "bracket"),
        ] {
            let error = text.parse::<Threshold>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
