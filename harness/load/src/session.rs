//! A session: goose's one attack, and the plays that follow each other in it, on each stage.

use crate::{
    desk::Desk,
    drive::{Crew, drive},
    run::LoadError,
    stage::Stage,
};
use std::sync::Arc;
use tokio::{sync::watch, task::JoinHandle};

/// Workers and watchers, from the first play to the last.
///
/// Watchers of every stage poll all the time, also while another stage is played on: an idle long poll is what most
/// clients do most of the time, costs a homeserver next to nothing, and is the same for all stages.
pub(crate) struct Session {
    /// One for each stage.
    desks: Vec<Arc<Desk>>,
    stages: Vec<Arc<Stage>>,
    driving: JoinHandle<()>,
    /// Why goose ended, once it did.
    ended: watch::Receiver<Option<Result<(), String>>>,
}

impl Session {
    /// Begins, with so many workers for each stage, and waits until all watchers watch.
    pub(crate) async fn begin(stages: Vec<Arc<Stage>>, workers: usize) -> Result<Self, LoadError> {
        let desks: Vec<Arc<Desk>> = stages.iter().map(|_| Arc::new(Desk::new())).collect();
        let crew = Crew::of(&desks, &stages, workers);
        let (sender, ended) = watch::channel(None);
        let driving = tokio::spawn(async move {
            let driven = drive(crew).await.map_err(|error| error.to_string());
            sender.send_replace(Some(driven));
        });
        let session = Self { desks, stages, driving, ended };
        for stage in &session.stages {
            tokio::select! {
                watching = stage.all_watch() => watching?,
                reason = session.broken() => return Err(LoadError::Goose(reason)),
            }
        }
        Ok(session)
    }

    /// Where the workers of a stage find what is on.
    pub(crate) fn desk(&self, stage: &Arc<Stage>) -> &Desk {
        let at = self.stages.iter().position(|one| Arc::ptr_eq(one, stage));
        &self.desks[at.unwrap_or_default()]
    }

    /// Waits until goose ends before it was told to; says why.
    pub(crate) async fn broken(&self) -> String {
        let mut ended = self.ended.clone();
        let why = ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        match why {
            Some(Err(error)) => format!("goose ended: {error}"),
            _ => "goose ended".to_owned(),
        }
    }

    /// Ends: workers and watchers leave.
    pub(crate) async fn end(self) -> Result<(), LoadError> {
        self.close();
        let mut ended = self.ended.clone();
        let driven = ended.wait_for(Option::is_some).await.ok().and_then(|ended| ended.clone());
        driven.unwrap_or(Ok(())).map_err(LoadError::Goose)
    }

    fn close(&self) {
        self.desks.iter().for_each(|desk| desk.close());
        self.stages.iter().for_each(|stage| {
            stage.over.send_replace(true);
        });
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
        self.driving.abort();
    }
}
