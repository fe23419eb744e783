//! What processes use: `/proc` (proc(5)) every second, and what a homeserver says of itself at the ends of phases.

use crate::Home;
use fedproof_deployment::{Metrics, PostgresqlUsage, SenderMetrics};
use fedproof_results::load::ResourceSample;
use std::{
    collections::HashMap,
    path::PathBuf,
    time::{Duration, Instant},
};

/// How long a homeserver may take to tell its counters: one that hangs must not hold the load up.
const LIMIT: Duration = Duration::from_secs(10);
/// Clock ticks a second: `USER_HZ`, which Linux fixes at 100 for what user space sees.
const TICKS: u64 = 100;

/// A process at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reading {
    pub(crate) cpu_ms: u64,
    pub(crate) rss_bytes: u64,
    pub(crate) descriptors: u64,
}

/// This process.
pub(crate) fn own() -> Reading {
    let cpu_ms = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_of(&stat)).unwrap_or_default();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = resident.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default();
    Reading { cpu_ms, rss_bytes: kib * 1024, descriptors: descriptors("self") }
}

/// A homeserver's process; `None` if it is out of reach.
pub(crate) fn of(homeserver: &Home) -> Option<Reading> {
    let usage = homeserver.usage()?;
    let descriptors = homeserver.pid().map_or(0, |pid| descriptors(&pid.to_string()));
    Some(Reading { cpu_ms: usage.cpu_ms, rss_bytes: usage.rss_bytes, descriptors })
}

fn cpu_of(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some((number(11)? + number(12)?) * 1000 / TICKS)
}

fn descriptors(process: &str) -> u64 {
    let folder = PathBuf::from("/proc").join(process).join("fd");
    std::fs::read_dir(folder).map_or(0, |entries| entries.count() as u64)
}

/// Turns readings into samples.
pub(crate) struct Sampler {
    last: HashMap<String, (Instant, u64)>,
}

impl Sampler {
    pub(crate) fn new() -> Self {
        Self { last: HashMap::new() }
    }

    /// The generator, all homeservers and their PostgreSQL in the second that ends.
    pub(crate) fn sample(&mut self, second: u64, homeservers: &[Home]) -> Vec<ResourceSample> {
        let servers = homeservers.iter().filter_map(|one| Some((one.name().to_owned(), of(one)?)));
        // They share one.
        let postgresql = homeservers.iter().find_map(|one| one.postgresql()).map(|(server, _)| {
            let PostgresqlUsage { cpu_ms, rss_bytes, descriptors, .. } = server.usage();
            ("postgresql".to_owned(), Reading { cpu_ms, rss_bytes, descriptors })
        });
        let all = servers.chain(postgresql).chain([("generator".to_owned(), own())]);
        all.map(|(process, reading)| {
            let now = Instant::now();
            let before = self.last.insert(process.clone(), (now, reading.cpu_ms));
            let cpu = before.map_or(0.0, |(at, cpu_ms)| {
                let elapsed_ms = (now - at).as_secs_f64() * 1000.0;
                reading.cpu_ms.saturating_sub(cpu_ms) as f64 / elapsed_ms.max(1.0)
            });
            ResourceSample { second, process, cpu, rss_bytes: reading.rss_bytes, descriptors: reading.descriptors }
        })
        .collect()
    }
}

/// A homeserver's own count of its work, as far as it tells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) cpu_ms: Option<u64>,
    pub(crate) database: Option<DatabaseCpu>,
    pub(crate) db_transactions: Option<u64>,
    pub(crate) events_persisted: Option<u64>,
}

/// Processor time of PostgreSQL, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DatabaseCpu {
    /// Of the processes that served this homeserver's database.
    own_ms: u64,
    /// Of those that served any.
    served_ms: u64,
    /// Of all.
    all_ms: u64,
}

impl DatabaseCpu {
    fn of(homeserver: &Home) -> Option<Self> {
        let (server, database) = homeserver.postgresql()?;
        let PostgresqlUsage { cpu_ms, by_database, .. } = server.usage();
        let own_ms = by_database.get(database).copied().unwrap_or_default();
        Some(Self { own_ms, served_ms: by_database.values().sum(), all_ms: cpu_ms })
    }

    /// What the homeserver cost PostgreSQL since `before`: its own part, and what serves all (checkpoints, the log's
    /// writer, vacuum) in proportion to it.
    pub(crate) fn since(self, before: Self) -> u64 {
        let own = self.own_ms.saturating_sub(before.own_ms);
        let served = self.served_ms.saturating_sub(before.served_ms);
        let common = self.all_ms.saturating_sub(before.all_ms).saturating_sub(served);
        own + (common * own).checked_div(served).unwrap_or_default()
    }
}

/// Asks a homeserver; one that is known to answer nothing gets no time for it.
pub(crate) async fn counters(http: &reqwest::Client, homeserver: &Home, is_silent: bool) -> Counters {
    let cpu_ms = of(homeserver).map(|reading| reading.cpu_ms);
    let database = DatabaseCpu::of(homeserver);
    let Some(metrics) = homeserver.metrics().filter(|_| !is_silent) else {
        return Counters { cpu_ms, database, ..Counters::default() };
    };
    let Metrics { database_transactions, events_persisted, .. } = metrics;
    let text = told(http, homeserver, metrics).await;
    Counters {
        cpu_ms,
        database,
        db_transactions: sum(&text, database_transactions),
        events_persisted: sum(&text, events_persisted),
    }
}

/// Events that a homeserver's federation sender has not handed on yet; `None` if it does not tell.
pub(crate) async fn unsent(http: &reqwest::Client, homeserver: &Home, is_silent: bool) -> Option<u64> {
    let metrics = homeserver.metrics().filter(|_| !is_silent)?;
    let SenderMetrics { persisted, sent } = metrics.federation_sender.as_ref()?;
    let text = told(http, homeserver, metrics).await;
    Some(sum(&text, persisted)?.saturating_sub(sum(&text, sent)?))
}

/// Its metrics; nothing if it does not answer.
async fn told(http: &reqwest::Client, homeserver: &Home, metrics: &Metrics) -> String {
    match http.get(homeserver.url(&metrics.path)).timeout(LIMIT).send().await {
        Ok(response) if response.status().is_success() => response.text().await.unwrap_or_default(),
        _ => String::new(),
    }
}

/// Sum of a metric over all its labels, in the Prometheus text format; `None` if there is none. A name with the first of its
/// labels (`NAME{LABEL`) is about these only.
fn sum(text: &str, name: &str) -> Option<u64> {
    let values = text.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = match rest.as_bytes().first()? {
            b'{' | b',' | b'}' => rest.rsplit_once('}')?.1,
            b' ' => rest,
            _ => return None,
        };
        value.split_whitespace().next()?.parse::<f64>().ok()
    });
    values.map(|value| value as u64).reduce(|sum, value| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_summed_over_their_labels() {
        let text = "# TYPE a counter\na{x=\"1\"} 2.0\na{x=\"}\"} 3.0\nab 7\nc 1.5e3\n";
        assert_eq!((sum(text, "a"), sum(text, "c"), sum(text, "d")), (Some(5), Some(1500), None));
        let text = "p{name=\"sender\",s=\"x\"} 7.0\np{name=\"sender2\"} 5.0\np{name=\"other\"} 9.0\n";
        assert_eq!((sum(text, "p{name=\"sender\""), sum(text, "p")), (Some(7), Some(21)));
    }

    #[test]
    fn what_serves_all_databases_is_shared_by_what_they_cost() {
        let before = DatabaseCpu { own_ms: 100, served_ms: 200, all_ms: 1000 };
        let after = DatabaseCpu { own_ms: 130, served_ms: 240, all_ms: 1060 };
        assert_eq!(after.since(before), 30 + 15);
        assert_eq!(before.since(before), 0);
    }

    #[test]
    fn this_process_is_read() {
        let own = own();
        assert!(own.rss_bytes > 1 << 20 && own.descriptors > 2, "{own:?}");
    }
}
