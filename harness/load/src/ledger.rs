//! What was sent and has not been seen by everybody yet.

use crate::{recorder::Recorder, series::Series};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::Notify, time::Instant};

/// Key in the content of every event of a load, with its run and its number.
pub(crate) const MARK: &str = "org.fedproof.load";

/// How long a homeserver may go on to give a virtual server the newest events only when that has all that it missed: it
/// looks once more before it believes it.
const LINGER: Duration = Duration::from_secs(5);

/// Waits for the watchers and the virtual servers.
pub(crate) struct Ledger {
    recorder: Arc<Recorder>,
    books: Mutex<Books>,
    changed: Notify,
}

#[derive(Default)]
struct Books {
    /// By number.
    open: HashMap<u64, Entry>,
    /// Virtual servers that receive late just now, and that receive nothing.
    slow: HashSet<usize>,
    out: HashSet<usize>,
    /// Virtual servers that missed something, by room, and what.
    behind: HashMap<usize, HashMap<String, BTreeSet<u64>>>,
    /// Virtual servers that have been out, who may be given the newest event only and fetch the others.
    were_out: HashMap<usize, Recovery>,
    /// What any virtual server received or fetched: they have one graph, and what is in it none of them fetches again.
    got: HashSet<u64>,
}

/// A virtual server after an outage.
#[derive(Default)]
struct Recovery {
    /// When its last outage ended, and whether the phase of that was measured.
    healed: Option<(Instant, bool)>,
    /// When it had all that it missed.
    caught_up: Option<Instant>,
    /// By room, the newest event that it received since.
    reached: HashMap<String, u64>,
}

impl Recovery {
    /// Whether an event may reach it by way of a later one.
    fn may_skip(&self, entry: &Entry) -> bool {
        self.caught_up.is_none_or(|caught_up| entry.due <= caught_up + LINGER)
    }
}

impl Books {
    /// A virtual server will not be given what it should have been given.
    fn missed(&mut self, server: usize, room: &str, number: u64) {
        self.behind.entry(server).or_default().entry(room.to_owned()).or_default().insert(number);
    }
}

/// An event that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// When it was due.
    pub(crate) due: Instant,
    /// Whether it is from a measured phase.
    pub(crate) measured: bool,
    /// Whether a virtual server sent it.
    pub(crate) is_inbound: bool,
    /// Watchers on the sender's homeserver, and on others, that should see it and have not: users by position, without the
    /// sender.
    pub(crate) local: HashSet<usize>,
    pub(crate) remote: HashSet<usize>,
    /// Its room.
    pub(crate) room: String,
    /// Virtual servers that should get it and have not, and how many have.
    pub(crate) receivers: HashSet<usize>,
    pub(crate) delivered: usize,
}

impl Entry {
    fn is_settled(&self) -> bool {
        self.local.is_empty() && self.remote.is_empty() && self.receivers.is_empty()
    }
}

impl Ledger {
    pub(crate) fn new(recorder: Arc<Recorder>) -> Self {
        Self { recorder, books: Mutex::default(), changed: Notify::new() }
    }

    /// An event is about to be sent. Who suffers a fault is not waited for.
    pub(crate) fn expect(&self, number: u64, mut entry: Entry) {
        let mut books = self.books();
        let (gone, slow) = (std::mem::take(&mut books.out), &books.slow);
        entry.receivers.retain(|server| !slow.contains(server));
        let missing = entry.receivers.extract_if(|server| gone.contains(server)).collect::<Vec<_>>();
        missing.into_iter().for_each(|server| books.missed(server, &entry.room, number));
        books.out = gone;
        if !entry.is_settled() {
            books.open.insert(number, entry);
        }
    }

    /// It was refused: nobody will see it.
    pub(crate) fn forget(&self, number: u64) {
        self.books().open.remove(&number);
        self.changed.notify_waiters();
    }

    /// A watcher saw it. Who should not, such as its sender, does not count, and nobody counts twice: a limited timeline may
    /// show an event again.
    pub(crate) fn seen(&self, number: u64, watcher: usize) {
        let now = Instant::now();
        let mut books = self.books();
        let Some(entry) = books.open.get_mut(&number) else { return };
        let series = match (entry.local.remove(&watcher), entry.remote.remove(&watcher)) {
            (true, _) => Series::SeenLocal,
            (_, true) if entry.is_inbound => Series::SeenInbound,
            (_, true) => Series::SeenRemote,
            _ => return,
        };
        self.recorder.record(series, now - entry.due, entry.measured);
        if entry.is_settled() {
            books.open.remove(&number);
            drop(books);
            self.changed.notify_waiters();
        }
    }

    /// A virtual server got it, in that room.
    pub(crate) fn delivered(&self, number: u64, server: usize, room: &str) {
        let now = Instant::now();
        let mut books = self.books();
        if let Some(entry) = books.open.get_mut(&number) {
            self.arrived(entry, server, now);
        }
        books.got.insert(number);
        if let Some(recovery) = books.were_out.get_mut(&server) {
            let reached = recovery.reached.entry(room.to_owned()).or_default();
            *reached = number.max(*reached);
            self.recover(&mut books, server, now);
        }
        books.open.retain(|_, entry| !entry.is_settled());
        drop(books);
        self.changed.notify_waiters();
    }

    /// A virtual server fetched it, because something later was sent to it: all that were sent that have it now.
    pub(crate) fn fetched(&self, number: u64) {
        let now = Instant::now();
        let mut books = self.books();
        if books.got.insert(number) {
            let servers: Vec<usize> = books.were_out.keys().copied().collect();
            servers.into_iter().for_each(|server| self.recover(&mut books, server, now));
            books.open.retain(|_, entry| !entry.is_settled());
        }
        drop(books);
        self.changed.notify_waiters();
    }

    fn arrived(&self, entry: &mut Entry, server: usize, now: Instant) {
        if !entry.receivers.remove(&server) {
            return;
        }
        entry.delivered += 1;
        if entry.delivered == 1 {
            self.recorder.record(Series::FirstDelivery, now - entry.due, entry.measured);
        }
        if entry.receivers.is_empty() {
            self.recorder.record(Series::LastDelivery, now - entry.due, entry.measured);
        }
    }

    /// What a virtual server that has been out has by now: in each room all until the newest that it received, as far as
    /// somebody received or fetched it.
    fn recover(&self, books: &mut Books, server: usize, now: Instant) {
        let Books { open, behind, were_out, got, out, .. } = books;
        let Some(recovery) = were_out.get_mut(&server) else { return };
        let has = |number: u64, room: &str| {
            got.contains(&number) && recovery.reached.get(room).is_some_and(|reached| number <= *reached)
        };
        let arrived = open.iter_mut().filter(|(number, entry)| has(**number, &entry.room) && recovery.may_skip(entry));
        arrived.for_each(|(_, entry)| self.arrived(entry, server, now));
        let mut caught_up = false;
        if let Some(missed) = behind.get_mut(&server) {
            missed.iter_mut().for_each(|(room, numbers)| numbers.retain(|number| !has(*number, room)));
            missed.retain(|_, numbers| !numbers.is_empty());
            caught_up = missed.is_empty();
        }
        if caught_up {
            behind.remove(&server);
            if let Some((healed, measured)) = recovery.healed {
                self.recorder.record(Series::CaughtUp, now.saturating_duration_since(healed), measured);
            }
        }
        if !behind.contains_key(&server) && !out.contains(&server) && recovery.caught_up.is_none() {
            recovery.caught_up = Some(now);
        }
    }

    /// A fault begins. What is under way to those who are out will not reach them while it lasts.
    pub(crate) fn faulted(&self, slow: &HashSet<usize>, out: &HashSet<usize>) {
        let mut books = self.books();
        let books = &mut *books;
        (books.slow, books.out) = (slow.clone(), out.clone());
        books.were_out.extend(out.iter().map(|server| (*server, Recovery::default())));
        let mut missed = Vec::new();
        for (number, entry) in &mut books.open {
            entry.receivers.retain(|server| !slow.contains(server));
            let gone = entry.receivers.extract_if(|server| out.contains(server));
            missed.extend(gone.map(|server| (server, entry.room.clone(), *number)));
        }
        missed.into_iter().for_each(|(server, room, number)| books.missed(server, &room, number));
        books.open.retain(|_, entry| !entry.is_settled());
    }

    /// All faults are over.
    pub(crate) fn healed(&self, measured: bool) {
        let mut books = self.books();
        books.slow.clear();
        for server in std::mem::take(&mut books.out) {
            books.were_out.entry(server).or_default().healed = Some((Instant::now(), measured));
        }
    }

    /// The play is over: whoever is behind still has waited so long at least.
    pub(crate) fn over(&self) {
        let (now, books) = (Instant::now(), self.books());
        let healed = books.behind.keys().filter_map(|server| books.were_out.get(server)?.healed);
        healed.for_each(|(healed, measured)| {
            let waited = now.saturating_duration_since(healed);
            self.recorder.give_up(Series::CaughtUp, waited, "behind still at the end", measured);
        });
    }

    /// Waits until everything was seen, and everybody caught up.
    pub(crate) async fn settled(&self) {
        loop {
            let changed = self.changed.notified();
            let is_settled = {
                let books = self.books();
                books.open.is_empty() && books.behind.is_empty()
            };
            if is_settled {
                return;
            }
            changed.await;
        }
    }

    /// Events of measured phases that somebody should have seen and did not.
    pub(crate) fn lost(&self) -> u64 {
        self.books().open.values().filter(|entry| entry.measured).count() as u64
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(receivers: &[usize]) -> Entry {
        Entry {
            due: Instant::now(),
            measured: true,
            is_inbound: false,
            local: HashSet::new(),
            remote: HashSet::new(),
            room: "!r".to_owned(),
            receivers: receivers.iter().copied().collect(),
            delivered: 0,
        }
    }

    #[test]
    fn deliveries_are_about_the_healthy_and_who_was_out_catches_up() {
        let recorder = Arc::new(Recorder::default());
        let ledger = Ledger::new(recorder.clone());
        let count = |series| recorder.whole(series).len();
        ledger.expect(1, event(&[0, 1, 2]));
        ledger.delivered(1, 0, "!r");
        ledger.faulted(&HashSet::from([1]), &HashSet::from([2]));
        assert_eq!((ledger.lost(), count(Series::LastDelivery)), (0, 0), "nobody healthy is waited for");
        ledger.expect(2, event(&[0, 1, 2]));
        ledger.delivered(2, 0, "!r");
        assert_eq!((count(Series::FirstDelivery), count(Series::LastDelivery)), (2, 1));
        ledger.healed(true);
        ledger.expect(3, event(&[0, 1, 2]));
        ledger.expect(4, event(&[0, 1, 2]));
        for number in [3, 4] {
            [0, 1].iter().for_each(|server| ledger.delivered(number, *server, "!r"));
        }
        assert_eq!((ledger.lost(), count(Series::CaughtUp)), (2, 0));
        ledger.delivered(4, 2, "!r");
        assert_eq!((ledger.lost(), count(Series::CaughtUp), count(Series::LastDelivery)), (0, 1, 3), "with all before");
    }

    #[test]
    fn what_nobody_fetched_is_behind_and_what_comes_long_after_an_outage_must_come_itself() {
        let recorder = Arc::new(Recorder::default());
        let ledger = Ledger::new(recorder.clone());
        let count = |series| recorder.whole(series).len();
        ledger.faulted(&HashSet::new(), &HashSet::from([0]));
        ledger.expect(1, event(&[0]));
        ledger.expect(2, event(&[0]));
        ledger.healed(true);
        ledger.expect(3, event(&[0]));
        ledger.delivered(3, 0, "!r");
        assert_eq!((ledger.lost(), count(Series::CaughtUp)), (0, 0), "the newest alone is not all");
        ledger.fetched(1);
        assert_eq!(count(Series::CaughtUp), 0, "one is missing still");
        ledger.fetched(2);
        assert_eq!(count(Series::CaughtUp), 1);
        ledger.faulted(&HashSet::new(), &HashSet::from([0, 1]));
        ledger.expect(10, event(&[0, 1]));
        ledger.healed(true);
        ledger.delivered(10, 1, "!r");
        ledger.over();
        assert_eq!((count(Series::CaughtUp), recorder.errors(Series::CaughtUp)), (2, 1), "0 is behind for good");
        assert_eq!(recorder.waits(Series::CaughtUp).len(), 3, "and counts in percentiles with what it has waited");
        ledger.delivered(10, 0, "!r");
        let later = Entry { due: Instant::now() + 2 * LINGER, ..event(&[0]) };
        ledger.expect(14, later.clone());
        ledger.expect(15, later);
        ledger.fetched(14);
        ledger.delivered(15, 0, "!r");
        assert_eq!(ledger.lost(), 1, "the outage is over: a later event does not stand for an earlier one");
    }

    #[test]
    fn watchers_are_told_apart_and_the_senders_echo_is_nothing() {
        let recorder = Arc::new(Recorder::default());
        let ledger = Ledger::new(recorder.clone());
        let count = |series| recorder.whole(series).len();
        ledger.expect(1, Entry { local: HashSet::from([1, 2]), remote: HashSet::from([3]), ..event(&[]) });
        ledger.seen(1, 0);
        assert_eq!(count(Series::SeenLocal), 0, "who sent it is not among those who wait");
        ledger.seen(1, 1);
        ledger.seen(1, 1);
        ledger.seen(1, 3);
        assert_eq!((count(Series::SeenLocal), count(Series::SeenRemote)), (1, 1));
        assert_eq!(ledger.lost(), 1, "one who saw it twice does not stand for one who did not");
        ledger.seen(1, 2);
        assert_eq!((count(Series::SeenLocal), ledger.lost()), (2, 0));
        ledger.expect(2, Entry { is_inbound: true, remote: HashSet::from([3]), ..event(&[]) });
        ledger.seen(2, 3);
        assert_eq!((count(Series::SeenInbound), ledger.lost()), (1, 0));
    }
}
