//! Verbs of a homeserver: its life cycle.

use crate::{
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_deployment::{DeploymentError, Home, Homeserver};
use fedproof_scenario::model::{Lifecycle, Verb};

/// Carries out a homeserver's verb.
pub(crate) async fn act(scene: &Scene<'_>, homeserver: &Home, verb: Verb<'_>) -> Result<Done, StepError> {
    let Verb::Lifecycle(operation) = verb else {
        return Err(StepError::broken("a homeserver has no such verb"));
    };
    let not_ours = || StepError::broken(format!("somebody else started {}", homeserver.name()));
    let homeserver = homeserver.booted().ok_or_else(not_ours)?;
    if matches!(operation, Lifecycle::Start | Lifecycle::Restart | Lifecycle::Upgrade) {
        scene.stage.diary.start(homeserver.server_name(), scene.stage.transcript().now_us());
    }
    match operation {
        Lifecycle::Start => homeserver.start().await?,
        Lifecycle::Stop => homeserver.stop().await?,
        Lifecycle::Restart => homeserver.restart().await?,
        Lifecycle::Kill => homeserver.kill().await?,
        Lifecycle::Pause => homeserver.pause().await?,
        Lifecycle::Resume => homeserver.resume().await?,
        Lifecycle::CutOff => homeserver.cut_off().await?,
        Lifecycle::Reconnect => homeserver.reconnect().await?,
        Lifecycle::Upgrade => upgrade(homeserver).await?,
    }
    Ok(Done::default())
}

/// That the later release starts on the database is not ours to bring about, but what is asked of it.
async fn upgrade(homeserver: &Homeserver) -> Result<(), StepError> {
    homeserver.upgrade().await.map_err(|error| match error {
        DeploymentError::EndedAtStart { .. } | DeploymentError::NotReady { .. } => StepError::Unmet {
            expected: "the later release starts on the database".to_owned(),
            seen: error.to_string(),
            exchanges: Vec::new(),
        },
        error => error.into(),
    })
}
