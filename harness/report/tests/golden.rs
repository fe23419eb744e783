//! What a reader gets, word for word. `SNAPSHOTS=overwrite cargo test -p fedproof-report` accepts a change.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod sample;

use fedproof_report::{Terminal, junit, metrics, summary};
use fedproof_results::{Event, RunRecord};
use snapbox::{assert_data_eq, file};
use std::{
    io::{self, Write},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// A sink that a test can read.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn fold(events: &[Event]) -> RunRecord {
    RunRecord::from_events(events).expect("the sample begins with the start of a run")
}

fn terminal(events: &[Event], colour: bool) -> String {
    let sink = Sink::default();
    let mut terminal = Terminal::plain(Box::new(sink.clone()), colour);
    events.iter().for_each(|event| terminal.handle(event));
    terminal.finish(&fold(events), Some(Path::new("results/report.html")));
    String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn a_log_tells_a_mixed_run() {
    assert_data_eq!(terminal(&sample::mixed(), false), file!["golden/mixed.log"].raw());
}

#[test]
fn a_log_says_loudly_that_a_run_stopped() {
    let log = terminal(&sample::stopped(), false);
    assert!(log.contains("run stopped early: beta ended with signal 9; 3 of 21 cases not reached"));
}

#[test]
fn a_log_says_why_a_deployment_did_not_come_up() {
    assert_data_eq!(terminal(&sample::unbooted(), false), file!["golden/unbooted.log"].raw());
}

#[test]
fn a_log_tells_a_clean_run() {
    assert_data_eq!(terminal(&sample::clean(), false), file!["golden/clean.log"].raw());
}

#[test]
fn foreign_text_cannot_steer_the_terminal() {
    assert!(!terminal(&sample::mixed(), false).contains('\u{1b}'));
    let coloured = terminal(&sample::mixed(), true);
    assert!(coloured.contains("\u{1b}[31m\u{1b}[1m✗ failed"), "our own colour");
    assert!(!coloured.contains("\u{1b}[31m`"), "not theirs");
}

#[test]
fn after_many_explanations_a_line_is_enough() {
    let mut events = sample::mixed();
    let failed = events.iter().find(|event| match event {
        Event::CaseDecided { result, .. } => result.failure.is_some(),
        _ => false,
    });
    let failed = failed.cloned().expect("one failed");
    let end = events.len() - 1;
    events.splice(end..end, std::iter::repeat_n(failed, 100));
    let log = terminal(&events, false);
    assert_eq!(log.matches("  replay ").count(), 20);
    assert_eq!(log.matches("? inconclusive acl/endpoint/state/v10").count(), 101);
}

#[test]
fn a_step_summary_tells_a_mixed_run() {
    assert_data_eq!(summary(&fold(&sample::mixed())), file!["golden/mixed.md"].raw());
}

#[test]
fn a_step_summary_tells_a_stopped_run() {
    assert_data_eq!(summary(&fold(&sample::stopped())), file!["golden/stopped.md"].raw());
}

#[test]
fn metrics_tell_a_mixed_run() {
    assert_data_eq!(metrics(&fold(&sample::mixed())), file!["golden/mixed.metrics.txt"].raw());
}

#[test]
fn junit_tells_a_mixed_run() {
    assert_data_eq!(junit(&fold(&sample::mixed())), file!["golden/mixed.junit.xml"].raw());
}

#[test]
fn junit_is_well_formed_whatever_the_servers_said() {
    for events in [sample::mixed(), sample::stopped(), sample::clean(), sample::unbooted()] {
        let xml = junit(&fold(&events));
        let allowed = |char: char| !char.is_control() || "\n\r\t".contains(char);
        assert!(xml.chars().all(allowed), "XML 1.0 has no control characters");
        let mut reader = quick_xml::Reader::from_str(&xml);
        let mut depth = 0;
        loop {
            match reader.read_event().expect("well-formed") {
                quick_xml::events::Event::Start(_) => depth += 1,
                quick_xml::events::Event::End(_) => depth -= 1,
                quick_xml::events::Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(depth, 0);
    }
}
