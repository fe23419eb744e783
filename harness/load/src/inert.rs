//! Expressions that say nothing: bounds on figures that there will not be, and conditions that can never be met.

use crate::{
    operation::Operation,
    series::Series,
    threshold::{Metric, Threshold},
    workload::Workload,
};
use serde::Deserialize;
use serde_saphyr::Spanned;

/// Where expressions stand in a file.
#[derive(Default, Deserialize)]
struct Places {
    #[serde(default)]
    thresholds: Vec<Spanned<String>>,
    #[serde(default)]
    stop_if: Vec<Spanned<String>>,
}

/// All of a workload that say nothing, with their lines in its text.
pub(crate) fn problems(workload: &Workload, text: &str) -> Vec<String> {
    let places: Places = serde_saphyr::from_str(text).unwrap_or_default();
    let lists = [
        ("thresholds", &workload.thresholds, places.thresholds, false),
        ("stop_if", &workload.stop_if, places.stop_if, true),
    ];
    let problems = lists.into_iter().flat_map(|(list, expressions, places, stops)| {
        let lines = places.into_iter().map(|place| place.referenced.line()).chain(std::iter::repeat(0));
        let told = expressions.iter().zip(lines).filter_map(move |(expression, line)| {
            let why = why(workload, expression, stops)?;
            let line = if line > 0 { format!("line {line}: ") } else { String::new() };
            Some(format!("{line}{list}: {expression}: {why}"))
        });
        told.collect::<Vec<_>>()
    });
    problems.collect()
}

/// Why an expression says nothing of this workload; none if it does.
fn why(workload: &Workload, expression: &Threshold, stops: bool) -> Option<String> {
    let measured = || workload.phases.iter().filter(|phase| phase.measured);
    let comes = |operation: &Operation| {
        measured().any(|phase| workload.operations(phase).get(operation).is_some_and(|weight| *weight > 0))
    };
    match (expression.metric, expression.of) {
        (Metric::Lost | Metric::CpuPerOp | Metric::DbPerOp, _) if stops => {
            Some("it is known at the end only, and so would never stop anything".to_owned())
        }
        (Metric::Lost, Some(series)) => Some(format!("lost is of all messages together: it is not told of {series}")),
        (Metric::Memory, Some(series)) => Some(format!("memory is of processes: it is not told of {series}")),
        (Metric::CpuPerOp | Metric::DbPerOp, Some(Series::Of(operation))) => {
            let alone = measured().any(|phase| {
                let mut weighty = workload.operations(phase).iter().filter(|(_, weight)| **weight > 0);
                weighty.next().is_some_and(|(only, _)| *only == operation) && weighty.next().is_none()
            });
            (!alone)
                .then(|| format!("no measured phase has only {operation}: what it costs cannot be told from the rest"))
        }
        (Metric::CpuPerOp | Metric::DbPerOp, Some(series)) => {
            Some(format!("work is told of operations, and {series} is none"))
        }
        (Metric::ErrorRate, Some(series)) if !matches!(series, Series::Of(_) | Series::CaughtUp) => {
            Some(format!("{series} never fails: what nobody saw is lost"))
        }
        (_, Some(series)) => {
            let causes = series.operations();
            let names: Vec<&str> = causes.iter().map(|one| one.name()).collect();
            let nothing = !causes.is_empty() && !causes.iter().any(comes);
            nothing.then(|| format!("no measured phase has {}: there will be nothing to judge", names.join(" or ")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "workload: t\nabout: t\npopulation: {users: 1, watchers: 1, rooms: [{count: 1, members: 2}]}\n\
                        operations: {send: 1}\nphases:\n  - {phase: warm-up, seconds: 9, rate: 1, measured: false, \
                        operations: {login: 1}}\n  - {phase: day, seconds: 9, rate: 1}\n  - {phase: both, seconds: 9, \
                        rate: 1, operations: {send: 1, typing: 1, receipt: 0}}\n";

    fn told(expressions: &str) -> Vec<String> {
        let text = format!("{HEAD}{expressions}");
        problems(&serde_saphyr::from_str(&text).unwrap(), &text)
    }

    #[test]
    fn what_says_something_is_let_be() {
        let none: Vec<String> = Vec::new();
        let good = "thresholds: [p95(send) < 1s, p95(seen_remote) < 1s, lost < 1, cpu_per_op < 9ms, db_per_op(send) < 9, \
                    error_rate(typing) < 1%, error_rate(caught_up) < 1%, memory < 9MB]\nstop_if: [error_rate > 20%, \
                    p95 > 9s, memory > 9GB]\n";
        assert_eq!(told(good), none);
    }

    #[test]
    fn what_can_never_stop_anything_is_refused_with_its_line() {
        let told = told(
            "thresholds:\n  - lost < 1\nstop_if:\n  - error_rate > 20%\n  - lost > 3\n  - cpu_per_op(send) > 9ms\n",
        );
        let lines: Vec<&str> = told.iter().map(|one| &one[..one.find(": it is known at the end").unwrap()]).collect();
        assert_eq!(lines, ["line 13: stop_if: lost > 3", "line 14: stop_if: cpu_per_op(send) > 9ms"]);
    }

    #[test]
    fn what_there_will_be_no_figure_of_is_refused() {
        for (expression, part) in [
            ("lost(seen_local) < 1", "of all messages"),
            ("memory(send) < 9MB", "of processes"),
            ("cpu_per_op(typing) < 9ms", "no measured phase has only typing"),
            ("db_per_op(seen_local) < 9", "is none"),
            ("error_rate(seen_local) < 1%", "never fails"),
            ("p95(login) < 1s", "no measured phase has login"),
            ("p95(receipt) < 1s", "no measured phase has receipt"),
            ("p95(seen_inbound) < 1s", "no measured phase has transaction"),
        ] {
            let told = told(&format!("thresholds: [\"{expression}\"]\n"));
            assert!(told.len() == 1 && told[0].contains(part), "{expression}: {told:?}");
        }
    }
}
