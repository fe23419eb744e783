//! `told`: whether an answer tells something, held against a setting that says whether it may.

use super::{With, text};
use crate::{
    expect::quote,
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_core::transcript::Exchange;
use serde_json::Value;

/// `by`: who asked. `path`: how the path that was asked for begins; of several such requests the last one counts. `at`:
/// JSON pointer to what its answer would tell. `allowed`: the setting, true or false. `refusal`: the error code with which a
/// server may say, as 403, that it does not tell; without it, it says so by a 200 without what `at` points to. Any other
/// answer says nothing of the setting, whatever the setting is: the check fails for want of it.
pub(super) fn check(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let (by, path, at) = (text(with, "by")?, text(with, "path")?, text(with, "at")?);
    let refusal = with.contains_key("refusal").then(|| text(with, "refusal")).transpose()?;
    let allowed = with.get("allowed").and_then(Value::as_bool);
    let allowed = allowed.ok_or_else(|| StepError::broken("the check needs `allowed`, true or false"))?;
    let exchanges = scene.stage.transcript().since(scene.stage.mark);
    let asked = |exchange: &Exchange| exchange.caller == by && exchange.path.starts_with(path);
    let exchange = exchanges.iter().rfind(|exchange| asked(exchange));
    let exchange = exchange.ok_or_else(|| StepError::broken(format!("{by} has not asked for {path}")))?;
    let answer = &exchange.response;
    let found = answer.pointer(at).filter(|value| !value.is_null());
    match (exchange.status(), refusal) {
        (Some(200), _) if answer.is_object() => {}
        (Some(403), Some(code)) if answer["errcode"] == code && found.is_none() => {}
        (status, _) => {
            let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
            return Err(StepError::Broken {
                reason: format!("the answer says nothing of the setting: {status} {}", quote(&answer.to_string())),
                exchanges: vec![exchange.id],
            });
        }
    }
    if found.is_some() == allowed {
        return Ok(Done { result: found.cloned().unwrap_or_default(), answer: None, flaw: None });
    }
    Err(StepError::Unmet {
        expected: format!("{at} is {}told, as the setting says", if allowed { "" } else { "not " }),
        seen: quote(&answer.to_string()),
        exchanges: vec![exchange.id],
    })
}
