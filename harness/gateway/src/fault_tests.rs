use super::*;
use serde_json::json;

fn meets(fault: &Fault, from: &str, to: &str, method: &str, path: &str) -> bool {
    fault.meets(&Matter { from: &from.into(), to: &to.into(), method, path })
}

#[test]
fn every_condition_must_hold() {
    let fault = Fault {
        from: Some("A.example".into()),
        to: Some("*.x17.example".into()),
        method: Some("put".into()),
        one_in: 1,
        path: Some("/_matrix/federation/v?/send/*".into()),
        effect: Effect::Refuse,
    };
    let path = "/_matrix/federation/v1/send/1";
    assert!(meets(&fault, "a.example", "b.x17.example", "PUT", path));
    assert!(!meets(&fault, "b.example", "b.x17.example", "PUT", path));
    assert!(!meets(&fault, "a.example", "x17.example", "PUT", path));
    assert!(!meets(&fault, "a.example", "b.x17.example", "GET", path));
    assert!(!meets(&fault, "a.example", "b.x17.example", "PUT", "/_matrix/federation/v1/send_join/1"));
}

#[test]
fn paths_match_encoded_and_decoded() {
    for glob in ["/make_join/!a:b/*", "/make_join/%21a%3Ab/*", "*ver=11"] {
        let fault = Fault { path: Some(glob.into()), ..Fault::new(Effect::Cut) };
        assert!(meets(&fault, "a", "b", "GET", "/make_join/%21a%3Ab/%40u%3Ac?ver=11"), "{glob}");
    }
}

#[test]
fn the_name_outlives_the_api() {
    let well_known = crate::serve::WELL_KNOWN;
    assert!(!meets(&Fault::new(Effect::Cut), "a", "b", "GET", well_known));
    assert!(meets(&Fault::new(Effect::Refuse), "a", "b", "GET", well_known));
    let named = Fault { path: Some("/.well-known/*".into()), ..Fault::new(Effect::Cut) };
    assert!(meets(&named, "a", "b", "GET", well_known));
}

#[test]
fn the_last_counts_until_it_is_healed() {
    let faults = Faults::default();
    let (from, to) = ("a".into(), "b".into());
    let matter = Matter { from: &from, to: &to, method: "GET", path: "/" };
    let effect = || faults.on_request(&matter).map(|active| active.effect.clone());
    faults.inject(Fault::new(Effect::Refuse));
    let last = faults.inject(Fault::new(Effect::Cut));
    assert_eq!(effect(), Some(Effect::Cut));
    assert!(faults.on_connection(&from, &to).is_none(), "the cut goes before the refusal");
    faults.heal(last);
    assert_eq!(effect(), Some(Effect::Refuse));
    assert!(faults.on_connection(&from, &to).is_some());
}

#[test]
fn rewrites_are_chosen_by_status() {
    let faults = Faults::default();
    let rewrite = |when, to| Fault::new(Effect::Rewrite { when_status: when, status: Some(to), body: Some(json!({})) });
    faults.inject(rewrite(None, 1));
    faults.inject(rewrite(Some(403), 2));
    let (from, to) = ("a".into(), "b".into());
    let matter = Matter { from: &from, to: &to, method: "GET", path: "/" };
    let new = |status| match faults.on_answer(&matter, status).map(|active| active.effect.clone()) {
        Some(Effect::Rewrite { status: Some(status), .. }) => status,
        other => panic!("{other:?}"),
    };
    assert_eq!((new(403), new(200)), (2, 1));
    assert!(faults.on_request(&matter).is_none());
}

#[test]
fn every_third_request_is_met_and_no_connection() {
    let faults = Faults::default();
    faults.inject(Fault { one_in: 3, ..Fault::new(Effect::Refuse) });
    let (from, to) = ("a.example".into(), "b.example".into());
    let matter = Matter { from: &from, to: &to, method: "GET", path: "/" };
    let met: Vec<bool> = (0..6)
        .map(|_| {
            assert!(faults.on_connection(&from, &to).is_none());
            faults.on_request(&matter).is_some()
        })
        .collect();
    assert_eq!(met, [true, false, false, true, false, false]);
}
