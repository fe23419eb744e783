//! Holding an answer against what a step expects of it.

use crate::outcome::{Answer, StepError};
use fedproof_scenario::model::{BodyCheck, Expect, Presence};
use serde_json::Value;

/// Longest piece of a body that is quoted in an error.
const QUOTE_LIMIT: usize = 300;

/// Checks an answer.
///
/// # Errors
/// [`StepError::Unmet`], saying everything that was expected and what came.
pub(crate) fn check(expect: &Expect, answer: &Answer) -> Result<(), StepError> {
    if meets(expect, answer) {
        return Ok(());
    }
    Err(StepError::Unmet {
        expected: describe(expect),
        seen: seen(expect, answer),
        exchanges: vec![answer.exchange.id],
    })
}

/// Whether an answer is as expected.
pub(crate) fn meets(expect: &Expect, answer: &Answer) -> bool {
    expect.status.is_none_or(|status| status == answer.status)
        && expect.errcode.as_deref().is_none_or(|errcode| answer.errcode() == Some(errcode))
        && expect.within_ms.is_none_or(|limit| answer.exchange.duration_us <= limit * 1000)
        && expect.body.iter().all(|check| body_holds(check, &answer.body))
}

pub(crate) fn body_holds(check: &BodyCheck, body: &Value) -> bool {
    let found = body.pointer(&check.at).filter(|value| !value.is_null());
    check.is.is_none_or(|presence| (presence == Presence::Present) == found.is_some())
        && check.equals.as_ref().is_none_or(|value| found == Some(value))
        && check.differs.as_ref().is_none_or(|value| found.is_some_and(|found| found != value))
        && check.contains.as_ref().is_none_or(|value| found.is_some_and(|found| contains(found, value)))
}

fn contains(found: &Value, value: &Value) -> bool {
    match (found, value) {
        (Value::Array(items), value) => items.contains(value),
        (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
        _ => false,
    }
}

/// An expectation in words.
fn describe(expect: &Expect) -> String {
    let mut parts = Vec::new();
    parts.extend(expect.status.map(|status| format!("status {status}")));
    parts.extend(expect.errcode.as_ref().map(|errcode| format!("errcode {errcode}")));
    parts.extend(expect.within_ms.map(|limit| format!("an answer within {limit} ms")));
    for check in &expect.body {
        let at = if check.at.is_empty() { "body" } else { &check.at };
        parts.extend(check.is.map(|presence| match presence {
            Presence::Present => format!("{at} present"),
            Presence::Absent => format!("{at} absent"),
        }));
        parts.extend(check.equals.as_ref().map(|value| format!("{at} = {value}")));
        parts.extend(check.differs.as_ref().map(|value| format!("{at} other than {value}")));
        parts.extend(check.contains.as_ref().map(|value| format!("{at} holding {value}")));
    }
    parts.join(", ")
}

/// What came, as the transcript has it: without secrets.
fn seen(expect: &Expect, answer: &Answer) -> String {
    let body = &answer.exchange.response;
    let mut text = format!("status {}", answer.status);
    if let Some(errcode) = answer.errcode() {
        text = format!("{text} {errcode}");
    }
    if expect.within_ms.is_some() {
        text = format!("{text} after {} ms", answer.exchange.duration_us / 1000);
    }
    for check in expect.body.iter().filter(|check| !body_holds(check, &answer.body)) {
        let found = body.pointer(&check.at).map_or("nothing".to_owned(), Value::to_string);
        text = format!("{text}, {} = {}", check.at, quote(&found));
    }
    if expect.body.is_empty() {
        text = format!("{text}, body {}", quote(&body.to_string()));
    }
    text
}

/// A text, shortened for an error.
pub(crate) fn quote(text: &str) -> String {
    match text.char_indices().nth(QUOTE_LIMIT) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
