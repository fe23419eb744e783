//! Whether homeservers answer: since when one that was asked for something has said nothing.
//!
//! Seen from what the load asks anyway, so that nothing is added to what is measured. Any answer counts, also a refusal; a
//! broken connection, or a request that was given up, does not.

use crate::perform::lock;
use fedproof_results::load::Trouble;
use std::{sync::Mutex, time::Duration};
use tokio::time::Instant;

/// How long a homeserver says nothing until that is worth telling: longer than any work that it may do in one piece.
const WORTH_TELLING: Duration = Duration::from_secs(5);

/// All homeservers of a load, by position.
pub(crate) struct Answers {
    homes: Vec<(String, Mutex<Home>)>,
}

#[derive(Default)]
struct Home {
    /// Requests that wait for an answer.
    waiting: usize,
    /// Since when some request has waited while nothing was answered.
    since: Option<Instant>,
    /// Silences that are over.
    silences: Vec<(Instant, Instant)>,
}

impl Home {
    fn ask(&mut self, now: Instant) {
        self.waiting += 1;
        self.since.get_or_insert(now);
    }

    fn answered(&mut self, now: Instant) {
        if let Some(since) = self.silent_since(now) {
            self.silences.push((since, now));
        }
        // Others wait still, but it is at work.
        self.since = (self.waiting > 1).then_some(now);
    }

    /// A request is over, answered or not. A play that began meanwhile counts from nothing.
    fn over(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    fn silent_since(&self, now: Instant) -> Option<Instant> {
        self.since.filter(|since| now.saturating_duration_since(*since) >= WORTH_TELLING)
    }

    /// All silences, with their ends.
    fn silences(&self, now: Instant) -> Vec<(Instant, Option<Instant>)> {
        let over = self.silences.iter().map(|(from, to)| (*from, Some(*to)));
        over.chain(self.silent_since(now).map(|since| (since, None))).collect()
    }
}

/// A request that waits; dropped without an answer, it was given up.
pub(crate) struct Asked<'a>(&'a Mutex<Home>);

impl Answers {
    pub(crate) fn new(names: impl Iterator<Item = String>) -> Self {
        Self { homes: names.map(|name| (name, Mutex::default())).collect() }
    }

    /// A play begins: what was before is not told any more.
    pub(crate) fn begin(&self) {
        self.homes.iter().for_each(|(_, home)| *lock(home) = Home::default());
    }

    /// A homeserver is asked for something that it should answer at once.
    pub(crate) fn ask(&self, home: usize) -> Asked<'_> {
        let home = &self.homes[home].1;
        lock(home).ask(Instant::now());
        Asked(home)
    }

    /// Whether it is silent now.
    pub(crate) fn is_silent(&self, home: usize) -> bool {
        lock(&self.homes[home].1).silent_since(Instant::now()).is_some()
    }

    /// All silences, in seconds since `began`.
    pub(crate) fn silences(&self, began: Instant) -> Vec<Trouble> {
        let seconds = |at: Instant| at.saturating_duration_since(began).as_secs_f64();
        let of = |(name, home): &(String, Mutex<Home>)| {
            let silences = lock(home).silences(Instant::now()).into_iter();
            let told = silences.map(|(from, to)| Trouble {
                server: name.clone(),
                what: "answered nothing".to_owned(),
                from: Some(seconds(from)),
                to: to.map(seconds),
            });
            told.collect::<Vec<_>>()
        };
        self.homes.iter().flat_map(of).collect()
    }
}

impl Asked<'_> {
    /// It answered, whatever it said.
    pub(crate) fn answered(self) {
        lock(self.0).answered(Instant::now());
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        lock(self.0).over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_begins_with_what_was_not_answered_and_ends_with_an_answer() {
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        let mut home = Home::default();
        home.ask(at(0));
        home.answered(at(1));
        home.over();
        assert_eq!(home.silent_since(at(10)), None, "nobody asked");
        home.ask(at(10));
        assert_eq!(home.silent_since(at(14)), None, "not yet");
        home.over();
        assert_eq!(home.silences(at(15)), [(at(10), None)], "giving up is no answer");
        home.ask(at(16));
        home.ask(at(16));
        home.answered(at(17));
        home.over();
        assert_eq!(home.silent_since(at(21)), None, "one waits, but it was at work at 17");
        assert_eq!(home.silences(at(22)), [(at(10), Some(at(17))), (at(17), None)]);
    }
}
