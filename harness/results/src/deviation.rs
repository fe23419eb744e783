//! Known deviations: failures that somebody accepted, with a reason and for a while.
//!
//! Which failures those are is written in a profile (`fedproof_scenario::Profile`). A result carries what covers it,
//! already judged by the date of the run, so that the gate and every report read the same and know no clock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A day of the Gregorian calendar, written `2026-12-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no date: expected YEAR-MONTH-DAY, such as 2026-12-31")]
pub struct NoDay(String);

impl Day {
    /// A day by its numbers; `None` if the calendar has no such day.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 => 28 + u8::from(is_leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        (1..=days).contains(&day).then_some(Self { year, month, day })
    }

    /// The day of a time in RFC 3339 (`2026-12-31T12:00:00Z`).
    ///
    /// # Errors
    /// If it does not begin with a day.
    pub fn of_time(time: &str) -> Result<Self, NoDay> {
        time.split('T').next().unwrap_or_default().parse()
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let parts: Vec<&str> = text.split('-').collect();
        let day = match parts.as_slice() {
            [year, month, day] if [year.len(), month.len(), day.len()] == [4, 2, 2] => {
                let numbers = (year.parse().ok(), month.parse().ok(), day.parse().ok());
                if let (Some(year), Some(month), Some(day)) = numbers { Self::new(year, month, day) } else { None }
            }
            _ => None,
        };
        day.ok_or_else(|| NoDay(text.to_owned()))
    }
}

impl TryFrom<String> for Day {
    type Error = NoDay;

    fn try_from(text: String) -> Result<Self, NoDay> {
        text.parse()
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// What a profile says of a failure that was expected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Deviation {
    /// Why it is there.
    pub reason: String,
    /// Who accepted it.
    pub accepted_by: String,
    /// Last day on which it is accepted.
    pub expires: Day,
    /// Whether that day was over when the run began: then the failure gates again.
    pub expired: bool,
    /// Where to read on: a link, or a note.
    pub reference: String,
}

impl fmt::Display for Deviation {
    /// `Synapse before 1.153 … (accepted by N. N. until 2026-12-31; https://…)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reason, accepted_by, expires, reference, .. } = self;
        write!(f, "{reason} (accepted by {accepted_by} until {expires}; {reference})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for text in ["2026-12-31", "2024-02-29", "2000-02-29"] {
            assert_eq!(text.parse::<Day>().map(|day| day.to_string()), Ok(text.to_owned()));
        }
        for text in ["2026-02-29", "1900-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "31.12.2026", "", "2026-04-31"]
        {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
    }

    #[test]
    fn days_follow_one_another() {
        let day = |text: &str| text.parse::<Day>().expect("a day");
        assert!(day("2026-12-31") < day("2027-01-01"));
        assert!(day("2026-09-30") < day("2026-10-01"));
        assert_eq!(Day::of_time("2026-11-24T21:34:16Z"), Ok(day("2026-11-24")));
    }
}
