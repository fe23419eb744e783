//! What homeservers spent, from several shards, plays or loads.

use fedproof_results::load::Work;
use std::collections::BTreeMap;

/// Adds the work of another load, or shard, to that of the same operation and homeserver.
pub(crate) fn add_work(all: &mut BTreeMap<(String, String), Work>, one: Work) {
    let key = (one.operation.clone(), one.server.clone());
    match all.get_mut(&key) {
        None => drop(all.insert(key, one)),
        Some(sum) => {
            sum.count += one.count;
            sum.cpu_ms = sum.cpu_ms.zip(one.cpu_ms).map(|(sum, more)| sum + more);
            sum.database_cpu_ms = sum.database_cpu_ms.zip(one.database_cpu_ms).map(|(sum, more)| sum + more);
            sum.db_transactions = sum.db_transactions.zip(one.db_transactions).map(|(sum, more)| sum + more);
            sum.events_persisted = sum.events_persisted.zip(one.events_persisted).map(|(sum, more)| sum + more);
            sum.requests = sum.requests.zip(one.requests).map(|(sum, more)| sum + more);
            sum.bytes = sum.bytes.zip(one.bytes).map(|(sum, more)| sum + more);
        }
    }
}

/// Adds the work of another shard on the same homeservers. What their counters tell is of all shards: it is there as often
/// as there are shards, and each saw a little less or more of it. Operations are each shard's own.
pub(crate) fn join_work(all: &mut BTreeMap<(String, String), Work>, one: Work) {
    let key = (one.operation.clone(), one.server.clone());
    match all.get_mut(&key) {
        None => drop(all.insert(key, one)),
        Some(sum) => {
            sum.count += one.count;
            sum.cpu_ms = sum.cpu_ms.max(one.cpu_ms);
            sum.database_cpu_ms = sum.database_cpu_ms.max(one.database_cpu_ms);
            sum.db_transactions = sum.db_transactions.max(one.db_transactions);
            sum.events_persisted = sum.events_persisted.max(one.events_persisted);
            sum.requests = sum.requests.max(one.requests);
            sum.bytes = sum.bytes.max(one.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn work(count: u64, cpu_ms: Option<u64>, db_transactions: u64) -> Work {
        Work {
            server: "alpha".into(),
            operation: "send".into(),
            count,
            cpu_ms,
            database_cpu_ms: None,
            db_transactions: Some(db_transactions),
            events_persisted: None,
            requests: None,
            bytes: None,
        }
    }

    fn put_together(put: fn(&mut BTreeMap<(String, String), Work>, Work), parts: [Work; 2]) -> Work {
        let mut all = BTreeMap::new();
        parts.into_iter().for_each(|one| put(&mut all, one));
        all.into_values().next().unwrap()
    }

    #[test]
    fn homeservers_that_shards_share_are_counted_once() {
        let joined = put_together(join_work, [work(3, Some(100), 59), work(5, Some(98), 60)]);
        assert_eq!(joined, work(8, Some(100), 60));
    }

    #[test]
    fn homeservers_of_their_own_are_added_up_and_what_one_does_not_know_nobody_does() {
        assert_eq!(put_together(add_work, [work(3, Some(100), 59), work(5, Some(98), 60)]), work(8, Some(198), 119));
        assert_eq!(put_together(add_work, [work(3, Some(100), 59), work(5, None, 60)]).cpu_ms, None);
    }
}
