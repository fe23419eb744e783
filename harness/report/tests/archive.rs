//! The results folder: what is in it, what survives a crash, what an error says.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod sample;

use fedproof_report::{Archive, EVENTS, ReportError, render};
use fedproof_results::{Cut, Event, RunRecord, RunVerdict, SCHEMA};
use serde_json::Value;
use std::{fs, path::Path, sync::Arc};

/// Stores a run as the command line does.
fn store(folder: &Path, events: &[Event]) -> RunRecord {
    let mut archive = Archive::create(folder).unwrap();
    events.iter().for_each(|event| archive.event(event).unwrap());
    let record = RunRecord::from_events(events).unwrap();
    let exchanges: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Evidence { exchange } => Some(Arc::new((**exchange).clone())),
            _ => None,
        })
        .collect();
    archive.finish(&record, &exchanges).unwrap();
    record
}

fn json(record: &RunRecord) -> Value {
    serde_json::to_value(record).unwrap()
}

#[test]
fn a_run_reads_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let record = store(&folder.path().join("deep/run"), &sample::mixed());
    let folder = folder.path().join("deep/run");
    assert_eq!(json(&Archive::read(&folder).unwrap()), json(&record));
    let stored: RunRecord = serde_json::from_slice(&fs::read(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(json(&stored), json(&record), "run.json and events.jsonl say the same");
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        ["events.jsonl", "junit.xml", "metrics.txt", "report.html", "run.json", "summary.md", "transcripts"]
    );
}

#[test]
fn rendering_again_gives_the_same_files() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &sample::mixed());
    let read = |name| fs::read(folder.path().join(name)).unwrap();
    let names = ["run.json", "junit.xml", "metrics.txt", "summary.md", "report.html"];
    let before = names.map(read);
    render(folder.path(), &Archive::read(folder.path()).unwrap()).unwrap();
    assert!(before == names.map(read));
}

#[test]
fn a_torn_last_line_costs_just_that_event() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &sample::mixed());
    let path = folder.path().join(EVENTS);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let record = Archive::read(folder.path()).unwrap();
    assert!(!record.complete);
    assert_eq!(record.stopped_because, "fedproof ended before the run did");
    assert_eq!(record.verdict, RunVerdict::NotQualified, "the failure is not forgotten");
    assert_eq!(record.cases.iter().filter(|result| result.subjects.is_empty()).count(), 0);
}

#[test]
fn damage_elsewhere_is_an_error_that_names_the_line() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &sample::mixed());
    let path = folder.path().join(EVENTS);
    let text = fs::read_to_string(&path).unwrap().replacen("\"event\":\"progress\"", "\"event\":\"prog", 1);
    fs::write(&path, text).unwrap();
    let error = Archive::read(folder.path()).unwrap_err();
    assert!(matches!(error, ReportError::NoEvent { line: 2, .. }), "{error}");
    assert!(error.to_string().starts_with(&format!("read {}: line 2 is no event", path.display())), "{error}");
}

#[test]
fn a_folder_without_a_run_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(Archive::read(folder.path()), Err(ReportError::Read { .. })));
    fs::write(folder.path().join(EVENTS), "{\"event\":\"run_st").unwrap();
    assert!(matches!(Archive::read(folder.path()), Err(ReportError::NoRun { .. })));
}

#[test]
fn a_second_run_does_not_go_into_the_same_folder() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &sample::clean());
    let error = Archive::create(folder.path()).unwrap_err();
    assert!(error.to_string().contains("--out"), "{error}");
}

#[test]
fn errors_name_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Archive::create(file.join("run")).unwrap_err();
    assert!(error.to_string().starts_with(&format!("create the folder {}", file.join("run").display())), "{error}");

    // A folder stands where the page belongs, so the last rename fails.
    let record = store(&folder.path().join("run"), &sample::clean());
    let page = folder.path().join("run/report.html");
    fs::remove_file(&page).unwrap();
    fs::create_dir(&page).unwrap();
    let error = render(&folder.path().join("run"), &record).unwrap_err();
    assert!(error.to_string().starts_with(&format!("write {}", page.display())), "{error}");
    assert!(!folder.path().join("run/.report.html.tmp").exists(), "no draft is left");
}

#[test]
fn stored_bodies_are_bounded_and_say_so() {
    let folder = tempfile::tempdir().unwrap();
    store(folder.path(), &sample::mixed());
    let transcript = fs::read_to_string(folder.path().join("transcripts/all.jsonl")).unwrap();
    let bodies: Vec<Value> = transcript.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let cuts: Vec<_> = bodies.iter().filter_map(|exchange| Cut::of(&exchange["request"])).collect();
    assert_eq!(cuts.len(), 1);
    assert_eq!(cuts[0].bytes, 200_013);
    for name in [EVENTS, "transcripts/all.jsonl", "run.json"] {
        assert!(!fs::read_to_string(folder.path().join(name)).unwrap().contains(&"x".repeat(70_000)), "{name}");
    }
}

/// What other programs rely on: these names stay.
#[test]
fn run_json_keeps_its_contract() {
    let run = json(&RunRecord::from_events(&sample::mixed()).unwrap());
    assert_eq!(run["schema"], SCHEMA);
    assert_eq!(run["run_id"], "20261124-203100-7f3a");
    assert_eq!(run["verdict"], "not_qualified");
    assert_eq!(run["complete"], true);
    for field in ["name", "implementation", "version"] {
        assert!(run["servers"][0][field].is_string(), "servers/{field}");
    }
    for field in ["total", "boot", "cases"] {
        assert!(run["wall_ms"][field].is_u64(), "wall_ms/{field}");
    }
    let cases = run["cases"].as_array().unwrap();
    for case in cases {
        for field in ["id", "verdict", "level", "reason"] {
            assert!(case[field].is_string(), "cases/{field}");
        }
        assert!(case["duration_ms"].is_u64());
    }
    let mut verdicts: Vec<_> = cases.iter().filter_map(|case| case["verdict"].as_str()).collect();
    verdicts.sort_unstable();
    verdicts.dedup();
    assert_eq!(verdicts, ["fail", "inconclusive", "not_applicable", "observed", "pass", "skipped"]);
    assert!(cases.iter().all(|case| ["MUST", "SHOULD", "OBSERVE"].contains(&case["level"].as_str().unwrap())));
}
