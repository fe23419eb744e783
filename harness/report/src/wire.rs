//! An exchange in words, the same in every report.

use crate::words::{duration_us, one_line};
use fedproof_core::transcript::{Exchange, Outcome};
use fedproof_results::Cut;
use serde_json::Value;

/// How it ended: `403 M_FORBIDDEN`, `no answer: connection refused`, ….
pub fn ending(exchange: &Exchange) -> String {
    match &exchange.outcome {
        Outcome::Answered { status } => match errcode(exchange) {
            Some(errcode) => format!("{status} {}", one_line(errcode, 60)),
            None => status.to_string(),
        },
        Outcome::UnknownName => "refused: the destination is no part of the deployment".into(),
        Outcome::Retired => "the destination belonged to a finished case".into(),
        Outcome::Faulted { fault } => format!("fault: {}", one_line(fault, 200)),
        Outcome::Failed { error } => format!("no answer: {}", one_line(error, 200)),
    }
}

/// The Matrix error code of the answer.
pub(crate) fn errcode(exchange: &Exchange) -> Option<&str> {
    exchange.response.get("errcode").and_then(Value::as_str)
}

/// `x1.denied.example → alpha.example, 403 M_FORBIDDEN after 3.2 ms`.
pub(crate) fn course(exchange: &Exchange) -> String {
    format!("{}, {} after {}", ends(exchange), ending(exchange), duration_us(exchange.duration_us))
}

/// `x1.denied.example → alpha.example`, with the claimed origin where it differs from the real caller.
pub fn ends(exchange: &Exchange) -> String {
    let caller = one_line(&exchange.caller, 100);
    let destination = one_line(exchange.destination.as_str(), 100);
    match &exchange.origin {
        Some(origin) if origin.as_str() != exchange.caller.to_ascii_lowercase() => {
            format!("{caller} (claims to be {}) → {destination}", one_line(origin.as_str(), 100))
        }
        _ => format!("{caller} → {destination}"),
    }
}

/// `GET /_matrix/…`.
pub fn request_line(exchange: &Exchange, limit: usize) -> String {
    format!("{} {}", one_line(&exchange.method, 20), one_line(&exchange.path, limit))
}

/// A body on one line, at most `limit` characters; `None` if there is none.
pub(crate) fn short_body(body: &Value, limit: usize) -> Option<String> {
    if body.is_null() {
        return None;
    }
    if let Some(cut) = Cut::of(body) {
        return Some(format!("{} ({} bytes)", one_line(cut.begins, limit), cut.bytes));
    }
    Some(one_line(&body.to_string(), limit))
}

/// A body for reading, at most `limit` bytes, and the length of the whole in bytes if that is longer.
pub fn pretty_body(body: &Value, limit: usize) -> Option<(String, Option<u64>)> {
    if body.is_null() {
        return None;
    }
    let (text, mut whole) = match Cut::of(body) {
        Some(cut) => (cut.begins.to_owned(), Some(cut.bytes)),
        None => (serde_json::to_string_pretty(body).unwrap_or_else(|_| body.to_string()), None),
    };
    if text.len() > limit {
        whole = whole.or(Some(body.to_string().len() as u64));
    }
    Some((text[..text.floor_char_boundary(limit)].to_owned(), whole))
}
