//! `metrics.txt`: a run in numbers, as OpenMetrics text: GitLab shows in a merge request which of them changed.

use fedproof_results::RunRecord;
use std::{collections::BTreeMap, fmt::Write};

/// The metrics of a run; units are in their names, as OpenMetrics asks.
pub fn metrics(record: &RunRecord) -> String {
    let mut cases: BTreeMap<String, u64> = BTreeMap::new();
    for result in record.cases.iter().filter(|result| !result.case.is_standing()) {
        *cases.entry(result.verdict.to_string()).or_default() += 1;
    }
    let cases = cases.into_iter().map(|(verdict, count)| (vec![("verdict", verdict)], count as f64));
    let wall = record.wall_ms;
    let wall = [("total", wall.total), ("boot", wall.boot), ("cases", wall.cases), ("client", wall.client)];
    let wall = wall.into_iter().map(|(part, ms)| (vec![("part", part.to_owned())], ms as f64 / 1000.0));
    let usage = |of: fn(&fedproof_results::ServerUsage) -> f64| {
        record.usage.iter().map(move |one| (vec![("server", one.name.clone())], of(one)))
    };
    let word = serde_json::to_value(record.verdict).ok();
    let word = word.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
    let mut text = String::new();
    open_metrics_family(&mut text, "fedproof_verdict", "The word of the run.", [(vec![("verdict", word)], 1.0)]);
    open_metrics_family(&mut text, "fedproof_cases", "Cases by verdict.", cases);
    open_metrics_family(&mut text, "fedproof_wall_seconds", "Wall time by part of the run.", wall);
    open_metrics_family(
        &mut text,
        "fedproof_cpu_seconds",
        "Processor time of a homeserver.",
        usage(|one| one.cpu_ms as f64 / 1000.0),
    );
    open_metrics_family(
        &mut text,
        "fedproof_memory_bytes",
        "Resident memory of a homeserver.",
        usage(|one| one.rss_bytes as f64),
    );
    text + "# EOF\n"
}

/// A family of gauges as OpenMetrics text: labels and value of each sample. `# EOF` comes behind the last family.
pub fn open_metrics_family(
    text: &mut String,
    name: &str,
    help: &str,
    samples: impl IntoIterator<Item = (Vec<(&'static str, String)>, f64)>,
) {
    // Writing to a string does not fail.
    let _ = write!(text, "# TYPE {name} gauge\n# HELP {name} {help}\n");
    for (labels, sample) in samples {
        let labels = labels.into_iter().map(|(label, value)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("{label}=\"{value}\"")
        });
        let _ = writeln!(text, "{name}{{{}}} {sample}", labels.collect::<Vec<_>>().join(","));
    }
}
