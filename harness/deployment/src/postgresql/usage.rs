//! What PostgreSQL uses, as a whole and for each database.
//!
//! Each connection is served by a process of its own, whose title names the database: what those use is exact. What is
//! left (checkpoints, the log's writer, vacuum) serves all databases.

use crate::proc::{self, Stat};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// What a PostgreSQL has used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PostgresqlUsage {
    /// Processor time of all its processes since its start, user and system, in milliseconds (read in steps of 10).
    pub cpu_ms: u64,
    /// Memory now, in bytes: of its processes' own, and once what they share.
    pub rss_bytes: u64,
    /// Open file descriptors.
    pub descriptors: u64,
    /// Of the processor time, that of processes that served a database, by its name.
    pub by_database: BTreeMap<String, u64>,
}

/// Remembers what ended processes had used.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// By process id and start time: the database it serves, if it does, and its processor time when last looked at.
    seen: HashMap<(u32, u64), (Option<String>, u64)>,
    past: BTreeMap<String, u64>,
}

impl Tally {
    /// Looks at the processes of the postmaster `pid`; `user` is the database user whose sessions count.
    pub(crate) fn read(&mut self, pid: u32, user: &str) -> PostgresqlUsage {
        let mut usage = PostgresqlUsage::default();
        let mut seen = HashMap::new();
        let mut shared = 0;
        for process in proc::children(pid).into_iter().chain([pid]) {
            let Some(stat) = Stat::of(process) else { continue };
            usage.cpu_ms += stat.cpu_ms;
            if process == pid {
                // Of children that have ended.
                usage.cpu_ms += stat.reaped_ms;
            }
            let memory = proc::Memory::of(process);
            usage.rss_bytes += memory.own_bytes;
            shared = memory.shared_bytes.max(shared);
            usage.descriptors += proc::descriptors(process);
            let key = (process, stat.start_time);
            let database = match self.seen.remove(&key) {
                Some((database @ Some(_), _)) => database,
                // A process that has just been forked has its parent's title still.
                _ => database(&proc::title(process), user),
            };
            seen.insert(key, (database, stat.cpu_ms));
        }
        usage.rss_bytes += shared;
        for (database, cpu_ms) in self.seen.drain().filter_map(|(_, (database, cpu_ms))| Some((database?, cpu_ms))) {
            *self.past.entry(database).or_default() += cpu_ms;
        }
        self.seen = seen;
        usage.by_database.clone_from(&self.past);
        for (database, cpu_ms) in self.seen.values().filter_map(|(name, cpu_ms)| Some((name.as_ref()?, cpu_ms))) {
            *usage.by_database.entry(database.clone()).or_default() += cpu_ms;
        }
        usage
    }
}

/// The database that the process with this title serves: `postgres: USER DATABASE [local] idle`.
fn database(title: &str, user: &str) -> Option<String> {
    let mut words = title.strip_prefix("postgres: ")?.split_whitespace();
    (words.next() == Some(user)).then(|| words.next().map(str::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_name_the_database_that_is_served() {
        assert_eq!(database("postgres: fedproof alpha [local] idle in transaction", "fedproof"), Some("alpha".into()));
        for other in ["postgres: checkpointer ", "postgres: autovacuum worker alpha", "/usr/bin/postgres -D data"] {
            assert_eq!(database(other, "fedproof"), None, "{other}");
        }
    }
}
