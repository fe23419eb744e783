//! The Grafana dashboard of the compose file asks for what `/metrics` has: names, labels, and values of labels.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::{collections::BTreeMap, path::Path};
use support::{get, history, serve};

/// Labels of a sample.
type Labels = BTreeMap<String, String>;

/// `a="x",b=~"y.*"` in name, operator, value. No value of ours has a quote in it.
fn labels(text: &str) -> Vec<(String, String, String)> {
    let parts = text.split('"').collect::<Vec<_>>();
    let pairs = parts.chunks_exact(2).map(|pair| {
        let name: String = pair[0].chars().filter(|one| one.is_alphanumeric() || *one == '_').collect();
        let operator = pair[0].trim_start_matches(|one: char| one != '=' && one != '!');
        (name, operator.to_owned(), pair[1].to_owned())
    });
    pairs.collect()
}

/// The samples of each family.
fn samples(metrics: &str) -> BTreeMap<String, Vec<Labels>> {
    let mut families: BTreeMap<String, Vec<Labels>> = BTreeMap::new();
    for line in metrics.lines().filter(|line| !line.starts_with('#')) {
        let (name, rest) = line.split_once('{').unwrap();
        let (inside, _) = rest.rsplit_once('}').unwrap();
        let given = labels(inside).into_iter().map(|(name, _, value)| (name, value));
        families.entry(name.to_owned()).or_default().push(given.collect());
    }
    families
}

/// Whether a value is what a selector asks for: a variable is anything, a pattern a row of beginnings.
fn is_met(value: &str, operator: &str, wanted: &str) -> bool {
    match operator {
        "=" => value == wanted,
        "=~" => {
            wanted.starts_with('$') || wanted.split('|').any(|one| value.starts_with(one.strip_suffix(".*").unwrap()))
        }
        other => panic!("{other} is not known here"),
    }
}

/// What is wrong with an expression and the labels that its legend shows.
fn wrong(families: &BTreeMap<String, Vec<Labels>>, expression: &str, shown: &str) -> Option<String> {
    let at = expression.find("fedproof_").unwrap_or_else(|| panic!("{expression} asks for nothing of ours"));
    assert!(!expression[at + 1..].contains("fedproof_"), "{expression}: one metric each is enough");
    let rest = &expression[at..];
    let end = rest.find(|one: char| !one.is_alphanumeric() && one != '_').unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let Some(family) = families.get(name) else { return Some(format!("there is no {name}")) };
    let inside = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(inside, _)| inside);
    let wanted = labels(inside);
    let fits = |sample: &&Labels| {
        wanted.iter().all(|(name, operator, value)| sample.get(name).is_some_and(|has| is_met(has, operator, value)))
    };
    let Some(sample) = family.iter().find(fits) else { return Some(format!("no sample is {name}{{{inside}}}")) };
    let by = expression.split_once(" by (").and_then(|(_, rest)| rest.split_once(')')).map(|(names, _)| names);
    let legend = shown.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0));
    let mut needed = by.into_iter().flat_map(|names| names.split(',')).map(str::trim).chain(legend);
    needed.find(|label| !sample.contains_key(*label)).map(|label| format!("{name} has no {label}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_asks_for_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let at = serve(history(folder.path()).await, None, folder.path()).await;
    let families = samples(&get(at, "/metrics").await.body);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/compose/grafana/runs.json");
    let board: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let targets = board["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut asked: Vec<(String, String)> =
        targets.map(|target| (text(&target["expr"]), text(&target["legendFormat"]))).collect();
    for variable in board["templating"]["list"].as_array().unwrap() {
        let query = text(&variable["query"]["query"]);
        let (selector, label) =
            query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')?.rsplit_once(", ")).unwrap();
        assert_eq!(label, variable["name"]);
        asked.push((selector.to_owned(), format!("{{{{{label}}}}}")));
    }
    let found: Vec<String> = asked.iter().filter_map(|(ask, shown)| wrong(&families, ask, shown)).collect();
    assert!(found.is_empty(), "{found:#?}");
    let is_shown = |name: &&String| asked.iter().any(|(ask, _)| ask.contains(name.as_str()));
    let unseen: Vec<&String> = families.keys().filter(|name| !is_shown(name)).collect();
    assert!(unseen.is_empty(), "no panel shows {unseen:?}");

    // What is wrong is found.
    for (ask, shown, says) in [
        ("fedproof_latest_bad{branch=~\"$branch\"}", "", "no fedproof_latest_bad"),
        ("fedproof_latest_good{brnch=~\"$branch\"}", "", "no sample is"),
        ("fedproof_latest_figure{unit=\"parsec\"}", "", "no sample is"),
        ("fedproof_latest_figure{series=~\"cpu_per_mile.*\"}", "", "no sample is"),
        ("sum by (verdct) (fedproof_latest_cases)", "", "has no verdct"),
        ("fedproof_latest_cases", "{{kind}}", "has no kind"),
    ] {
        let found = wrong(&families, ask, shown).unwrap_or_default();
        assert!(found.contains(says), "{ask}: {found}");
    }
}
