//! The page: every link leads somewhere, nothing foreign is markup, nothing is fetched.

mod sample;

use fedproof_report::html;
use fedproof_results::{Event, RunRecord};
use std::collections::HashSet;

fn page(events: &[Event]) -> String {
    html(&RunRecord::from_events(events).expect("the sample begins with the start of a run"))
}

/// Values of an attribute, as the page spells them.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let opening = format!(" {attribute}=\"");
    page.split(&opening).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn every_link_leads_to_a_place_on_the_page() {
    for events in [sample::mixed(), sample::chapters(), sample::stopped(), sample::clean(), sample::unbooted()] {
        let page = page(&events);
        let places: Vec<_> = values(&page, "id");
        let distinct: HashSet<_> = places.iter().collect();
        assert_eq!(places.len(), distinct.len(), "no id stands twice");
        for link in values(&page, "href") {
            let place = link.strip_prefix('#').unwrap_or_else(|| panic!("{link} leads off the page"));
            assert!(distinct.contains(&place), "{link} leads nowhere");
        }
    }
}

#[test]
fn every_kept_exchange_has_its_place_and_a_lost_one_no_link() {
    let events = sample::mixed();
    let page = page(&events);
    let places: HashSet<_> = values(&page, "id").into_iter().collect();
    let mut kept = 0;
    for event in &events {
        if let Event::Evidence { exchange } = event {
            kept += 1;
            assert!(places.contains(format!("x{}", exchange.id).as_str()));
        }
    }
    assert!(kept > 50);
    assert!(!page.contains("#x999999"));
}

#[test]
fn foreign_text_is_no_markup() {
    let page = page(&sample::mixed());
    assert!(page.contains("&lt;script&gt;alert(1)"));
    assert!(!page.contains("<script>alert"));
    assert_eq!(page.matches("<script").count(), 1, "just our own");
    assert!(!page.contains('\u{1b}'));
}

#[test]
fn chapters_have_pages_of_their_own() {
    let page = page(&sample::chapters());
    for (id, says) in [
        ("changes", &["new failure", "new pass", "removed case", "wants acceptance"] as &[&str]),
        ("guarded", &["acl/endpoint/backfill", "synapse 1.163.2", "synapse 1.152.1"]),
        ("patterns", &["*.bad.example", "a.bad.example", "silent", "allowed"]),
        ("interop", &["2 of 2 passed", "0 of 1 passed", "join 612 ms", "event 98.7 ms"]),
        ("invariants", &["invariant/recipients", "exchange #3", "#case:acl/endpoint/backfill/v12"]),
        ("requirements", &["Server-server API, Server ACLs", "acl/match/star"]),
    ] {
        let section = page.split("<section id=").find(|section| section.starts_with(&format!("\"{id}\""))).expect(id);
        let missing: Vec<_> = says.iter().filter(|text| !section.contains(**text)).collect();
        assert!(missing.is_empty(), "{id} lacks {missing:?}: {section}");
    }
    assert!(!page.contains("<script>alert"));
}

#[test]
fn nothing_is_fetched() {
    let page = page(&sample::mixed());
    for attribute in ["src", "srcset", "action", "data", "poster"] {
        assert_eq!(values(&page, attribute), Vec::<&str>::new());
    }
    assert!(!page.contains("@import") && !page.contains("url("));
}

#[test]
fn the_word_the_gate_and_the_failure_come_first() {
    let page = page(&sample::mixed());
    let at = |needle: &str| page.find(needle).unwrap_or_else(|| panic!("{needle} is missing"));
    let order = [
        at("NOT QUALIFIED"),
        at("13 of 17 gating cases passed, 1 failed"),
        at("<h2>Failed and inconclusive"),
        at("status 403, errcode M_FORBIDDEN"),
        at("fedproof run 'acl/endpoint/backfill/v12' --seed 42 --deployment pair"),
        at("<h2>Endpoint matrix"),
        at("<h2>All cases"),
        at("<h2>Exchanges"),
    ];
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn a_stopped_run_says_so() {
    let stopped = page(&sample::stopped());
    assert!(stopped.contains("Run stopped early"));
    assert!(stopped.contains("3 of 21 cases not reached"));
    assert!(!page(&sample::mixed()).contains("Run stopped early"));
}

#[test]
fn large_bodies_do_not_swell_the_page() {
    let page = page(&sample::mixed());
    assert!(!page.contains(&"x".repeat(5_000)));
    assert!(page.contains("Cut: the whole has 200013 bytes."));
}
