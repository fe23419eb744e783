//! Our ACL rule against two references: ruma's type for well-formed lists, rows written by hand for all others.
//!
//! The two agree on every well-formed list and every name that ruma takes for a server name. Case does not matter to
//! either (MSC4436, specification v1.19). ruma's type refuses malformed content as a whole, where the specification lets
//! what is well-formed count; so it is no reference there.
#![allow(clippy::unwrap_used, reason = "tests")]

use fedproof_core::acl::{Acl, Decision};
use proptest::prelude::*;
use ruma::{ServerName, events::room::server_acl::RoomServerAclEventContent};
use serde_json::{Value, json};

/// Labels of few letters, so that globs hit them.
const HOST: &str = "[abA1](\\.?[abB2-]){0,5}\\.?[ab1]";

fn name() -> impl Strategy<Value = String> {
    let host = prop_oneof![
        6 => HOST.prop_map(|host| host),
        1 => any::<std::net::Ipv4Addr>().prop_map(|address| address.to_string()),
        1 => any::<std::net::Ipv6Addr>().prop_map(|address| format!("[{address}]")),
        1 => prop::sample::select(vec!["1.2.3.4", "[::1]", "1.2.3", "1.2.3.4.a", "0x1.2.3.4", "1.2.3.256"])
            .prop_map(str::to_owned),
    ];
    (host, prop::option::weighted(0.3, any::<u16>()))
        .prop_map(|(host, port)| port.map_or(host.clone(), |port| format!("{host}:{port}")))
}

/// Globs: anything, or a name with something wild in it.
fn glob() -> impl Strategy<Value = String> {
    let edited = (name(), any::<prop::sample::Index>(), prop::sample::select(vec!["*", "?", "**", "?*", "", "["]));
    prop_oneof![
        2 => "[abAB.*?:1\\[\\]\\\\+(){}^$| -]{0,8}".prop_map(|glob| glob),
        1 => Just("*".to_owned()),
        4 => edited.prop_map(|(name, at, wild)| {
            let at = at.index(name.len());
            format!("{}{wild}{}", &name[..at], &name[at + 1..])
        }),
        2 => name(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn well_formed_lists_are_read_like_ruma_reads_them(
        allow in prop::collection::vec(glob(), 0..4),
        deny in prop::collection::vec(glob(), 0..3),
        literals in any::<Option<bool>>(),
        name in name(),
        about in prop::option::of(any::<bool>()),
    ) {
        let Ok(parsed) = ServerName::parse(&name) else { return Ok(()) };
        let (mut allow, mut deny) = (allow, deny);
        // Most lists have to do with the name.
        match about {
            Some(true) => allow.push(parsed.host().to_ascii_uppercase()),
            Some(false) => deny.push(parsed.host().replace('a', "?")),
            None => allow.push("*".to_owned()),
        }
        let mut content = json!({"allow": allow, "deny": deny});
        if let Some(literals) = literals {
            content["allow_ip_literals"] = literals.into();
        }
        let theirs: RoomServerAclEventContent = serde_json::from_value(content.clone()).unwrap();
        let ours = Acl::from_content(&content).decide(&name).is_allowed();
        prop_assert_eq!(ours, theirs.is_allowed(&parsed), "{} under {}", name, content);
    }

    /// No content and no name is beyond it.
    #[test]
    fn every_content_is_read(allow in json_value(), deny in json_value(), flag in json_value(), name in ".{0,12}") {
        let content = json!({"allow": allow, "deny": deny, "allow_ip_literals": flag});
        Acl::from_content(&content).decide(&name);
        Acl::from_content(&allow).decide(&name);
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[ab.*?é ]{0,4}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[ab]", inner, 0..3).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// ruma refuses each of these contents as a whole.
#[test]
fn malformed_content_row_by_row() {
    use Decision::{Allowed, DeniedByList, DeniedIpLiteral, NotAllowed};
    let rows = [
        (json!({"allow": "*"}), "a.example", NotAllowed),
        (json!({"allow": null}), "a.example", NotAllowed),
        (json!({"allow": {"0": "*"}}), "a.example", NotAllowed),
        (json!({"allow": [null, 1, true, {}, ["*"]]}), "a.example", NotAllowed),
        (json!({"allow": [null, "a.*"]}), "a.example", Allowed),
        (json!({"allow": ["*", 5]}), "a.example", Allowed),
        (json!({"allow": ["*"], "deny": "a.example"}), "a.example", Allowed),
        (json!({"allow": ["*"], "deny": null}), "a.example", Allowed),
        (json!({"allow": ["*"], "deny": [1, "a.example", null]}), "a.example", DeniedByList),
        (json!({"allow": ["*"], "deny": [["a.example"]]}), "a.example", Allowed),
        (json!({"allow": ["*"], "allow_ip_literals": "false"}), "1.2.3.4", Allowed),
        (json!({"allow": ["*"], "allow_ip_literals": 0}), "1.2.3.4", Allowed),
        (json!({"allow": ["*"], "allow_ip_literals": null}), "[::1]:1", Allowed),
        (json!({"allow": ["*"], "allow_ip_literals": [false]}), "[::1]", Allowed),
        (json!({"allow": ["*", 1], "allow_ip_literals": false}), "[::1]", DeniedIpLiteral),
        (json!("*"), "a.example", NotAllowed),
        (json!(null), "a.example", NotAllowed),
    ];
    for (content, name, expected) in rows {
        assert_eq!(Acl::from_content(&content).decide(name), expected, "{name} under {content}");
        assert!(serde_json::from_value::<RoomServerAclEventContent>(content.clone()).is_err(), "ruma takes {content}");
    }
}
