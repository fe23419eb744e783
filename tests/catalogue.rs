//! The catalogue of `fixtures/catalogue.yaml` against the cases there are.

mod support;

use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Row {
    row: String,
    level: String,
    p: u8,
    /// Another issue than its chapter's, which may be open.
    #[serde(default)]
    issue: Option<u8>,
}

/// Chapters that are whole: every row that names no other issue is decided.
const COVERED: [&str; 13] = [
    "endpoint",
    "send",
    "join",
    "match",
    "lifecycle",
    "leak",
    "policy",
    "interop",
    "invariant",
    "encryption",
    "downstream",
    "hardening",
    "admin",
];
/// Rows of other chapters that are decided.
const DECIDED: [&str; 4] =
    ["policy/rooms/shape", "interop/encrypted-message", "invariant/no-plaintext", "acl/lifecycle/every-worker"];
/// Rows of a lower priority may be missing.
const PRIORITY: u8 = 1;

#[test]
fn every_row_of_the_covered_chapters_has_a_case() {
    let text = std::fs::read_to_string("fixtures/catalogue.yaml").expect("the catalogue is there");
    let chapters: BTreeMap<String, Vec<Row>> = serde_saphyr::from_str(&text).expect("it reads");
    let (code, listed, _) = support::fedproof(&["list", "--format", "json"]);
    assert_eq!(code, 0);
    let cases: Vec<serde_json::Value> = serde_json::from_str(&listed).expect("list prints JSON");
    assert!(cases.len() >= 250, "{} cases", cases.len());
    let mut missing = Vec::new();
    let covered = COVERED.iter().flat_map(|chapter| &chapters[*chapter]).filter(|row| row.issue.is_none());
    let decided = chapters.values().flatten().filter(|row| DECIDED.contains(&row.row.as_str()));
    for row in covered.chain(decided) {
        let prefix = format!("{}/", row.row);
        let of_row = |case: &&serde_json::Value| {
            let id = case["id"].as_str().unwrap_or_default();
            id == row.row || id.starts_with(&prefix)
        };
        match cases.iter().find(of_row) {
            None if row.p <= PRIORITY => missing.push(row.row.clone()),
            None => {}
            // Where a row has cases of several levels, the catalogue's is among them.
            Some(_) => {
                let mut levels = cases.iter().filter(of_row).map(|case| case["level"].as_str().unwrap_or_default());
                assert!(levels.any(|level| level == row.level), "no case of {} has its level, {}", row.row, row.level);
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
