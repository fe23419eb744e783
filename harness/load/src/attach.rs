//! What a workload cannot do on a deployment that somebody else started: refused before anything begins.

use crate::{
    Home,
    schedule::Shard,
    threshold::{Metric, Threshold},
    workload::Workload,
};
use std::collections::BTreeSet;

/// Why a workload cannot be played on homeservers that somebody else started, by this shard; empty if it can.
///
/// Virtual servers are reached through the gateway of the deployment, which is in another process. Counters are read where
/// they can be; a threshold about others would be judged by nothing. Shards on the same homeservers share their counters.
pub fn refusals(workload: &Workload, homeservers: &[Home], shard: Shard) -> Vec<String> {
    let mut refusals = Vec::new();
    let operations: BTreeSet<_> = workload
        .phases
        .iter()
        .flat_map(|phase| workload.operations(phase))
        .filter(|(operation, weight)| **weight > 0 && operation.needs_virtual_server())
        .map(|(operation, _)| *operation)
        .collect();
    refusals.extend(operations.iter().map(|one| format!("operation {one} needs virtual servers")));
    let rooms = workload.population.rooms.iter().enumerate().filter(|(_, group)| group.virtual_members > 0);
    refusals.extend(rooms.map(|(n, _)| format!("population: rooms[{n}] has virtual members")));
    let faulty = workload.phases.iter().filter(|phase| !phase.faults.is_empty());
    refusals.extend(faulty.map(|phase| format!("phase {}: its faults need virtual servers", phase.phase)));
    if workload.search.is_some() {
        refusals.push("search: it watches the processes of a deployment of its own".to_owned());
    }
    let every = |reached: fn(&Home) -> bool| homeservers.iter().all(reached);
    for threshold in workload.thresholds.iter().chain(&workload.stop_if) {
        let why = match threshold.metric {
            Metric::CpuPerOp | Metric::DbPerOp if shard != Shard::WHOLE => {
                Some("shards on the same homeservers cannot tell each other's work apart")
            }
            Metric::CpuPerOp if !every(Home::tells_cpu) => {
                Some("the processes of the homeservers, or of their PostgreSQL, are out of reach")
            }
            Metric::DbPerOp if !every(|one| one.metrics().is_some()) => Some("the homeservers do not count their work"),
            Metric::Memory if !every(|one| one.usage().is_some()) => {
                Some("the processes of the homeservers are out of reach")
            }
            _ => None,
        };
        refusals.extend(why.map(|why| refused(threshold, why)));
    }
    refusals
}

fn refused(threshold: &Threshold, why: &str) -> String {
    format!("threshold {threshold}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use fedproof_client::Endpoint;
    use fedproof_core::{ServerName, transcript::Transcript};
    use fedproof_deployment::Connected;

    fn elsewhere() -> Home {
        let connected = Connected {
            name: "alpha".into(),
            server_name: ServerName::new("alpha.fedproof.test"),
            base_url: "http://192.0.2.1:8008".into(),
            accounts: Default::default(),
            administrator: None,
            spec: "synapse@1.163.2".into(),
            implementation: "synapse".into(),
            version: "1.163.2".into(),
            digest: String::new(),
            database: "SQLite".into(),
            metrics: None,
            process: None,
        };
        let http = crate::http::client().unwrap();
        let endpoint = Endpoint::new(http, &connected.base_url, connected.server_name.clone(), Transcript::default());
        Home::attach(connected, endpoint)
    }

    fn workload(operations: &str, thresholds: &str) -> Workload {
        let text = format!(
            "{{workload: t, about: t, population: {{users: 1, rooms: [{{count: 1, members: 1}}]}}, \
             operations: {operations}, phases: [{{phase: only, seconds: 1, rate: 1}}], thresholds: {thresholds}}}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    #[test]
    fn what_clients_do_is_not_refused() {
        let workload = workload("{send: 1, login: 1, fan_out: 0}", "[p95(send) < 1s, lost < 1]");
        assert_eq!(refusals(&workload, &[elsewhere()], Shard { index: 1, count: 4 }), Vec::<String>::new());
    }

    #[test]
    fn what_is_refused_is_named() {
        let virtually = workload("{send: 1, fan_out: 1, remote_join: 1}", "[]");
        let refused = refusals(&virtually, &[elsewhere()], Shard::WHOLE);
        assert!(
            refused.len() == 2 && refused[0].contains("fan_out") && refused[1].contains("remote_join"),
            "{refused:?}"
        );
        let mut faulty = workload("{send: 1}", "[]");
        faulty.phases[0].faults = serde_saphyr::from_str("[{servers: all, effect: refuse}]").unwrap();
        let refused = refusals(&faulty, &[elsewhere()], Shard::WHOLE);
        assert!(refused.len() == 1 && refused[0].contains("phase only: its faults"), "{refused:?}");
        let counting = workload("{send: 1}", "[cpu_per_op(send) < 1ms, db_per_op(send) < 9, memory < 9MB]");
        let refused = refusals(&counting, &[elsewhere()], Shard::WHOLE);
        assert_eq!(refused.len(), 3, "{refused:?}");
        assert!(refused[0].contains("cpu_per_op(send)") && refused[0].contains("out of reach"), "{refused:?}");
    }
}
