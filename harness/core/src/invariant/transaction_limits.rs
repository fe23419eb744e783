//! `invariant/transaction-limits`: at most 50 PDUs and 100 EDUs in a transaction.
//!
//! Server-server API, "Transactions".

use super::{Judgement, Transcribed};
use crate::ServerName;
use serde_json::json;

const PDU_LIMIT: usize = 50;
const EDU_LIMIT: usize = 100;

pub(super) fn judge(transcript: &Transcribed<'_>, server: &ServerName) -> Judgement {
    let mut judgement = Judgement::default();
    for exchange in transcript.sent_by(server).filter(|exchange| exchange.is_transaction()) {
        let (pdus, edus) = (exchange.pdus().len(), exchange.edus().len());
        if pdus > PDU_LIMIT || edus > EDU_LIMIT {
            let what =
                format!("a transaction with {pdus} PDUs and {edus} EDUs; {PDU_LIMIT} and {EDU_LIMIT} are allowed");
            let about = json!([exchange.pdus().first(), exchange.edus().first()]);
            judgement.broken(exchange, what, &about);
        } else {
            judgement.held();
        }
    }
    judgement
}

#[cfg(test)]
mod tests {
    use crate::invariant::testing::{Play, breaches};
    use serde_json::json;

    #[test]
    fn the_limits_themselves_are_allowed() {
        let mut play = Play::default();
        play.transaction("s", "d", json!(vec![json!({}); 50]), json!(vec![json!({}); 100]));
        assert_eq!(breaches(&play, "transaction-limits", "s"), (1, vec![]));
        let pdus = play.transaction("s", "d", json!(vec![json!({}); 51]), json!([]));
        let edus = play.transaction("s", "d", json!([]), json!(vec![json!({}); 101]));
        play.transaction("d", "s", json!(vec![json!({}); 51]), json!([]));
        assert_eq!(breaches(&play, "transaction-limits", "s"), (1, vec![pdus, edus]));
    }
}
