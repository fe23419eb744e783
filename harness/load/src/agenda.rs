//! What is due next, for whoever is free.

use crate::schedule::{Arrival, Draw};
use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until},
};

/// Open arrivals in order, and the turns of closed users.
pub(crate) struct Agenda {
    began: OnceLock<Instant>,
    list: Mutex<List>,
    changed: Notify,
    /// How late free workers woke, in microseconds: the generator's own fault.
    pub(crate) lateness: Mutex<hdrhistogram::Histogram<u64>>,
    next_number: AtomicU64,
    /// What is under way is cut off when this becomes true.
    cut: watch::Sender<bool>,
}

struct List {
    open: std::vec::IntoIter<Arrival>,
    peeked: Option<Arrival>,
    closed: BinaryHeap<Reverse<Turn>>,
    /// Tasks that were handed out and are not over.
    out: usize,
    stopped: bool,
}

/// A closed user's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    pub(crate) due: Duration,
    pub(crate) phase: usize,
    pub(crate) user: usize,
}

/// What a worker gets to do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task {
    Open(Arrival),
    /// The operation is drawn from the number.
    Closed(Turn, u64),
}

impl Task {
    pub(crate) fn due(&self) -> Duration {
        match self {
            Self::Open(arrival) => arrival.due,
            Self::Closed(turn, _) => turn.due,
        }
    }
}

impl Agenda {
    pub(crate) fn new(open: Vec<Arrival>, closed: Vec<Turn>) -> Self {
        let next_number = open.iter().map(|arrival| arrival.number + 1).max().unwrap_or(0);
        let list = List {
            open: open.into_iter(),
            peeked: None,
            closed: closed.into_iter().map(Reverse).collect(),
            out: 0,
            stopped: false,
        };
        Self {
            began: OnceLock::new(),
            list: Mutex::new(list),
            changed: Notify::new(),
            lateness: Mutex::new(crate::recorder::histogram()),
            next_number: next_number.into(),
            cut: watch::Sender::new(false),
        }
    }

    /// The clock of the arrivals begins; nothing is handed out before.
    pub(crate) fn begin(&self, at: Instant) {
        let _ = self.began.set(at);
        self.changed.notify_waiters();
    }

    /// When the load began.
    pub(crate) fn began(&self) -> Instant {
        self.began.get().copied().unwrap_or_else(Instant::now)
    }

    /// Waits for the next task until it is due; `None` when there will be no more.
    pub(crate) async fn next(&self) -> Option<Task> {
        loop {
            let changed = self.changed.notified();
            if self.began.get().is_none() && !self.list().stopped {
                changed.await;
                continue;
            }
            let task = self.list().take();
            match task {
                Some(task) => {
                    let task = match task {
                        Task::Closed(turn, _) => Task::Closed(turn, self.next_number.fetch_add(1, Ordering::Relaxed)),
                        open => open,
                    };
                    self.wait(task.due()).await;
                    if self.list().stopped {
                        self.over(None);
                        return None;
                    }
                    return Some(task);
                }
                None if self.list().is_over() => {
                    self.changed.notify_waiters();
                    return None;
                }
                None => changed.await,
            }
        }
    }

    async fn wait(&self, due: Duration) {
        let due = self.began() + due;
        if Instant::now() >= due {
            // Nobody was free in time: the server's backlog, not a late generator.
            return;
        }
        sleep_until(due).await;
        let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.lateness.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(late.max(1));
    }

    /// A task is over; a closed user comes again, or never again.
    pub(crate) fn over(&self, again: Option<Turn>) {
        let mut list = self.list();
        list.out -= 1;
        list.closed.extend(again.map(Reverse));
        drop(list);
        self.changed.notify_waiters();
    }

    /// Nothing more is handed out. Gives the open arrivals that were due and that nobody got to.
    pub(crate) fn stop(&self) -> Vec<Arrival> {
        let now = self.now();
        let mut list = self.list();
        list.stopped = true;
        let left = list.backlog(now);
        drop(list);
        self.changed.notify_waiters();
        left
    }

    /// Open arrivals that are due and were not handed out, because nobody was free.
    pub(crate) fn backlog(&self) -> Vec<Arrival> {
        let now = self.now();
        self.list().backlog(now)
    }

    fn now(&self) -> Duration {
        Instant::now().saturating_duration_since(self.began())
    }

    /// Ends everything that is under way: who waits for an answer waits no longer.
    pub(crate) fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Does it; nothing, if it was cut off.
    pub(crate) async fn until_cut<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut cut = self.cut.subscribe();
        tokio::select! {
            biased;
            done = work => Some(done),
            _ = cut.wait_for(|cut| *cut) => None,
        }
    }

    /// Waits until everything was handed out and is over.
    pub(crate) async fn drained(&self) {
        self.until(List::is_over).await;
    }

    /// Waits until nothing that was handed out is under way.
    pub(crate) async fn idle(&self) {
        self.until(|list| list.out == 0).await;
    }

    async fn until(&self, holds: impl Fn(&List) -> bool) {
        loop {
            let changed = self.changed.notified();
            if holds(&self.list()) {
                return;
            }
            changed.await;
        }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn take(&mut self) -> Option<Task> {
        if self.stopped {
            return None;
        }
        if self.peeked.is_none() {
            self.peeked = self.open.next();
        }
        let closed = self.closed.peek().map(|Reverse(turn)| *turn);
        match (self.peeked, closed) {
            (Some(arrival), Some(turn)) if arrival.due > turn.due => self.take_closed(),
            (Some(arrival), _) => {
                self.peeked = None;
                self.out += 1;
                Some(Task::Open(arrival))
            }
            (None, Some(_)) => self.take_closed(),
            (None, None) => None,
        }
    }

    fn backlog(&self, now: Duration) -> Vec<Arrival> {
        let waiting = self.peeked.iter().chain(self.open.as_slice());
        waiting.take_while(|arrival| arrival.due <= now).copied().collect()
    }

    fn take_closed(&mut self) -> Option<Task> {
        let Reverse(turn) = self.closed.pop()?;
        self.out += 1;
        Some(Task::Closed(turn, 0))
    }

    fn is_over(&self) -> bool {
        self.stopped || (self.peeked.is_none() && self.open.len() == 0 && self.closed.is_empty() && self.out == 0)
    }
}

/// The draw of a task's number.
pub(crate) fn draw(seed: u64, task: &Task) -> Draw {
    match task {
        Task::Open(arrival) => Draw::new(seed, arrival.number),
        Task::Closed(_, number) => Draw::new(seed, *number),
    }
}
