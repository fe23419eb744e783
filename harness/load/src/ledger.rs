//! What was sent and has not been seen by everybody yet.

use crate::{recorder::Recorder, series::Series};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::Notify, time::Instant};

/// Key in the content of every event of a load, with its run and its number.
pub(crate) const MARK: &str = "org.fedproof.load";

/// Waits for the watchers and the virtual servers.
pub(crate) struct Ledger {
    recorder: Arc<Recorder>,
    open: Mutex<HashMap<u64, Entry>>,
    changed: Notify,
}

/// An event that is under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// When it was due.
    pub(crate) due: Instant,
    /// Whether it is from a measured phase.
    pub(crate) measured: bool,
    /// The homeserver of its sender; `None` for a virtual server's.
    pub(crate) home: Option<usize>,
    /// Watchers on the sender's homeserver, and on others, that should see it.
    pub(crate) local: usize,
    pub(crate) remote: usize,
    /// Virtual servers that should get it, and how many have.
    pub(crate) deliveries: usize,
    pub(crate) delivered: usize,
}

impl Ledger {
    pub(crate) fn new(recorder: Arc<Recorder>) -> Self {
        Self { recorder, open: Mutex::default(), changed: Notify::new() }
    }

    /// An event is about to be sent.
    pub(crate) fn expect(&self, number: u64, entry: Entry) {
        if entry.local + entry.remote + entry.deliveries > 0 {
            self.open().insert(number, entry);
        }
    }

    /// It was refused: nobody will see it.
    pub(crate) fn forget(&self, number: u64) {
        self.open().remove(&number);
        self.changed.notify_waiters();
    }

    /// A watcher on `home` saw it.
    pub(crate) fn seen(&self, number: u64, home: usize) {
        let now = Instant::now();
        let mut open = self.open();
        let Some(entry) = open.get_mut(&number) else { return };
        let (series, left) = match entry.home {
            None => (Series::SeenInbound, &mut entry.remote),
            Some(sender) if sender == home => (Series::SeenLocal, &mut entry.local),
            Some(_) => (Series::SeenRemote, &mut entry.remote),
        };
        // A limited timeline may show an event twice.
        let Some(rest) = left.checked_sub(1) else { return };
        *left = rest;
        let entry = *entry;
        self.settle(open, number, entry);
        self.recorder.record(series, now - entry.due, entry.measured);
    }

    /// A virtual server got it.
    pub(crate) fn delivered(&self, number: u64) {
        let now = Instant::now();
        let mut open = self.open();
        let Some(entry) = open.get_mut(&number) else { return };
        if entry.delivered >= entry.deliveries {
            return;
        }
        entry.delivered += 1;
        let entry = *entry;
        self.settle(open, number, entry);
        if entry.delivered == 1 {
            self.recorder.record(Series::FirstDelivery, now - entry.due, entry.measured);
        }
        if entry.delivered == entry.deliveries {
            self.recorder.record(Series::LastDelivery, now - entry.due, entry.measured);
        }
    }

    fn settle(&self, mut open: MutexGuard<'_, HashMap<u64, Entry>>, number: u64, entry: Entry) {
        if entry.local + entry.remote == 0 && entry.delivered == entry.deliveries {
            open.remove(&number);
            drop(open);
            self.changed.notify_waiters();
        }
    }

    /// Waits until everything was seen.
    pub(crate) async fn settled(&self) {
        loop {
            let changed = self.changed.notified();
            if self.open().is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// Events of measured phases that somebody should have seen and did not.
    pub(crate) fn lost(&self) -> u64 {
        self.open().values().filter(|entry| entry.measured).count() as u64
    }

    fn open(&self) -> MutexGuard<'_, HashMap<u64, Entry>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
