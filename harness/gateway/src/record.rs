//! From a request's beginning to its place in the transcript.

use bytes::Bytes;
use fedproof_core::{
    ServerName,
    transcript::{Api, Authorization, Begun, Exchange, Outcome, Transcript},
};
use serde_json::Value;
use std::sync::Arc;

/// An exchange under way. However it ends it is recorded, also when its future is dropped.
pub(crate) struct Pending {
    transcript: Transcript,
    request: Bytes,
    /// `None` once recorded.
    exchange: Option<Exchange>,
}

impl Pending {
    /// Starts the clock, and notes the request as begun.
    pub(crate) fn begin(
        transcript: &Transcript,
        caller: &ServerName,
        destination: &ServerName,
        method: &str,
        path: &str,
        origin: Option<ServerName>,
    ) -> Self {
        let begun = Begun {
            caller: caller.to_string(),
            destination: destination.clone(),
            method: method.to_owned(),
            path: path.to_owned(),
        };
        transcript.note_begun(begun.clone());
        let mut pending = Self::begin_in(transcript, Api::Federation, begun);
        if let Some(exchange) = &mut pending.exchange {
            exchange.origin = origin;
        }
        pending
    }

    /// Starts the clock of a request to whatever API.
    pub(crate) fn begin_in(transcript: &Transcript, api: Api, begun: Begun) -> Self {
        let Begun { caller, destination, method, path } = begun;
        let exchange = Exchange {
            id: 0,
            api,
            caller,
            origin: None,
            authorization: None,
            destination,
            method,
            path,
            request: Value::Null,
            outcome: went_away(),
            response: Value::Null,
            started_us: transcript.now_us(),
            duration_us: 0,
        };
        Self { transcript: transcript.clone(), request: Bytes::new(), exchange: Some(exchange) }
    }

    /// Notes who signed the request, and for whom.
    pub(crate) fn signed(&mut self, authorization: Option<Authorization>) {
        if let Some(exchange) = &mut self.exchange {
            exchange.authorization = authorization;
        }
    }

    /// Notes the request's body, once it is there.
    pub(crate) fn request(&mut self, body: Bytes) {
        self.request = body;
    }

    /// What to record if the exchange ends right now without an answer; `None` is the caller's going away.
    pub(crate) fn presume(&mut self, outcome: Option<Outcome>) {
        if let Some(exchange) = &mut self.exchange {
            exchange.outcome = outcome.unwrap_or_else(went_away);
        }
    }

    /// Records the end.
    pub(crate) fn finish(mut self, outcome: Outcome, response: Value) -> Arc<Exchange> {
        let Some(mut exchange) = self.exchange.take() else { unreachable!("only an end takes the exchange") };
        exchange.outcome = outcome;
        exchange.response = response;
        self.record(exchange)
    }

    /// Records that the time limit passed; if a fault held the exchange back, that is what is recorded.
    pub(crate) fn finish_late(mut self, error: String) {
        if let Some(exchange) = &mut self.exchange
            && !matches!(exchange.outcome, Outcome::Faulted { .. })
        {
            exchange.outcome = Outcome::Failed { error };
        }
    }

    /// Ends without a record: nothing worth one happened.
    pub(crate) fn forget(mut self) {
        self.exchange = None;
    }

    fn record(&mut self, mut exchange: Exchange) -> Arc<Exchange> {
        exchange.request = json(&self.request);
        exchange.duration_us = self.transcript.now_us().saturating_sub(exchange.started_us);
        self.transcript.record(exchange)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            self.record(exchange);
        }
    }
}

fn went_away() -> Outcome {
    Outcome::Failed { error: "the caller went away".into() }
}

/// A body as the transcript has it: its JSON, `Null` if empty, otherwise text.
pub(crate) fn json(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    match (serde_json::from_slice(body), std::str::from_utf8(body)) {
        (Ok(json), _) => json,
        (Err(_), Ok(text)) => text.into(),
        (Err(_), Err(_)) => format!("[{} bytes that are no text]", body.len()).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bodies_are_json_or_text() {
        for (body, expected) in [
            (&b""[..], Value::Null),
            (b"{\"a\": 1}", json!({"a": 1})),
            (b"<html>", json!("<html>")),
            (b"\xff\xfe", json!("[2 bytes that are no text]")),
        ] {
            assert_eq!(super::json(body), expected);
        }
    }

    #[test]
    fn a_dropped_exchange_is_recorded_too() {
        let transcript = Transcript::default();
        let (a, b) = ("a.example".into(), "b.example".into());
        let mut pending = Pending::begin(&transcript, &a, &b, "GET", "/", None);
        pending.request("{}".into());
        drop(pending);
        let exchange = transcript.since(0).pop().unwrap();
        assert_eq!((exchange.request.clone(), exchange.outcome.clone()), (json!({}), went_away()));
        Pending::begin(&transcript, &a, &b, "GET", "/", None).finish(Outcome::Retired, json!(1));
        assert_eq!(transcript.len(), 2);
    }
}
