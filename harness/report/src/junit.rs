//! `junit.xml`: a suite per area, for CI systems.
//!
//! A broken requirement is a `failure`, a case that could not be decided an `error`, and what was not put to
//! the test, or fails in a way that the profile accepts, is `skipped`, so that a CI page shows it as such. Observations pass: the specification is silent.

use crate::{
    tally::{Area, areas},
    trouble::{Trouble, troubles_of},
    words::{one_line, replay, word},
};
use fedproof_results::{CaseResult, RunRecord, Verdict};
use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use std::time::Duration;

/// The run as JUnit XML.
pub fn junit(record: &RunRecord) -> String {
    let mut report = Report::new(format!("fedproof {}", record.identity.run_id));
    report.set_time(Duration::from_millis(record.wall_ms.total));
    report.add_test_suites(areas(record).iter().map(|area| suite(record, area)));
    // Writing into memory cannot fail, and foreign text was made valid XML on its way in.
    report.to_string().unwrap_or_else(|error| format!("<!-- {} -->\n", error.to_string().replace("--", "- -")))
}

fn suite(record: &RunRecord, area: &Area<'_>) -> TestSuite {
    let mut suite = TestSuite::new(area.name);
    let identity = &record.identity;
    suite.add_properties([
        Property::new("run", &identity.run_id),
        Property::new("started", &identity.started_at),
        Property::new("deployment", &identity.deployment),
        Property::new("profile", &identity.profile),
        Property::new("seed", identity.seed.to_string()),
        Property::new("complete", record.complete.to_string()),
    ]);
    if !record.complete {
        suite.add_property(Property::new("stopped because", &record.stopped_because));
    }
    for server in &record.servers {
        suite.add_property(Property::new(
            format!("server {}", server.name),
            format!("{} {}", server.implementation, server.version),
        ));
    }
    let mut time = Duration::ZERO;
    for result in &area.cases {
        time += Duration::from_millis(result.duration_ms);
        suite.add_test_case(case(record, result));
    }
    suite.set_time(time);
    suite
}

fn case(record: &RunRecord, result: &CaseResult) -> TestCase {
    let info = &result.case;
    let mut case = TestCase::new(&info.id, status(record, result));
    case.set_classname(info.row()).set_time(Duration::from_millis(result.duration_ms));
    case.add_properties([
        Property::new("title", &info.title),
        Property::new("level", info.level.to_string()),
        Property::new("requirement", &info.requirement),
        Property::new("scenario", &info.scenario),
        Property::new("verdict", result.verdict.to_string()),
    ]);
    if let Some(version) = &info.room_version {
        case.add_property(Property::new("room version", version));
    }
    if result.verdict == Verdict::Observed {
        case.set_system_out(&result.reason);
    }
    case
}

fn status(record: &RunRecord, result: &CaseResult) -> TestCaseStatus {
    let accepted = result.subjects.iter().filter(|_| result.known_deviation).find_map(|one| one.deviation.as_ref());
    if let Some(deviation) = accepted {
        let mut status = TestCaseStatus::skipped();
        status.set_message(one_line(&format!("known deviation: {deviation}"), 1_000)).set_type("known_deviation");
        return status;
    }
    let mut status = match result.verdict {
        Verdict::Pass | Verdict::Observed => return TestCaseStatus::success(),
        Verdict::Fail => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Verdict::Inconclusive => TestCaseStatus::non_success(NonSuccessKind::Error),
        Verdict::Skipped | Verdict::NotApplicable => TestCaseStatus::skipped(),
    };
    let troubles: Vec<_> = troubles_of(result).collect();
    let worst = troubles.iter().max_by_key(|trouble| trouble.subject.verdict);
    let message = match worst.and_then(|trouble| trouble.subject.failure.as_ref()) {
        Some(failure) => format!("expected {}, seen {}", failure.expected, failure.seen),
        None if matches!(result.verdict, Verdict::Skipped | Verdict::NotApplicable) => {
            format!("{}: {}", word(result.verdict), result.reason)
        }
        None => result.reason.clone(),
    };
    status.set_message(one_line(&message, 1_000)).set_type(result.verdict.to_string());
    if !troubles.is_empty() {
        let told: Vec<_> = troubles.iter().map(|trouble| description(record, trouble)).collect();
        status.set_description(told.join("\n\n"));
    }
    status
}

fn description(record: &RunRecord, trouble: &Trouble<'_>) -> String {
    let Trouble { case, subject } = trouble;
    let exchanges = trouble.exchanges();
    let decisive = exchanges.last().and_then(|id| record.evidence.get(id));
    let mut lines = vec![format!("on {}: {}", subject.server, one_line(&subject.reason, 1_000))];
    if let Some(failure) = &subject.failure {
        lines.push(format!("at {}:{}, phase {}", failure.location.file, failure.location.line, failure.phase));
        lines.push(format!("step {}", one_line(&failure.step, 500)));
        lines.push(format!("expected {}", one_line(&failure.expected, 1_000)));
        lines.push(format!("seen {}", one_line(&failure.seen, 1_000)));
    }
    if let Some(exchange) = decisive {
        lines.push(format!("exchange #{} {}", exchange.id, crate::wire::request_line(exchange, 500)));
        lines.push(crate::wire::course(exchange));
    }
    lines.push(format!("hint {}", trouble.hint(decisive)));
    lines.push(format!("replay {}", replay(&record.identity, &record.servers, &case.id)));
    lines.join("\n")
}
