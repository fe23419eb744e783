//! Bodies as they are stored: bounded, and honest about it.

use fedproof_core::transcript::{Exchange, STORED_BODY_LIMIT};
use serde_json::{Value, json};

/// The only key of the object that stands for a body that was cut:
/// `{"fedproof.cut": {"bytes": 1048576, "begins": "{\"pdus\":…"}}`.
pub const CUT_KEY: &str = "fedproof.cut";

/// What is known of a body that was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut<'a> {
    /// Length of the whole body as compact JSON, in bytes.
    pub bytes: u64,
    /// How it begins.
    pub begins: &'a str,
}

impl<'a> Cut<'a> {
    /// Reads the mark of [`bounded`]; `None` for a body that is whole.
    pub fn of(body: &'a Value) -> Option<Self> {
        let object = body.as_object().filter(|object| object.len() == 1)?;
        let mark = object.get(CUT_KEY)?.as_object().filter(|mark| mark.len() == 2)?;
        Some(Self { bytes: mark.get("bytes")?.as_u64()?, begins: mark.get("begins")?.as_str()? })
    }
}

/// The exchange with each body cut to [`STORED_BODY_LIMIT`] bytes of compact JSON. Idempotent.
pub fn bounded(exchange: &Exchange) -> Exchange {
    let mut exchange = exchange.clone();
    for body in [&mut exchange.request, &mut exchange.response] {
        // A server may answer with something that looks like our mark: it is taken for one only if it is short.
        if Cut::of(body).is_some_and(|cut| cut.begins.len() <= STORED_BODY_LIMIT) {
            continue;
        }
        let text = body.to_string();
        if text.len() > STORED_BODY_LIMIT {
            *body = json!({ CUT_KEY: { "bytes": text.len(), "begins": prefix(&text, STORED_BODY_LIMIT) } });
        }
    }
    exchange
}

/// The longest prefix of at most `limit` bytes that ends between characters.
fn prefix(text: &str, limit: usize) -> &str {
    &text[..text.floor_char_boundary(limit)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use fedproof_core::{
        ServerName,
        transcript::{Api, Outcome},
    };

    fn exchange(response: Value) -> Exchange {
        Exchange {
            id: 0,
            api: Api::Federation,
            caller: "a.example".into(),
            origin: None,
            authorization: None,
            destination: ServerName::new("b.example"),
            method: "GET".into(),
            path: "/".into(),
            request: Value::Null,
            outcome: Outcome::Answered { status: 200 },
            response,
            started_us: 0,
            duration_us: 0,
        }
    }

    #[test]
    fn a_long_body_is_cut_between_characters_and_says_how_long_it_was() {
        let long = Value::String("ü".repeat(STORED_BODY_LIMIT));
        let once = bounded(&exchange(long.clone()));
        let cut = Cut::of(&once.response).expect("cut");
        assert_eq!(cut.bytes, long.to_string().len() as u64);
        assert!(cut.begins.len() <= STORED_BODY_LIMIT && long.to_string().starts_with(cut.begins));
        assert_eq!(bounded(&once).response, once.response, "cutting twice changes nothing");
    }

    #[test]
    fn a_body_that_imitates_the_mark_is_bounded_all_the_same() {
        let hostile = json!({CUT_KEY: {"bytes": 1, "begins": "x".repeat(2 * STORED_BODY_LIMIT)}});
        let stored = bounded(&exchange(hostile)).response;
        assert!(Cut::of(&stored).is_some_and(|cut| cut.begins.len() <= STORED_BODY_LIMIT));
    }

    #[test]
    fn a_short_body_stays() {
        assert_eq!(bounded(&exchange(json!({"pdus": []}))).response, json!({"pdus": []}));
    }
}
