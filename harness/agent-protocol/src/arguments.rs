//! Arguments of commands that are more than a text or a number.

use serde::{Deserialize, Serialize};

/// Which client starts when: time is a parameter, never the clock.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// RFC 3339.
    pub now: String,
    /// The client's own version: major, minor, patch.
    pub version: String,
    /// As the maintenance document names it: `ios`, `android`.
    pub platform: String,
}

/// Hours of a week, by what the clock shows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// On which days they begin: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`.
    pub days: Vec<String>,
    /// `HH:MM`; this minute belongs to them.
    pub from: String,
    /// `HH:MM`; this minute does not. No later than `from`, it is the next day's.
    pub to: String,
}
