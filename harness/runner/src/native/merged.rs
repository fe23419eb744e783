//! `merged`: a JSON value with another merged into it (RFC 7396), for what can only be written whole, such as power levels.

use super::With;
use crate::outcome::{Done, StepError};
use fedproof_core::merge::merge;

/// `value` with `patch` merged into it. Result: what comes of it.
pub(super) fn of(with: &With) -> Result<Done, StepError> {
    let given = |key: &str| with.get(key).ok_or_else(|| StepError::broken(format!("the check needs `{key}`")));
    let mut result = given("value")?.clone();
    merge(&mut result, given("patch")?);
    Ok(Done { result, ..Done::default() })
}
