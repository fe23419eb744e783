//! Makes long lists of long texts, which no scenario should spell out.

use super::{With, number, text};
use crate::outcome::{Done, StepError};
use serde_json::Value;

/// Result: a list of `entries` texts (1 if not said), each of them `text`, `times` times over.
pub(crate) fn repeat(with: &With) -> Result<Done, StepError> {
    let times = usize::try_from(number(with, "times", 1)).unwrap_or_default();
    let entries = usize::try_from(number(with, "entries", 1)).unwrap_or_default();
    let text = text(with, "text")?;
    if text.len().saturating_mul(times).saturating_mul(entries) > 1_000_000 {
        return Err(StepError::broken("that is more than a million bytes: no event may be so large"));
    }
    let list = vec![Value::from(text.repeat(times)); entries];
    Ok(Done { result: list.into(), answer: None, flaw: None })
}
