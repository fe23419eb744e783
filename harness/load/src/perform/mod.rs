//! Carrying out one operation: a client's ([`clients`]) or a virtual server's ([`virtual_servers`]).

mod clients;
mod virtual_servers;

use crate::{context::Context, http::Reason, operation::Operation, population::Room, schedule::Draw};
use reqwest::Method;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

pub(crate) use clients::MEDIA_BYTES;

/// One operation that is due.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) context: &'a Context,
    pub(crate) operation: Operation,
    pub(crate) number: u64,
    pub(crate) draw: Draw,
    pub(crate) due: Instant,
    pub(crate) measured: bool,
}

impl Job<'_> {
    /// Does it, to the last byte of the answer, unless it takes too long.
    pub(crate) async fn perform(self) -> Result<(), Reason> {
        match self.operation {
            // They wait for their turn, which is no request yet.
            Operation::Transaction => self.transaction().await,
            _ => self.in_time(self.do_now()).await?,
        }
    }

    async fn in_time<T>(self, work: impl Future<Output = T>) -> Result<T, Reason> {
        let limit = self.context.stage.give_up;
        tokio::time::timeout(limit, work).await.map_err(|_| Reason::no_answer(limit))
    }

    async fn do_now(self) -> Result<(), Reason> {
        match self.operation {
            Operation::Login => self.login().await,
            Operation::InitialSync => self.initial_sync().await,
            Operation::IncrementalSync => self.incremental_sync().await,
            Operation::SlidingSync => self.sliding_sync().await,
            Operation::Send => self.send(self.room(&self.context.stage.population.real_rooms)).await,
            Operation::FanOut => self.send(self.room(&self.context.stage.population.virtual_rooms)).await,
            Operation::Typing => self.typing().await,
            Operation::Receipt => self.receipt("receipt/m.read", "{}".into(), Method::POST).await,
            Operation::ReadMarker => self.read_marker().await,
            Operation::MediaUpload => self.upload().await,
            Operation::MediaDownload => self.download().await,
            Operation::Transaction => self.transaction().await,
            Operation::RemoteJoin => self.remote_join().await,
            Operation::Backfill => self.ask_about_room("backfill", |head| format!("v={head}&limit=100")).await,
            Operation::StateIds => self.ask_about_room("state_ids", |head| format!("event_id={head}")).await,
            Operation::KeyQuery => self.key_query().await,
        }
    }

    fn below(self, purpose: &str, bound: usize) -> usize {
        usize::try_from(self.draw.below(purpose, bound as u64)).unwrap_or_default()
    }

    fn user(self) -> usize {
        self.draw.user(self.context.stage.population.users.len())
    }

    fn room(self, of: &[usize]) -> usize {
        of.get(self.below("room", of.len())).copied().unwrap_or_default()
    }

    /// A member of a room, drawn.
    fn member(self, room: &Room) -> usize {
        room.members[self.below("member", room.members.len())]
    }
}

pub(crate) fn lock<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
