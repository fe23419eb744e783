//! Always-on invariants over the traffic of a load.

use crate::Home;
use fedproof_core::invariant::{RULES, Transcribed};
use fedproof_gateway::Gateway;
use fedproof_results::load::InvariantResult;

/// Breaches of an invariant that are told.
const BREACHES: usize = 5;

/// The always-on invariants over the traffic that was kept.
pub(crate) async fn judge(gateway: &Gateway, homeservers: &[Home]) -> Vec<InvariantResult> {
    let transcript = gateway.transcript();
    let (exchanges, whole) = (transcript.since(0), !transcript.is_full());
    let names: Vec<_> = homeservers.iter().map(|one| (one.name().to_owned(), one.server_name().clone())).collect();
    let work = move || {
        let transcribed = Transcribed::new(&exchanges);
        let judge = |(name, server): &(String, _)| {
            let results = RULES.iter().filter_map(|(rule, judge)| {
                let judgement = judge(&transcribed, server);
                judgement.not_applicable.is_none().then(|| InvariantResult {
                    rule: (*rule).to_owned(),
                    server: name.clone(),
                    judged: judgement.judged,
                    breaches: judgement.breaches.iter().take(BREACHES).map(|breach| breach.what.clone()).collect(),
                    whole,
                })
            });
            results.collect::<Vec<_>>()
        };
        names.iter().flat_map(judge).collect()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
}
