//! Where workers of a session find the play that is on.

use crate::{agenda::Task, context::Context};
use std::sync::Arc;
use tokio::sync::watch;

/// What is on now.
#[derive(Clone)]
enum On {
    Nothing,
    Play(Arc<Context>),
    /// There will be no more.
    Closed,
}

/// One play after the other.
pub(crate) struct Desk {
    on: watch::Sender<On>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self { on: watch::Sender::new(On::Nothing) }
    }

    /// A play is on; nothing of it is handed out before its agenda begins.
    pub(crate) fn open(&self, play: Arc<Context>) {
        self.on.send_replace(On::Play(play));
    }

    /// The play is over.
    pub(crate) fn clear(&self) {
        self.on.send_replace(On::Nothing);
    }

    /// The session is over.
    pub(crate) fn close(&self) {
        self.on.send_replace(On::Closed);
    }

    /// Waits for what is due next, through all plays; `None` when the session is over.
    pub(crate) async fn next(&self) -> Option<(Arc<Context>, Task)> {
        let mut on = self.on.subscribe();
        loop {
            let now = on.borrow_and_update().clone();
            match now {
                On::Closed => return None,
                On::Nothing => {}
                On::Play(play) => {
                    if let Some(task) = play.agenda.next().await {
                        return Some((play, task));
                    }
                }
            }
            on.changed().await.ok()?;
        }
    }
}
