//! `comparison` in `load.json`: two builds, played side by side.

use super::{OperationFigures, ThresholdResult};
use crate::ServerInfo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a paired session says. A is the deployment as it is described, B the same with other builds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// What B has instead, as `NAME=SPEC`.
    pub against: Vec<String>,
    /// The homeservers of B.
    pub servers: Vec<ServerInfo>,
    /// Who came first and who second in each pair, such as `ABBAAB`.
    pub order: String,
    /// Pairs that count.
    pub pairs: usize,
    /// Why pairs did not count and others were played instead: the generator could not keep time in them.
    pub disturbed: Vec<String>,
    /// Share of sessions in which all intervals together hold what they are about.
    pub confidence: f64,
    /// For how many comparisons the intervals are corrected.
    pub comparisons: usize,
    /// The figures.
    pub figures: Vec<ComparedFigure>,
    /// Figures that could not be compared, with the reason: nobody knows whether B is worse there.
    pub left_out: BTreeMap<String, String>,
    /// Figures that are none on either side, because there is too little of what they are about.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sparse: BTreeMap<String, String>,
    /// What had to hold on B.
    pub thresholds: Vec<ThresholdResult>,
    /// Each series of B over its measured phases.
    pub operations: Vec<OperationFigures>,
    /// The plays, in their order.
    pub plays: Vec<ComparedPlay>,
}

/// What a figure is about: how much a difference must be to matter, and how exact an interval is to be, depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FigureKind {
    /// Time.
    Latency,
    /// Processor time.
    Cpu,
    /// Counts of what was done.
    Work,
}

/// One figure of both.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedFigure {
    /// As thresholds write it, such as `p95(seen_remote)`.
    pub name: String,
    /// What it is about.
    pub kind: FigureKind,
    /// Of `a` and `b`; empty for counts.
    pub unit: String,
    /// Geometric mean over the plays of A.
    pub a: f64,
    /// Geometric mean over the plays of B.
    pub b: f64,
    /// B to A.
    pub ratio: f64,
    /// Lower end of the interval of the ratio, corrected for the number of comparisons.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Half of the interval's width, as a share of the ratio.
    pub half_width: f64,
    /// The smallest effect that matters, as a share.
    pub least_effect: f64,
    /// Half-width up to which a difference that was not found means that there is none.
    pub fine: f64,
    /// In a word.
    pub verdict: Verdict,
}

/// What a figure says of B.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// None that matters was found, though the interval is fine: one of twice [`ComparedFigure::fine`] would have been.
    NoDifference,
    /// B takes more.
    Slower,
    /// B takes less.
    Faster,
    /// None was found, and the interval is too wide to say that there is none.
    Unclear,
}

/// One play's values.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedPlay {
    /// Which pair it belongs to, from 0.
    pub pair: usize,
    /// `A` or `B`.
    pub side: String,
    /// When it began, in seconds since the session did.
    pub from: f64,
    /// Its values, by figure.
    pub values: BTreeMap<String, f64>,
}

impl Comparison {
    /// Whether a threshold broke on B.
    pub fn is_broken(&self) -> bool {
        self.thresholds.iter().any(|threshold| !threshold.ok)
    }

    /// Whether nothing was compared, or something not at all, or so coarsely that not having found a difference means nothing.
    pub fn is_unclear(&self) -> bool {
        self.figures.is_empty()
            || !self.left_out.is_empty()
            || self.figures.iter().any(|figure| figure.verdict == Verdict::Unclear)
    }

    /// Whether B is slower, or takes more, in any figure.
    pub fn is_slower(&self) -> bool {
        self.figures.iter().any(|figure| figure.verdict == Verdict::Slower)
    }
}
