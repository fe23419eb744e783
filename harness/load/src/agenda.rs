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
    /// Who waits until something is due waits no longer when this becomes true.
    halt: watch::Sender<bool>,
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
    /// Phases from this one on wait until they are let go.
    held: usize,
    /// From which phase on all is due later than it was drawn, and by how much.
    later: Vec<(usize, Duration)>,
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
    /// Its phase, and when it is due by the schedule as it was drawn: [`Agenda::due`] tells when that is.
    pub(crate) fn drawn(&self) -> (usize, Duration) {
        match self {
            Self::Open(arrival) => (arrival.phase, arrival.due),
            Self::Closed(turn, _) => (turn.phase, turn.due),
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
            held: usize::MAX,
            later: Vec::new(),
        };
        Self {
            began: OnceLock::new(),
            list: Mutex::new(list),
            changed: Notify::new(),
            lateness: Mutex::new(crate::recorder::histogram()),
            next_number: next_number.into(),
            halt: watch::Sender::new(false),
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

    /// Hands out nothing of phases from `phase` on before they are let go.
    pub(crate) fn hold(&self, phase: usize) {
        self.list().held = phase;
    }

    /// Lets phases before `until` go, due so much later than they were drawn; the others are held still.
    pub(crate) fn let_go(&self, until: usize, later: Duration) {
        let mut list = self.list();
        let from = list.held;
        list.later.push((from, later));
        list.held = until;
        drop(list);
        self.changed.notify_waiters();
    }

    /// When what was drawn for a moment of a phase is due.
    pub(crate) fn due(&self, (phase, drawn): (usize, Duration)) -> Instant {
        self.began() + drawn + self.list().later(phase)
    }

    /// What time it is for the schedule of a phase as it was drawn.
    pub(crate) fn now_in(&self, phase: usize) -> Duration {
        let later = self.list().later(phase);
        self.now().saturating_sub(later)
    }

    /// Waits for the next task until it is due; `None` when there will be no more.
    pub(crate) async fn next(&self) -> Option<Task> {
        loop {
            let changed = self.changed.notified();
            if self.began.get().is_none() && !self.list().stopped {
                changed.await;
                continue;
            }
            let (task, is_over) = {
                let mut list = self.list();
                (list.take(), list.is_over())
            };
            match task {
                Some(task) => {
                    let task = match task {
                        Task::Closed(turn, _) => Task::Closed(turn, self.next_number.fetch_add(1, Ordering::Relaxed)),
                        open => open,
                    };
                    self.wait(self.due(task.drawn())).await;
                    if self.list().stopped {
                        self.over(None);
                        return None;
                    }
                    return Some(task);
                }
                None if is_over => {
                    self.changed.notify_waiters();
                    return None;
                }
                None => changed.await,
            }
        }
    }

    /// Waits until then, or until nothing more is handed out.
    async fn wait(&self, due: Instant) {
        if Instant::now() >= due {
            // Nobody was free in time: the server's backlog, not a late generator.
            return;
        }
        let mut halt = self.halt.subscribe();
        tokio::select! {
            biased;
            _ = halt.wait_for(|halt| *halt) => return,
            () = sleep_until(due) => {}
        }
        let late = u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.lateness.lock().unwrap_or_else(PoisonError::into_inner).saturating_record(late.max(1));
    }

    /// A task is over; a closed user comes again, or never again.
    ///
    /// Who waits is woken only if that is news to anybody: a wake for each request cost more than all else here.
    pub(crate) fn over(&self, again: Option<Turn>) {
        let mut list = self.list();
        list.out -= 1;
        list.closed.extend(again.map(Reverse));
        let is_news = again.is_some() || list.out == 0;
        drop(list);
        if is_news {
            self.changed.notify_waiters();
        }
    }

    /// Nothing more is handed out. Gives the open arrivals that were due and that nobody got to.
    pub(crate) fn stop(&self) -> Vec<Arrival> {
        let now = self.now();
        let mut list = self.list();
        list.stopped = true;
        let left = list.backlog(now);
        drop(list);
        self.halt.send_replace(true);
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

    /// Waits until all of the phases that were let go was handed out and is over.
    pub(crate) async fn answered(&self) {
        self.until(List::is_answered).await;
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
        let closed = self.closed.peek().map(|Reverse(turn)| *turn).filter(|turn| turn.phase < self.held);
        match (self.peeked.filter(|arrival| arrival.phase < self.held), closed) {
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
        let is_due = |arrival: &&Arrival| arrival.phase < self.held && arrival.due + self.later(arrival.phase) <= now;
        waiting.take_while(is_due).copied().collect()
    }

    fn later(&self, phase: usize) -> Duration {
        let of = self.later.iter().rev().find(|(from, _)| *from <= phase);
        of.map_or(Duration::ZERO, |(_, later)| *later)
    }

    fn is_answered(&self) -> bool {
        let open = self.peeked.iter().chain(self.open.as_slice()).next();
        let is_left = open.is_some_and(|arrival| arrival.phase < self.held)
            || self.closed.peek().is_some_and(|Reverse(turn)| turn.phase < self.held);
        self.stopped || (self.out == 0 && !is_left)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operation::Operation;
    use std::sync::Arc;

    fn arrival(number: u64, phase: usize, due_ms: u64) -> Arrival {
        Arrival { number, due: Duration::from_millis(due_ms), phase, operation: Operation::Send }
    }

    #[tokio::test]
    async fn a_phase_that_is_held_is_due_later_and_its_wait_is_nobodys_latency() {
        let agenda = Agenda::new(vec![arrival(0, 0, 10), arrival(1, 1, 1000), arrival(2, 1, 1100)], Vec::new());
        agenda.hold(1);
        // The first phase is long over: by what was drawn, all would be due.
        agenda.begin(Instant::now().checked_sub(Duration::from_secs(30)).expect("a clock that has run so long"));
        assert!(matches!(agenda.next().await, Some(Task::Open(Arrival { number: 0, .. }))));
        assert_eq!(agenda.backlog(), [], "nothing of a phase that is held is due");
        let let_go = async {
            agenda.over(None);
            agenda.answered().await;
            let now = Instant::now();
            agenda.let_go(2, agenda.now() - Duration::from_millis(990));
            now
        };
        let (next, let_go) = tokio::join!(agenda.next(), let_go);
        let task = next.expect("it was let go");
        let due = agenda.due(task.drawn());
        assert!(due > let_go && task.drawn() == (1, Duration::from_secs(1)), "{task:?}");
        assert_eq!(agenda.due((1, Duration::from_millis(1100))) - due, Duration::from_millis(100), "as it was drawn");
    }

    #[tokio::test]
    async fn closed_users_of_a_phase_that_is_held_wait_too() {
        let turn = |phase| Turn { due: Duration::ZERO, phase, user: 0 };
        let agenda = Agenda::new(Vec::new(), vec![turn(0), turn(1)]);
        agenda.hold(1);
        agenda.begin(Instant::now());
        assert!(matches!(agenda.next().await, Some(Task::Closed(Turn { phase: 0, .. }, 0))));
        agenda.over(None);
        agenda.answered().await;
        agenda.let_go(2, Duration::ZERO);
        assert!(matches!(agenda.next().await, Some(Task::Closed(Turn { phase: 1, .. }, 1))));
    }

    /// Far more than anything here takes, and far less than the arrivals are away.
    const PATIENT: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn who_waits_for_a_far_arrival_leaves_when_all_is_stopped() {
        let due = Duration::from_secs(3600);
        let arrival = arrival(0, 0, 3_600_000);
        let turn = Turn { due, phase: 0, user: 0 };
        let agenda = Arc::new(Agenda::new(vec![arrival], vec![turn]));
        agenda.begin(Instant::now());
        let worker = || {
            tokio::spawn({
                let agenda = agenda.clone();
                async move { agenda.next().await.is_none() }
            })
        };
        let workers = [worker(), worker(), worker()];
        // Two have a task each, for which they wait; the third waits for one.
        while agenda.list().out < 2 {
            tokio::task::yield_now().await;
        }
        assert!(agenda.stop().is_empty(), "nothing was due");
        for worker in workers {
            assert!(tokio::time::timeout(PATIENT, worker).await.unwrap().unwrap(), "it got nothing to do");
        }
        tokio::time::timeout(PATIENT, agenda.idle()).await.unwrap();
    }
}
