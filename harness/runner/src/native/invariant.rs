//! Judges the whole transcript by one of the invariants of design.md §6. The rule is the last segment of the case's id.

use super::{With, text};
use crate::{
    outcome::{Done, StepError},
    standing,
    step::Scene,
};
use fedproof_core::{ServerName, invariant::Judgement};
use serde_json::json;

/// How many breaches are named.
const SHOWN: usize = 5;

/// `server`: whose conduct is judged. Result: how many things were judged, and what was not.
pub(crate) async fn check(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let server = ServerName::new(text(with, "server")?);
    let rule = scene.scope.case_slug;
    let judged = standing::judge(scene.stage.transcript(), rule, &server).await;
    let judgement = judged.ok_or_else(|| StepError::broken(format!("there is no invariant {rule:?}")))?;
    if !judgement.breaches.is_empty() {
        return Err(breached(scene, &judgement));
    }
    if judgement.judged == 0 {
        let unclear = unclear(&judgement);
        let reason = format!("{server}: nothing in this run could be judged{unclear}");
        for other in scene.stage.real.iter().filter(|other| **other != server) {
            let judged = standing::judge(scene.stage.transcript(), rule, other).await;
            if judged.is_some_and(|judgement| judgement.judged > 0) {
                return Err(StepError::Moot { reason: format!("{reason}; {other} is judged"), elsewhere: true });
            }
        }
        return Err(StepError::Moot { reason, elsewhere: false });
    }
    let result = json!({"judged": judgement.judged, "not_judged": judgement.not_judged});
    tracing::info!(rule, %server, judged = judgement.judged, not_judged = ?judgement.not_judged, "an invariant held");
    Ok(Done { result, answer: None, flaw: None })
}

fn breached(scene: &Scene<'_>, judgement: &Judgement) -> StepError {
    let breaches = &judgement.breaches;
    let transcript = scene.stage.transcript();
    let said = breaches.iter().take(SHOWN).map(|breach| {
        let exchange = transcript.since(breach.exchange).into_iter().next();
        let causes = scene.stage.diary.causes(breach, exchange.as_deref());
        format!("{} [exchange {}, {}]", breach.what, breach.exchange, standing::in_words(&causes))
    });
    let mut seen = said.collect::<Vec<_>>().join("; ");
    if breaches.len() > SHOWN {
        seen = format!("{seen}; and {} more", breaches.len() - SHOWN);
    }
    // The decisive exchange stands last.
    let exchanges = breaches.iter().take(SHOWN).rev().map(|breach| breach.exchange).collect();
    StepError::Unmet { expected: format!("no breach among {} judged", judgement.judged), seen, exchanges }
}

fn unclear(judgement: &Judgement) -> String {
    let parts: Vec<String> = judgement.not_judged.iter().map(|(why, count)| format!("{count} {why}")).collect();
    if parts.is_empty() { String::new() } else { format!(" (not judged: {})", parts.join(", ")) }
}
