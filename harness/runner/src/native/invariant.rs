//! Judges the whole transcript by one of the invariants. The rule is the case's id without `invariant/`.

use super::{With, text};
use crate::{
    outcome::{Done, StepError},
    standing::{self, Court},
    step::Scene,
};
use fedproof_core::{
    ServerName,
    invariant::{Judgement, RULES},
};
use fedproof_deployment::Home;
use serde_json::json;

/// How many breaches are named.
const SHOWN: usize = 5;

/// `server`: whose conduct is judged. Result: how many things were judged, and what was not.
pub(crate) async fn check(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let (server, court) = (ServerName::new(text(with, "server")?), &scene.stage.court);
    let name = scene.scope.row.strip_prefix(standing::AREA).unwrap_or_default();
    let known = RULES.iter().map(|(rule, _)| *rule).find(|rule| *rule == name);
    let rule = known.ok_or_else(|| StepError::broken(format!("there is no invariant {name:?}")))?;
    let (judged, others): (Vec<_>, Vec<_>) =
        court.homeservers.iter().partition(|homeserver| *homeserver.server_name() == server);
    let judgement = match judged.first() {
        Some(homeserver) => judge(court, rule, homeserver).await,
        None => return Err(StepError::broken(format!("{server} is no homeserver of this deployment"))),
    };
    if let Some(reason) = judgement.not_applicable {
        return Err(StepError::Moot { reason: reason.to_owned(), elsewhere: true });
    }
    if !judgement.breaches.is_empty() {
        return Err(breached(scene, &judgement));
    }
    if judgement.judged == 0 {
        let reason = format!("{server}: nothing in this run could be judged{}", unclear(&judgement));
        for other in others {
            if judge(court, rule, other).await.judged > 0 {
                let reason = format!("{reason}; {} is judged", other.server_name());
                return Err(StepError::Moot { reason, elsewhere: true });
            }
        }
        return Err(StepError::Moot { reason, elsewhere: false });
    }
    let result = json!({"judged": judgement.judged, "not_judged": judgement.not_judged});
    tracing::info!(rule, %server, judged = judgement.judged, not_judged = ?judgement.not_judged, "an invariant held");
    Ok(Done { result, answer: None, flaw: None })
}

async fn judge(court: &Court, rule: &'static str, homeserver: &Home) -> Judgement {
    court.judge(&[rule], homeserver).await.pop().map(|(_, judgement)| judgement).unwrap_or_default()
}

fn breached(scene: &Scene<'_>, judgement: &Judgement) -> StepError {
    let breaches = &judgement.breaches;
    let transcript = scene.stage.transcript();
    let said = breaches.iter().take(SHOWN).map(|breach| {
        let exchange = standing::evidence(transcript, breach);
        let causes = scene.stage.diary.causes(breach, exchange.as_deref());
        let place = breach.exchange.map_or_else(String::new, |id| format!("exchange {id}, "));
        format!("{} [{place}{}]", breach.what, standing::in_words(&causes))
    });
    let mut seen = said.collect::<Vec<_>>().join("; ");
    if breaches.len() > SHOWN {
        seen = format!("{seen}; and {} more", breaches.len() - SHOWN);
    }
    // The decisive exchange stands last.
    let exchanges = breaches.iter().take(SHOWN).rev().filter_map(|breach| breach.exchange).collect();
    StepError::Unmet { expected: format!("no breach among {} judged", judgement.judged), seen, exchanges }
}

fn unclear(judgement: &Judgement) -> String {
    let parts: Vec<String> = judgement.not_judged.iter().map(|(why, count)| format!("{count} {why}")).collect();
    if parts.is_empty() { String::new() } else { format!(" (not judged: {})", parts.join(", ")) }
}
