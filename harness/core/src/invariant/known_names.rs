//! `invariant/known-names`: no server contacts a name outside the deployment.
//!
//! A policy, not the specification's: in an open federation a server asks whomever its rooms name. The gateway
//! refuses such contact and keeps it as evidence; names of finished cases are known.

use super::{Judgement, Transcribed};
use crate::{ServerName, transcript::Outcome};
use serde_json::Value;

pub(super) fn judge(transcript: &Transcribed<'_>, server: &ServerName) -> Judgement {
    let mut judgement = Judgement::default();
    for exchange in transcript.sent_by(server) {
        if exchange.outcome == Outcome::UnknownName {
            let name = &exchange.destination;
            let what = format!("{server} asked for {name}, which is no part of the deployment ({})", exchange.method);
            judgement.broken(exchange, what, &Value::Null);
        } else {
            judgement.held();
        }
    }
    judgement
}

#[cfg(test)]
mod tests {
    use crate::{
        invariant::testing::{Play, breaches},
        transcript::{Exchange, Outcome},
    };
    use serde_json::json;

    #[test]
    fn a_retired_name_is_known_and_another_is_not() {
        let mut play = Play::default();
        play.transaction("s", "d", json!([]), json!([]));
        let like = play.exchanges[0].as_ref().clone();
        play.add(Exchange { outcome: Outcome::Retired, ..like.clone() });
        let leak = play.add(Exchange { outcome: Outcome::UnknownName, ..like.clone() });
        play.add(Exchange { outcome: Outcome::UnknownName, caller: "d".into(), ..like });
        assert_eq!(breaches(&play, "known-names", "s"), (2, vec![leak]));
    }
}
