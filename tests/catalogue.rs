//! The catalogue of `fixtures/catalogue.yaml` against the cases there are.

mod support;

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Row {
    row: String,
    level: String,
    p: u8,
}

/// Chapters whose rows must be covered, up to this priority.
const COVERED: [(&str, u8); 3] = [("endpoint", 1), ("send", 0), ("match", 1)];

#[test]
fn every_row_of_the_covered_chapters_has_a_case() {
    let text = std::fs::read_to_string("fixtures/catalogue.yaml").expect("the catalogue is there");
    let chapters: BTreeMap<String, Vec<Row>> = serde_saphyr::from_str(&text).expect("it reads");
    let (code, listed, _) = support::fedproof(&["list", "--format", "json"]);
    assert_eq!(code, 0);
    let cases: Vec<serde_json::Value> = serde_json::from_str(&listed).expect("list prints JSON");
    let mut missing = Vec::new();
    for (chapter, priority) in COVERED {
        for row in chapters[chapter].iter().filter(|row| row.p <= priority) {
            let prefix = format!("{}/", row.row);
            let of_row = |case: &&serde_json::Value| {
                let id = case["id"].as_str().unwrap_or_default();
                id == row.row || id.starts_with(&prefix)
            };
            match cases.iter().find(of_row) {
                None => missing.push(row.row.clone()),
                Some(case) => assert_eq!(case["level"], row.level.as_str(), "level of {}", row.row),
            }
        }
    }
    assert!(missing.is_empty(), "no case for {missing:?}");
}

#[test]
fn the_list_keeps_its_contract() {
    let (_, listed, _) = support::fedproof(&["list", "--format", "json"]);
    let cases: Vec<serde_json::Value> = serde_json::from_str(&listed).expect("list prints JSON");
    for case in &cases {
        for key in ["id", "title", "level", "requirement", "scenario"] {
            assert!(case[key].is_string(), "{key} of {case}");
        }
        assert!(case["priority"].is_u64() && case["tags"].is_array(), "{case}");
    }
}
