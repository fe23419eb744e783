//! Runs as they are stored, made by hand: no homeserver takes part.

use fedproof_report::Archive;
use fedproof_results::{
    CaseInfo, Event, Identity, Level, PhaseOutcome, Role, RunRecord, ServerInfo, SubjectResult,
    Verdict::{self, Fail, Pass},
    WallMs,
};
use std::path::Path;

pub(crate) type Row = (&'static str, Level, Verdict);

/// Stores a run; `status` is what the observed case saw.
pub(crate) fn store(folder: &Path, rows: &[Row], selectors: &[&str], status: u16, complete: bool) {
    store_at(folder, 0, rows, selectors, status, complete);
}

/// Stores a run that began so many minutes after the others.
pub(crate) fn store_at(folder: &Path, minute: u32, rows: &[Row], selectors: &[&str], status: u16, complete: bool) {
    let servers = ["alpha", "bravo"].map(|name| ServerInfo {
        name: name.to_owned(),
        spec: "synapse@1.163.2".to_owned(),
        implementation: "synapse".to_owned(),
        version: "1.163.2".to_owned(),
        server_name: format!("{name}.example"),
        digest: "d1".to_owned(),
        upgrade_to: None,
    });
    let identity = Identity {
        run_id: format!("20261124-2{minute:03}00-1"),
        started_at: format!("2026-11-24T{:02}:{:02}:00Z", 12 + minute / 60, minute % 60),
        suite_version: "0.1.0".to_owned(),
        suite_digest: "9c1185a5c5e9".to_owned(),
        deployment: "default".to_owned(),
        backend: "process".to_owned(),
        profile: "matrix-spec".to_owned(),
        client: String::new(),
        seed: 42,
        selectors: selectors.iter().map(|&selector| selector.to_owned()).collect(),
        jobs: 2,
        strict: false,
        machine: "linux".to_owned(),
        command: vec!["fedproof".to_owned(), "run".to_owned()],
    };
    let mut events = vec![
        Event::RunStarted { identity, cases: rows.iter().map(case).collect() },
        Event::DeploymentReady { servers: servers.to_vec(), boot_ms: 1 },
    ];
    // Homeservers of one kind take turns, differently in every run: here each is asked every other time.
    let turns = ["alpha", "bravo"].into_iter().cycle().skip(usize::from(status) % 2);
    let decided = rows.iter().zip(turns).take(if complete { rows.len() } else { rows.len() - 1 });
    for ((id, _, verdict), server) in decided {
        events.push(Event::CaseDecided { id: (*id).to_owned(), result: result(server, *verdict, status) });
    }
    events.push(Event::RunFinished {
        complete,
        stopped_because: if complete { String::new() } else { "bravo ended with signal 9".to_owned() },
        wall_ms: WallMs::default(),
        usage: Vec::new(),
    });
    let mut archive = Archive::create(folder).expect("a new folder");
    events.iter().for_each(|event| archive.event(event).expect("stored"));
    archive.finish(&RunRecord::from_events(&events).expect("a run"), &[]).expect("rendered");
}

fn case((id, level, _): &Row) -> CaseInfo {
    CaseInfo {
        id: (*id).to_owned(),
        title: "a case".to_owned(),
        level: *level,
        priority: 0,
        requirement: "S-S API".to_owned(),
        scenario: "scenarios/x.yaml".to_owned(),
        tags: Vec::new(),
        room_version: Some(id[id.len() - 2..].to_owned()),
        since: None,
    }
}

fn result(server: &str, verdict: Verdict, status: u16) -> SubjectResult {
    let phase = PhaseOutcome {
        phase: "denied".to_owned(),
        role: Role::Check,
        ok: verdict != Fail,
        status: Some(status),
        errcode: None,
        exchange: None,
    };
    SubjectResult {
        server: server.to_owned(),
        verdict,
        reason: match verdict {
            Pass => String::new(),
            other => format!("denied: {other} for a reason"),
        },
        duration_ms: 1,
        phases: vec![phase],
        facts: Default::default(),
        measurements: Vec::new(),
        failure: None,
        deviation: None,
    }
}
