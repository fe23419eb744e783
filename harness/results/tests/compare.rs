//! What holds for every two runs.

use fedproof_results::{
    Baseline, CaseInfo, CaseResult, ChangeKind, Comparison, Event, Identity, Level, Line, RunRecord, RunVerdict,
    STANDING, ServerInfo, SubjectResult, Verdict, WallMs, lines,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn level() -> impl Strategy<Value = Level> {
    prop::sample::select(vec![Level::Must, Level::Policy, Level::Should, Level::May, Level::Observe])
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop::sample::select(vec![
        Verdict::NotApplicable,
        Verdict::Pass,
        Verdict::Observed,
        Verdict::Skipped,
        Verdict::Inconclusive,
        Verdict::Fail,
    ])
}

/// Cases by id, each with its level and the verdicts of some homeservers.
type Cases = BTreeMap<String, (Level, Vec<(usize, Verdict)>)>;

fn cases() -> impl Strategy<Value = Cases> {
    let id = "[ab]/[ab]/[a-c]";
    prop::collection::btree_map(id, (level(), prop::collection::vec((0..3usize, verdict()), 1..3)), 0..12)
}

/// A run of three homeservers, the first two of one kind.
fn run(cases: &Cases, complete: bool) -> RunRecord {
    let names = ["alpha", "bravo", "charlie"];
    let server = |index: usize| ServerInfo {
        name: names[index].into(),
        spec: format!("synapse@{}", index / 2),
        implementation: "synapse".into(),
        version: "1".into(),
        server_name: String::new(),
        digest: String::new(),
        upgrade_to: None,
    };
    let info = |(id, (level, _)): (&String, &(Level, _))| CaseInfo {
        id: id.clone(),
        title: String::new(),
        level: *level,
        priority: 0,
        requirement: String::new(),
        scenario: String::new(),
        tags: vec![],
        room_version: None,
        since: None,
    };
    let identity = Identity {
        run_id: "1".into(),
        started_at: String::new(),
        suite_version: String::new(),
        suite_digest: String::new(),
        deployment: "default".into(),
        backend: "process".into(),
        profile: "matrix-spec".into(),
        client: String::new(),
        seed: 1,
        selectors: vec![],
        jobs: 1,
        strict: false,
        machine: String::new(),
        command: vec![],
    };
    let mut events = vec![
        Event::RunStarted { identity, cases: cases.iter().map(info).collect() },
        Event::DeploymentReady { servers: (0..3).map(server).collect(), boot_ms: 1 },
    ];
    for (id, (_, subjects)) in cases {
        for (index, verdict) in subjects {
            let result = SubjectResult {
                server: names[*index].into(),
                verdict: *verdict,
                reason: String::new(),
                duration_ms: 1,
                phases: vec![],
                facts: BTreeMap::new(),
                measurements: vec![],
                failure: None,
                deviation: None,
            };
            events.push(Event::CaseDecided { id: id.clone(), result });
        }
    }
    events.push(Event::RunFinished {
        complete,
        stopped_because: "stopped".into(),
        wall_ms: WallMs::default(),
        usage: vec![],
    });
    RunRecord::from_events(&events).expect("it begins with the start of a run")
}

/// The same run, had nobody asked for the cases under `a`.
fn with_cases_that_came_along(mut record: RunRecord) -> RunRecord {
    let unasked = record.cases.iter_mut().filter(|result| result.case.id.starts_with("a/"));
    unasked.for_each(|result| result.case.tags.push(STANDING.to_owned()));
    record
}

fn compared(before: &[Line], after: &[Line]) -> Comparison {
    Comparison::new("before", before, after, (true, true), &|_| String::new())
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(cases in cases()) {
        let lines = lines(&run(&cases, true));
        let comparison = compared(&lines, &lines);
        prop_assert!(comparison.is_empty());
        prop_assert_eq!(comparison.unchanged, lines.len());
    }

    #[test]
    fn what_was_accepted_differs_no_more(before in cases(), after in cases()) {
        let before = Baseline::of(&run(&before, true));
        let mut after = run(&after, true);
        let Ok(accepted) = Baseline::accept(Some(before), &after, &|_| true) else {
            let undecided = |result: &CaseResult| result.case.level.gates(false) && result.verdict == Verdict::Inconclusive;
            prop_assert!(after.cases.iter().any(undecided), "nothing else is refused");
            return Ok(());
        };
        let read = Baseline::parse(&accepted.to_text()).expect("it reads back");
        prop_assert_eq!(&read, &accepted);
        let before = after.verdict;
        after.hold_against("accepted", &read.cases);
        prop_assert!(after.comparison.as_ref().is_some_and(Comparison::is_empty));
        prop_assert_eq!(after.verdict, before, "and the word of the run is its own again");
    }

    #[test]
    fn there_and_back_are_the_same_differences(one in cases(), other in cases()) {
        let (one, other) = (lines(&run(&one, true)), lines(&run(&other, true)));
        let (there, back) = (compared(&one, &other), compared(&other, &one));
        prop_assert_eq!(there.changes.len(), back.changes.len());
        prop_assert_eq!(there.of(ChangeKind::NewCase).count(), back.of(ChangeKind::RemovedCase).count());
        prop_assert_eq!(there.unchanged + there.changes.len() - there.of(ChangeKind::NewCase).count(), one.len());
    }

    #[test]
    fn a_stopped_run_removes_nothing_and_is_never_accepted(before in cases(), after in cases()) {
        let before = Baseline::of(&run(&before, true));
        let mut after = run(&after, false);
        prop_assert!(Baseline::accept(Some(before.clone()), &after, &|_| true).is_err());
        after.hold_against("before", &before.cases);
        let comparison = after.comparison.expect("compared");
        prop_assert_eq!(comparison.of(ChangeKind::RemovedCase).count(), 0);
        prop_assert!(after.verdict != RunVerdict::Qualified);
    }

    #[test]
    fn what_is_out_of_scope_stays(before in cases(), after in cases()) {
        let before = Baseline::of(&run(&before, true));
        let in_scope = |id: &str| id.starts_with("a/");
        let after: Cases = after.into_iter().filter(|(id, _)| in_scope(id)).collect();
        if let Ok(accepted) = Baseline::accept(Some(before.clone()), &run(&after, true), &in_scope) {
            let outside = |baseline: &Baseline| -> Vec<Line> {
                baseline.cases.iter().filter(|line| !in_scope(&line.case)).cloned().collect()
            };
            prop_assert_eq!(outside(&accepted), outside(&before));
        }
    }

    #[test]
    fn what_came_along_unasked_is_neither_compared_nor_accepted(before in cases(), after in cases()) {
        let (full, part) = (run(&before, true), with_cases_that_came_along(run(&after, true)));
        prop_assert!(lines(&part).iter().all(|line| !line.case.starts_with("a/")));
        let accepted = Baseline::of(&full);
        if let Ok(again) = Baseline::accept(Some(accepted.clone()), &part, &|id| !id.starts_with("a/")) {
            let unasked = |lines: &[Line]| lines.iter().filter(|line| line.case.starts_with("a/")).cloned().collect::<Vec<_>>();
            prop_assert_eq!(unasked(&again.cases), unasked(&accepted.cases));
        }
    }

    #[test]
    fn a_difference_of_any_kind_keeps_a_build_from_qualifying(before in cases(), after in cases()) {
        let before = lines(&run(&before, true));
        let mut after = run(&after, true);
        let own = after.verdict;
        after.hold_against("before", &before);
        let differs = after.comparison.as_ref().is_some_and(|comparison| !comparison.is_empty());
        let expected = match own {
            RunVerdict::Qualified if differs => RunVerdict::NotQualified,
            other => other,
        };
        prop_assert_eq!(after.verdict, expected);
    }
}
