//! Columns of tables that compare homeservers: a column for each kind, because homeservers on which the same is
//! installed take turns, and a table by name would be full of holes.

use fedproof_results::{CaseResult, RunRecord, ServerInfo, SubjectResult, kinds as by_name};

/// Homeservers on which the same is installed.
pub(crate) struct Kind {
    /// Names of those that were judged, in deployment order.
    pub(crate) servers: Vec<String>,
    /// Implementation and version, or empty if it is not known.
    pub(crate) version: String,
}

impl Kind {
    /// `alpha and bravo`.
    pub(crate) fn names(&self) -> String {
        self.servers.join(" and ")
    }

    /// What a case came to here, the worst if it ran on several.
    pub(crate) fn subject<'a>(&self, result: &'a CaseResult) -> Option<&'a SubjectResult> {
        let here = result.subjects.iter().filter(|subject| self.servers.contains(&subject.server));
        here.max_by_key(|subject| subject.verdict)
    }
}

/// The kinds of a run, of the homeservers that were judged.
pub(crate) fn kinds(record: &RunRecord, judged: &[&str]) -> Vec<Kind> {
    let by_name = by_name(&record.servers);
    let mut kinds: Vec<(&str, Kind)> = Vec::new();
    for server in judged {
        let kind = by_name.get(*server).map_or(*server, String::as_str);
        match kinds.iter_mut().find(|(name, _)| *name == kind) {
            Some((_, known)) => known.servers.push((*server).to_owned()),
            None => {
                let info = record.servers.iter().find(|info| info.name == *server);
                let version = info.map(version).unwrap_or_default();
                kinds.push((kind, Kind { servers: vec![(*server).to_owned()], version }));
            }
        }
    }
    kinds.into_iter().map(|(_, kind)| kind).collect()
}

/// `synapse 1.163.2`.
pub(crate) fn version(server: &ServerInfo) -> String {
    format!("{} {}", server.implementation, server.version)
}
