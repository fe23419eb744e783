//! What the shipped policy makes of a candidate.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_history::{
    CaseOutcome, Entry, SeriesPoint,
    gate::{Effect, Finding, Policy, Question, judge, told},
};
use fedproof_results::{Level, Verdict};
use std::collections::BTreeMap;
use support::entry;

fn policy() -> Policy {
    Policy::parse(include_str!("../../../fixtures/gate.yaml")).unwrap()
}

/// Findings as `effect rule about`.
fn found(candidate: &Entry, base: Option<&Entry>, figures: &[f64]) -> (Vec<String>, Vec<Finding>) {
    found_by(&policy(), candidate, base, figures)
}

fn found_by(policy: &Policy, candidate: &Entry, base: Option<&Entry>, figures: &[f64]) -> (Vec<String>, Vec<Finding>) {
    let point = |(run, value): (usize, &f64)| SeriesPoint {
        run_id: format!("run-{run}"),
        build: format!("c{run}"),
        started_at: format!("2026-01-01T00:{run:02}:00Z"),
        value: *value,
    };
    let points = figures.len();
    let figures: Vec<SeriesPoint> = figures.iter().enumerate().map(point).collect();
    let figures = candidate.figures.iter().map(|figure| (figure.name.clone(), figures.clone())).collect();
    let question = Question {
        candidate,
        base,
        outcomes: &BTreeMap::new(),
        figures: &figures,
        is_of_its_branch: true,
        history_is_missing: points == 0,
    };
    let findings = judge(&question, policy);
    let told = findings.iter().map(|one| format!("{:?} {} {}", one.effect, one.rule, one.about)).collect();
    (told, findings)
}

#[test]
fn what_is_the_same_is_nothing_to_tell() {
    let (told, _) = found(&entry(2, 5), Some(&entry(1, 5)), &[100.0; 30]);
    assert_eq!(told, Vec::<String>::new());
}

#[test]
fn each_change_has_its_rule() {
    let (base, mut candidate) = (entry(1, 6), entry(2, 7));
    candidate.outcomes[0].verdict = Verdict::Fail;
    candidate.outcomes[1].verdict = Verdict::Inconclusive;
    candidate.outcomes[2].level = Level::Should;
    candidate.outcomes[4].level = Level::Policy;
    candidate.outcomes.remove(3);
    let (mut told, findings) = found(&candidate, Some(&base), &[]);
    told.sort();
    assert_eq!(
        told,
        [
            "Block cases.regressed acl/area-0/case-0 on alpha",
            "Block cases.removed acl/area-3/case-3 on alpha",
            "Block cases.undecided acl/area-1/case-1 on alpha",
            "Block cases.weakened acl/area-2/case-2 on alpha",
            "Note cases.new acl/area-6/case-6 on alpha",
            "Warn cases.level acl/area-4/case-4 on alpha",
        ]
    );
    assert_eq!(findings[0].effect, Effect::Block, "what blocks comes first");
    assert_eq!(told::counts(&findings), "4 block, 1 warns, 1 to note");
}

#[test]
fn what_does_not_gate_and_what_is_accepted_only_warns() {
    let (mut base, mut candidate) = (entry(1, 2), entry(2, 2));
    base.outcomes[1].level = Level::Should;
    candidate.outcomes[0].verdict = Verdict::Fail;
    candidate.outcomes[0].accepted = true;
    candidate.outcomes[1].verdict = Verdict::Fail;
    candidate.outcomes[1].level = Level::Should;
    let (told, findings) = found(&candidate, Some(&base), &[]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(findings.iter().all(|finding| finding.effect == Effect::Warn), "{findings:?}");
}

#[test]
fn one_run_out_of_bounds_and_a_change_of_level_say_how_much_and_since_when() {
    let mut candidate = entry(40, 1);
    candidate.figures[0].value = 140.0;
    let steady: Vec<f64> = (0..30).map(|run| 100.0 + f64::from(run % 3)).collect();
    let (told, findings) = found(&candidate, None, &steady);
    assert_eq!(told, ["Warn history.bounds.cpu cpu(alpha)"]);
    assert!(findings[0].says.contains("+38.6 % of 101.0000 ms (median of 30 runs)"), "{}", findings[0].says);
    // The same for some runs now: its level, no news of one run, but a change.
    let changed: Vec<f64> = steady.iter().copied().chain([139.0, 141.0, 140.0, 139.0, 141.0, 140.0]).collect();
    let (told, findings) = found(&candidate, None, &changed);
    assert_eq!(told, ["Block history.changes.cpu cpu(alpha)"]);
    assert_eq!(findings[0].since.as_deref(), Some("c30"));
    assert!(findings[0].says.contains("between c29 and c30, 7 runs ago"), "{}", findings[0].says);
    assert!(findings[0].chance.unwrap() < 0.006, "{findings:?}");
    // Less is no finding.
    candidate.figures[0].value = 50.0;
    assert_eq!(found(&candidate, None, &steady).0, Vec::<String>::new());
}

/// A step that is meant would stop every build after it, if nobody could say so.
#[test]
fn a_worse_level_is_accepted_up_to_a_value_and_until_a_day() {
    let mut candidate = entry(40, 1);
    let figure = &mut candidate.figures[0];
    figure.value = 140.0;
    let (name, day) = (figure.name.clone(), candidate.head.started_at[..10].to_owned());
    let steady: Vec<f64> = (0..30).map(|run| 100.0 + f64::from(run % 3)).collect();
    let stepped: Vec<f64> = steady.iter().copied().chain([139.0, 141.0, 140.0, 139.0, 141.0, 140.0]).collect();
    let shipped = include_str!("../../../fixtures/gate.yaml");
    let accepted = |figure: &str, at_most: f64, expires: &str| {
        let line = format!(
            "accepted: [{{figure: {figure}, at_most: {at_most}, reason: meant, accepted_by: N, expires: {expires}}}]"
        );
        Policy::parse(&shipped.replace("accepted: []", &line)).unwrap()
    };
    for (figures, rule) in [(&steady, "history.bounds.cpu"), (&stepped, "history.changes.cpu")] {
        let told = |policy: &Policy| found_by(policy, &candidate, None, figures);
        let (notes, findings) = told(&accepted(&name, 145.0, &day));
        assert_eq!(notes, [format!("Note {rule} {name}")]);
        assert!(findings[0].says.ends_with(&format!("(accepted up to 145 by N until {day}: meant)")), "{findings:?}");
        let elsewhere = format!("{name}, place: elsewhere");
        for other in [
            accepted(&name, 139.0, &day),
            accepted(&name, 145.0, "2025-01-01"),
            accepted("cpu(bravo)", 145.0, &day),
            accepted(&elsewhere, 145.0, &day),
        ] {
            assert_ne!(told(&other).1[0].effect, Effect::Note, "{other:?}");
        }
    }
    let nobody = shipped.replace(
        "accepted: []",
        "accepted: [{figure: x, at_most: 1, reason: ' ', accepted_by: N, expires: 2027-01-01}]",
    );
    assert!(Policy::parse(&nobody).unwrap_err().to_string().contains("history.accepted of x needs a reason"));
}

/// Shortly after a step nothing is said of one run: that it is not, is told.
#[test]
fn figures_without_a_level_are_named() {
    let candidate = entry(40, 1);
    let value = candidate.figures[0].value;
    let lower: Vec<f64> = (0..30).map(|run| value * 2.0 + f64::from(run % 3)).chain([value; 3]).collect();
    let (_, findings) = found(&candidate, None, &lower);
    let told = findings.iter().find(|finding| finding.rule == "history.nothing").unwrap();
    assert!(told.says.contains("held against no level") && told.says.contains("cpu(alpha)"), "{told:?}");
}

/// A promise that is no promise any more, with another verdict at the same time.
#[test]
fn a_requirement_that_becomes_an_observation_is_weakened() {
    for (level, verdict) in [(Level::Observe, Verdict::Observed), (Level::Should, Verdict::Skipped)] {
        let (base, mut candidate) = (entry(1, 1), entry(2, 1));
        candidate.outcomes[0].level = level;
        candidate.outcomes[0].verdict = verdict;
        assert_eq!(found(&candidate, Some(&base), &[]).0, ["Block cases.weakened acl/area-0/case-0 on alpha"]);
    }
}

#[test]
fn a_requirement_that_is_weakened_hides_no_failure() {
    let (base, mut candidate) = (entry(1, 1), entry(2, 1));
    candidate.outcomes[0].verdict = Verdict::Fail;
    candidate.outcomes[0].level = Level::Should;
    assert_eq!(found(&candidate, Some(&base), &[]).0, ["Block cases.regressed acl/area-0/case-0 on alpha"]);
}

#[test]
fn who_brings_a_level_down_again_is_not_stopped_by_it() {
    let mut candidate = entry(40, 1);
    let changed: Vec<f64> = (0..36).map(|run| if run < 30 { 100.0 } else { 140.0 } + f64::from(run % 3)).collect();
    candidate.figures[0].value = 101.0;
    assert_eq!(found(&candidate, None, &changed).0, Vec::<String>::new());
    // Nothing that stays nothing is no change.
    candidate.figures[0].value = 0.0;
    assert_eq!(found(&candidate, None, &[0.0; 30]).0, Vec::<String>::new());
}

#[test]
fn a_series_that_is_gone_blocks_and_too_few_runs_are_told() {
    let mut candidate = entry(40, 1);
    let figures = candidate.figures.clone();
    candidate.figures[0].name = "cpu(other)".into();
    let points: Vec<SeriesPoint> = (0..20)
        .map(|run| SeriesPoint {
            run_id: format!("run-{run}"),
            build: "c".into(),
            started_at: format!("2026-01-01T00:{run:02}:00Z"),
            value: 100.0,
        })
        .collect();
    let history = BTreeMap::from([(figures[0].name.clone(), points)]);
    let question = Question {
        candidate: &candidate,
        base: None,
        outcomes: &BTreeMap::new(),
        figures: &history,
        is_of_its_branch: true,
        history_is_missing: false,
    };
    let findings = judge(&question, &policy());
    assert_eq!(
        (findings[0].rule, findings[0].effect, findings[0].about.as_str()),
        ("history.missing", Effect::Block, "cpu(alpha)")
    );
    let question = Question { figures: &BTreeMap::new(), ..question };
    assert_eq!((judge(&question, &policy())[0].rule, judge(&question, &policy()).len()), ("history.nothing", 1));
}

#[test]
fn flat_series_of_many_kinds_stop_hardly_a_build() {
    // Forty series at once, twenty-five times, in noise that is far from normal.
    let mut random = fastrand::Rng::with_seed(3);
    let mut noise = move || 100.0 * (1.0 + 0.08 * (random.f64().powi(3) * 4.0 - 1.0));
    let mut alarms = 0;
    for _ in 0..25 {
        let mut candidate = entry(100, 1);
        let figure = candidate.figures[0].clone();
        candidate.figures = (0..40)
            .map(|index| fedproof_history::Figure { name: format!("cpu({index})"), value: noise(), ..figure.clone() })
            .collect();
        let series = (0..40).map(|index| {
            let points = (0..60).map(|run| SeriesPoint {
                run_id: format!("run-{run}"),
                build: format!("c{run}"),
                started_at: String::new(),
                value: noise(),
            });
            (format!("cpu({index})"), points.collect())
        });
        let history: BTreeMap<String, Vec<SeriesPoint>> = series.collect();
        let question = Question {
            candidate: &candidate,
            base: None,
            outcomes: &BTreeMap::new(),
            figures: &history,
            is_of_its_branch: true,
            history_is_missing: false,
        };
        alarms +=
            usize::from(judge(&question, &policy()).iter().any(|finding| finding.rule.starts_with("history.changes")));
    }
    assert!(alarms <= 1, "{alarms} of 25 builds were stopped by chance");
}

#[test]
fn who_comes_and_goes_on_one_build_is_flaky() {
    let candidate = entry(9, 1);
    let before = |run: usize, verdict| CaseOutcome {
        run_id: format!("run-{run}"),
        branch: "main".into(),
        place: candidate.head.place.clone(),
        build: candidate.head.build.clone(),
        started_at: format!("2026-01-01T00:{run:02}:00Z"),
        server: "alpha".into(),
        level: Level::Must,
        verdict,
        seen: String::new(),
        reason: String::new(),
        accepted: false,
        duration_ms: 1,
    };
    let judged = |before: Vec<CaseOutcome>| {
        let outcomes = BTreeMap::from([(candidate.outcomes[0].case.clone(), before)]);
        let question = Question {
            candidate: &candidate,
            base: None,
            outcomes: &outcomes,
            figures: &BTreeMap::new(),
            is_of_its_branch: true,
            history_is_missing: true,
        };
        judge(&question, &policy())
    };
    let flaky = judged(vec![before(8, Verdict::Fail), before(7, Verdict::Pass)]);
    assert_eq!((flaky[0].rule, flaky[0].effect), ("cases.flaky", Effect::Warn));
    assert_eq!(judged(vec![before(8, Verdict::Pass), before(7, Verdict::Fail)]), [], "it was mended, once");
}

#[test]
fn a_policy_with_a_mistake_says_where() {
    let text = include_str!("../../../fixtures/gate.yaml").replace("regressed: block", "regresed: block");
    let error = Policy::parse(&text).unwrap_err().to_string();
    assert!(error.contains("regresed") && error.contains("line 5"), "{error}");
    let text = include_str!("../../../fixtures/gate.yaml").replace("significance: 0.01 ", "significance: 5 ");
    let error = Policy::parse(&text).unwrap_err().to_string();
    assert!(error.contains("history.changes.significance is 5"), "{error}");
    let text = include_str!("../../../fixtures/gate.yaml").replace("share: 0.02", "share: 2");
    let error = Policy::parse(&text).unwrap_err().to_string();
    assert!(error.contains("history.bounds.work.share is 2, it must be a share of more than 0"), "{error}");
    let text = include_str!("../../../fixtures/gate.yaml").replace("      cpu: {is: block, least_effect: 0.05}\n", "");
    let error = Policy::parse(&text).unwrap_err().to_string();
    assert!(error.contains("cpu needs a line in history.bounds and in history.changes.kinds"), "{error}");
}
