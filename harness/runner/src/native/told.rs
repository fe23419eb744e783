//! `told`: whether an answer tells something, held against a setting that says whether it may.

use super::{With, text};
use crate::{
    expect::quote,
    outcome::{Done, StepError},
    step::Scene,
};
use serde_json::Value;

/// `answer`: an answer's body. `at`: JSON pointer to what it would tell. `allowed`: the setting, true or false.
pub(super) fn check(_: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let at = text(with, "at")?;
    let answer = with.get("answer").unwrap_or(&Value::Null);
    let allowed = with.get("allowed").and_then(Value::as_bool);
    let allowed = allowed.ok_or_else(|| StepError::broken("the check needs `allowed`, true or false"))?;
    let found = answer.pointer(at).filter(|value| !value.is_null());
    if found.is_some() == allowed {
        return Ok(Done { result: found.cloned().unwrap_or_default(), answer: None, flaw: None });
    }
    Err(StepError::Unmet {
        expected: format!("{at} is {}told, as the setting says", if allowed { "" } else { "not " }),
        seen: quote(&answer.to_string()),
        exchanges: Vec::new(),
    })
}
