//! `limit` in `load.json`: the highest rate that held.

use super::ThresholdResult;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a search for the limit found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Limit {
    /// The highest rate at which every threshold held, in operations a second; `None` if the first did not hold.
    pub held: Option<f64>,
    /// The lowest rate at which one did not; `None` if all held.
    pub broke: Option<f64>,
    /// Which thresholds broke there, with what was seen.
    pub broken: Vec<ThresholdResult>,
    /// Every step, in its order.
    pub steps: Vec<LimitStep>,
    /// The profile of the homeserver under test at the rate that broke: a file beside `load.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// What took its PostgreSQL's time meanwhile: a file beside `load.json`; `None` if its data is not in one, or it does not
    /// count statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<String>,
    /// Why there is no profile, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub no_profile_because: String,
}

/// One rate that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LimitStep {
    /// Operations a second that were due.
    pub rate: f64,
    /// Whether every threshold held.
    pub held: bool,
    /// Operations a second that succeeded.
    pub achieved: f64,
    /// The thresholds.
    pub thresholds: Vec<ThresholdResult>,
    /// Why it stopped early, or empty.
    pub stopped_because: String,
    /// Why the generator may have been the limit, and not the homeservers.
    pub doubts: Vec<String>,
}
