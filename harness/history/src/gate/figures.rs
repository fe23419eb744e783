//! Figures: of a paired session, of one run against those before it, and of all of them together.

use super::{AcceptedLevel, Effect, Finding, Policy, Question};
use crate::{
    Figure, FigureKind,
    change::{change_points, median},
};
use fedproof_results::{
    Day,
    load::{LoadRecord, LoadVerdict, Verdict},
};

/// Fewest runs before the candidate that make a level.
const LEAST_RUNS: usize = 5;

/// One run against the level before it: what is counted is steady enough for one run to tell.
pub(super) fn bounds(question: &Question, policy: &Policy) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut without_level = Vec::new();
    for figure in &question.candidate.figures {
        let Some(bound) = policy.history.bounds.get(&figure.kind).filter(|bound| bound.is != Effect::Ignore) else {
            continue;
        };
        let before: Vec<f64> = values(question, &figure.name);
        // The level is what came since the last change, or yesterday's step would be allowed for ever.
        let settings = policy.history.changes.settings(bound.share, question.candidate.figures.len());
        let from = change_points(&before, &settings).last().map_or(0, |change| change.at);
        let level = &before[from..];
        if level.len() < LEAST_RUNS {
            without_level.push(figure.name.as_str());
            continue;
        }
        let middle = median(level);
        let distances: Vec<f64> = level.iter().map(|value| (value - middle).abs()).collect();
        // 1.4826: from the median of distances to a standard deviation, if the noise is normal.
        let sigma = 1.4826 * median(&distances);
        let allowed = middle + (bound.share * middle.abs()).max(bound.sigmas * sigma);
        if figure.value > allowed {
            let more = (figure.value - middle) / middle.abs() * 100.0;
            let finding = Finding {
                rule: match figure.kind {
                    FigureKind::Work => "history.bounds.work",
                    FigureKind::Cpu => "history.bounds.cpu",
                    FigureKind::Memory => "history.bounds.memory",
                    FigureKind::Latency => "history.bounds.latency",
                },
                effect: bound.is,
                about: figure.name.clone(),
                says: format!(
                    "{:.4} {unit}, {more:+.1} % of {middle:.4} {unit} (median of {} runs); allowed: {allowed:.4}",
                    figure.value,
                    level.len(),
                    unit = figure.unit
                ),
                since: Some(question.candidate.head.build.clone()),
                chance: None,
            };
            findings.push(or_accepted(finding, figure, question, policy));
        }
    }
    // Where no series has a level, `unjudged` says so.
    if !without_level.is_empty() && question.candidate.head.complete && longest(question) >= LEAST_RUNS {
        let (count, named) = (without_level.len(), without_level.join(", "));
        findings.push(Finding {
            rule: "history.nothing",
            effect: policy.history.nothing,
            about: question.candidate.head.place.clone(),
            says: format!("{count} figures were held against no level, for want of {LEAST_RUNS} runs since the last change: {named}"),
            since: None,
            chance: None,
        });
    }
    findings
}

/// A worse figure, or a note of it where the policy accepts it on the day of the run.
fn or_accepted(finding: Finding, figure: &Figure, question: &Question, policy: &Policy) -> Finding {
    let head = &question.candidate.head;
    let today = Day::of_time(&head.started_at).ok();
    let holds = |one: &&AcceptedLevel| {
        (one.figure == figure.name && head.place.starts_with(&one.place))
            && (figure.value <= one.at_most && today.is_some_and(|today| today <= one.expires))
    };
    match policy.history.accepted.iter().find(holds) {
        Some(AcceptedLevel { at_most, reason, accepted_by, expires, .. }) => Finding {
            effect: finding.effect.max(Effect::Note),
            says: format!("{} (accepted up to {at_most} by {accepted_by} until {expires}: {reason})", finding.says),
            ..finding
        },
        None => finding,
    }
}

/// How many runs before the candidate the longest series has.
fn longest(question: &Question) -> usize {
    question.figures.values().map(Vec::len).max().unwrap_or(0)
}

/// Changes of level to the worse among the latest runs, the candidate included.
pub(super) fn changes(question: &Question, policy: &Policy) -> Vec<Finding> {
    let changes = &policy.history.changes;
    let mut findings = Vec::new();
    for figure in &question.candidate.figures {
        let Some(kind) = changes.kinds.get(&figure.kind) else { continue };
        let points = question.figures.get(&figure.name).map(Vec::as_slice).unwrap_or_default();
        let mut values: Vec<f64> = points.iter().map(|point| point.value).collect();
        values.push(figure.value);
        let settings = changes.settings(kind.least_effect, question.candidate.figures.len());
        let found = change_points(&values, &settings);
        for change in found.iter().filter(|change| change.effect() > 0.0 && change.at + changes.recent >= values.len())
        {
            // Who brings the level down again is not to be stopped by it.
            let is_back = (figure.value - change.before).abs() < (figure.value - change.after).abs();
            if is_back || found.last() != Some(change) {
                continue;
            }
            let build = points.get(change.at).map_or(&question.candidate.head.build, |point| &point.build);
            let before = change.at.checked_sub(1).and_then(|at| points.get(at)).map_or("", |point| &point.build);
            let finding = Finding {
                rule: match figure.kind {
                    FigureKind::Work => "history.changes.work",
                    FigureKind::Cpu => "history.changes.cpu",
                    FigureKind::Memory => "history.changes.memory",
                    FigureKind::Latency => "history.changes.latency",
                },
                // What the base branch brought with it stops nobody else's branch.
                effect: if question.is_of_its_branch { kind.is } else { kind.is.max(Effect::Warn) },
                about: figure.name.clone(),
                says: format!(
                    "{:.4} → {:.4} {} ({:+.1} %) between {before} and {build}, {} runs ago",
                    change.before,
                    change.after,
                    figure.unit,
                    change.effect() * 100.0,
                    values.len() - change.at
                ),
                since: Some(build.clone()),
                chance: Some(change.chance),
            };
            findings.push(or_accepted(finding, figure, question, policy));
        }
    }
    findings
}

/// What cannot be judged: series that are gone, and such that have no level yet.
pub(super) fn unjudged(question: &Question, policy: &Policy) -> Vec<Finding> {
    let candidate = question.candidate;
    if question.history_is_missing || !candidate.head.complete {
        return Vec::new();
    }
    let finding = |rule, effect, about: &str, says: String| Finding {
        rule,
        effect,
        about: about.to_owned(),
        says,
        since: None,
        chance: None,
    };
    let has = |name: &String| candidate.figures.iter().any(|figure| figure.name == *name);
    let runs = longest(question);
    // One that came once is no series: half of the runs have those that are.
    let gone = question.figures.iter().filter(|(name, points)| !has(name) && 2 * points.len() >= runs);
    let mut findings: Vec<Finding> = gone
        .map(|(name, points)| {
            let says = format!("{} of the {runs} runs before have it, this one does not", points.len());
            finding("history.missing", policy.history.missing, name, says)
        })
        .collect();
    if runs < LEAST_RUNS {
        let says = format!("{runs} earlier runs with figures, {LEAST_RUNS} make a level: no figure was judged");
        findings.push(finding("history.nothing", policy.history.nothing, &candidate.head.place, says));
    }
    findings
}

/// What a paired session says.
pub(super) fn paired(load: &LoadRecord, policy: &Policy) -> Vec<Finding> {
    let paired = &policy.paired;
    let found = |rule, effect, about: &str, says: String| Finding {
        rule,
        effect,
        about: about.to_owned(),
        says,
        since: None,
        chance: None,
    };
    let mut findings = Vec::new();
    let verdict = load.verdict();
    if matches!(verdict, LoadVerdict::Broken | LoadVerdict::Invalid | LoadVerdict::StoppedEarly) {
        let mut why: Vec<String> = load.invalid_because.clone();
        why.extend(Some(load.stopped_because.clone()).filter(|reason| !reason.is_empty()));
        let (word, means) = verdict.words();
        let says = if why.is_empty() { format!("{word}: {means}") } else { format!("{word}: {}", why.join("; ")) };
        findings.push(found("paired.broken", paired.broken, &load.workload, says));
    }
    let Some(comparison) = &load.comparison else { return findings };
    for figure in &comparison.figures {
        let says = format!(
            "{:.4} → {:.4} {}: {:+.1} % (between {:+.1} and {:+.1} %, {:.0} % sure over {} comparisons)",
            figure.a,
            figure.b,
            figure.unit,
            (figure.ratio - 1.0) * 100.0,
            (figure.low - 1.0) * 100.0,
            (figure.high - 1.0) * 100.0,
            comparison.confidence * 100.0,
            comparison.comparisons
        );
        let (rule, effect) = match figure.verdict {
            Verdict::Slower => ("paired.slower", paired.slower),
            Verdict::Faster => ("paired.faster", paired.faster),
            Verdict::Unclear => ("paired.unclear", paired.unclear),
            Verdict::NoDifference => continue,
        };
        findings.push(found(rule, effect, &figure.name, says));
    }
    for (name, reason) in &comparison.left_out {
        findings.push(found("paired.unclear", paired.unclear, name, reason.clone()));
    }
    findings
}

fn values(question: &Question, name: &str) -> Vec<f64> {
    let points = question.figures.get(name).map(Vec::as_slice).unwrap_or_default();
    points.iter().map(|point| point.value).collect()
}
