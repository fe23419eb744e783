//! Verbs of a homeserver: its life cycle.

use crate::outcome::{Done, StepError};
use fedproof_deployment::Homeserver;
use fedproof_scenario::model::{Lifecycle, Verb};

/// Carries out a homeserver's verb.
pub(crate) async fn act(homeserver: &Homeserver, verb: Verb<'_>) -> Result<Done, StepError> {
    let Verb::Lifecycle(operation) = verb else {
        return Err(StepError::broken("a homeserver has no such verb"));
    };
    match operation {
        Lifecycle::Start => homeserver.start().await?,
        Lifecycle::Stop => homeserver.stop().await?,
        Lifecycle::Restart => homeserver.restart().await?,
        Lifecycle::Kill => homeserver.kill().await?,
        Lifecycle::Pause => homeserver.pause().await?,
        Lifecycle::Resume => homeserver.resume().await?,
    }
    Ok(Done::default())
}
