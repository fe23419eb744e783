//! Selectors: ids, rows, folders, globs, tags, and what comes of a slip of the pen.
#![allow(clippy::unwrap_used, reason = "tests")]

use fedproof_results::CaseInfo;
use fedproof_scenario::{Catalogue, glob_matches, load};
use proptest::prelude::*;
use std::path::Path;

fn catalogue() -> Catalogue {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/good"), &[]).unwrap()
}

fn select(selectors: &[&str], is_asked: bool) -> Vec<String> {
    let selectors: Vec<String> = selectors.iter().map(|&selector| selector.to_owned()).collect();
    let selection = catalogue().select(&selectors, &|_: &CaseInfo| is_asked).unwrap();
    selection.cases().map(|case| case.id.clone()).collect()
}

#[test]
fn selectors_name_ids_rows_folders_globs_and_tags() {
    assert_eq!(select(&["acl/endpoint/backfill/v11"], false), ["acl/endpoint/backfill/v11"]);
    assert_eq!(select(&["acl/endpoint/backfill"], false).len(), 3);
    assert_eq!(select(&["acl/endpoint"], false).len(), 6);
    assert_eq!(select(&["acl/"], false).len(), 6);
    assert_eq!(select(&["acl/**"], false).len(), 6);
    assert_eq!(select(&["acl/endpoint/*"], false).len(), 6);
    assert_eq!(select(&["acl/endpoint/*/v12"], false).len(), 2);
    assert_eq!(select(&["**/v12", "**/v11"], false).len(), 4);
    assert_eq!(select(&["@smoke"], false).len(), 6);
    assert_eq!(select(&["acl/endpoint/backfill", "@smoke"], false).len(), 6);
}

#[test]
fn policy_has_to_be_asked_for() {
    assert_eq!(select(&[], false).len(), 7);
    assert_eq!(select(&[], true).len(), 8);
    assert_eq!(select(&["policy"], false), ["policy/allowlist/observed"]);
    let selection = catalogue().select(&["policy".to_owned()], &|_| false).unwrap();
    assert_eq!(selection.withheld, 1);
    let error = catalogue().select(&["policy/allowlist/inbound".to_owned()], &|_| false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`policy/allowlist/inbound` selects no case: what it names is asked for by a profile or a deployment only"
    );
}

#[test]
fn every_selector_that_selects_nothing_is_named_with_what_comes_near() {
    let selectors = ["acl/endpont", "acl/endpoint/backfill", "backfill", "@smokey", "nothing/at/all", ""];
    let selectors: Vec<String> = selectors.iter().map(|&selector| selector.to_owned()).collect();
    let error = catalogue().select(&selectors, &|_| false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`acl/endpont` selects no case, perhaps `acl/endpoint` was meant; \
         `backfill` selects no case, perhaps `acl/endpoint/backfill` was meant; \
         `@smokey` selects no case, perhaps `@smoke` was meant; \
         `nothing/at/all` selects no case; `` selects no case"
    );
}

#[test]
fn selected_rows_share_an_instance() {
    let selection = catalogue().select(&["acl/endpoint/*/v12".into(), "policy".into()], &|_| true).unwrap();
    let instances = selection.instances();
    let shapes: Vec<_> =
        instances.iter().map(|found| (found.scenario, found.room_version.as_deref(), found.cases.clone())).collect();
    assert_eq!(shapes, [(0, Some("12"), vec![0, 1]), (1, None, vec![0, 1])]);
}

#[test]
fn globs_mind_the_segments() {
    for (glob, text, matches) in [
        ("*", "a", true),
        ("*", "a/b", false),
        ("**", "a/b", true),
        ("a/**", "a/b/c", true),
        ("a/**", "a", false),
        ("a/**/c", "a/c", true),
        ("a/**/c", "a/b/b/c", true),
        ("a/**/c", "a/bc", false),
        ("**/c", "c", true),
        ("**/c", "bc", false),
        ("a?c", "abc", true),
        ("a?c", "a/c", false),
        ("a*", "abc", true),
        ("a*b*c", "axxbyyc", true),
        ("", "", true),
    ] {
        assert_eq!(glob_matches(glob, text), matches, "{glob} on {text}");
    }
}

proptest! {
    #[test]
    fn any_glob_meets_any_text(glob in "[ab*?/]{0,40}", text in "[ab/]{0,40}") {
        glob_matches(&glob, &text);
    }

    #[test]
    fn a_text_matches_itself_and_all(text in "[a-z/]{0,20}") {
        prop_assert!(glob_matches(&text, &text));
        prop_assert!(glob_matches("**", &text));
    }
}
