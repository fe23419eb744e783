//! References in texts, and what is put in their place.
#![allow(clippy::unwrap_used, reason = "tests")]

use fedproof_scenario::{
    model::{Behave, Expect, Manner, Request, Send},
    template::{
        TemplateError, bind, check, references, substitute, substitute_path, substitute_pointer, substitute_value,
    },
};
use indexmap::IndexMap;
use proptest::prelude::*;
use serde_json::{Value, json};

fn lookup(name: &str) -> Option<Value> {
    Some(match name {
        "room" => json!("!a/b:x.example"),
        "denied" => json!("denied.example"),
        "denied.user" => json!("@user:denied.example"),
        "number" => json!(7),
        "nothing" => Value::Null,
        "built" => json!({"event_id": "$e", "event": {"type": "m.x", "list": [1, {"deep": true}]}}),
        _ => return None,
    })
}

fn put(value: Value) -> Value {
    substitute_value(&value, &lookup).unwrap()
}

#[test]
fn a_lone_reference_keeps_its_type_and_others_become_text() {
    assert_eq!(put(json!("${number}")), json!(7));
    assert_eq!(put(json!("${built.event}")), json!({"type": "m.x", "list": [1, {"deep": true}]}));
    assert_eq!(put(json!("${built.event.list.1.deep}")), json!(true));
    assert_eq!(put(json!("n ${number} ${room} ${built.event.list}")), json!("n 7 !a/b:x.example [1,{\"deep\":true}]"));
    assert_eq!(
        put(json!({"${room}": ["${denied}", {"${denied.user}": 1}]})),
        json!({"!a/b:x.example": ["denied.example", {"@user:denied.example": 1}]})
    );
}

#[test]
fn a_dollar_is_a_dollar_and_an_escape_a_reference_unread() {
    for (text, expected) in [
        ("$", "$"),
        ("$$", "$$"),
        ("$id", "$id"),
        ("$${room}", "${room}"),
        ("$$${number}", "$${number}"),
        ("a$${", "a${"),
        ("{room}", "{room}"),
        ("$e ${number}$", "$e 7$"),
        ("", ""),
    ] {
        assert_eq!(put(json!(text)), json!(expected), "{text}");
    }
}

#[test]
fn what_cannot_be_completed_says_why() {
    let error = |text: &str| substitute_value(&json!(text), &lookup).unwrap_err().to_string();
    assert_eq!(error("x ${roon}"), "nothing is bound to `roon` in `${roon}`");
    assert_eq!(error("${room.x}"), "`${room.x}` has no `x`: the value is \"!a/b:x.example\"");
    assert_eq!(error("${built.event.list.5}"), "`${built.event.list.5}` has no `5`: the value is [1,{\"deep\":true}]");
    for malformed in ["${", "${room", "${}", "${a b}", "${.a}", "${a.}", "${1a}", "${a${b}}"] {
        assert!(matches!(check(malformed), Err(TemplateError::Malformed(_))), "{malformed}");
        assert!(error(malformed).contains("is no reference"), "{malformed}");
    }
}

#[test]
fn references_have_their_places() {
    let text = "é ${room} $${no} ${built.event.list.0}${";
    let found: Vec<_> =
        references(text).iter().map(|found| (found.to_string(), &text[found.start..found.end])).collect();
    assert_eq!(found, [("room".to_owned(), "${room}"), ("built.event.list.0".to_owned(), "${built.event.list.0}")]);
}

#[test]
fn a_text_field_takes_any_value_and_free_json_keeps_it() {
    let send: Send = serde_json::from_value(json!({
        "room": "${number}", "state_key": "${nothing}", "content": {"n": "${number}", "o": "${built.event}"}
    }))
    .unwrap();
    let send = substitute(&send, &lookup).unwrap();
    assert_eq!((send.room.as_str(), send.state_key, send.kind.as_str()), ("7", None, "m.room.message"));
    assert_eq!(send.content, Some(json!({"n": 7, "o": {"type": "m.x", "list": [1, {"deep": true}]}})));

    let behave = Behave { at: "backfill".into(), like: Manner::Answer { status: 429, body: json!("${number}") } };
    let Manner::Answer { status: 429, body } = substitute(&behave, &lookup).unwrap().like else { panic!("no answer") };
    assert_eq!(body, json!(7));
    assert!(matches!(
        substitute(&Behave { at: "${denied}".into(), like: Manner::IgnoreAcl }, &lookup).unwrap().like,
        Manner::IgnoreAcl
    ));
    assert_eq!(substitute(&"${number}".to_owned(), &lookup).unwrap(), "7");
}

#[test]
fn paths_and_pointers_keep_their_steps() {
    let path = substitute_path("/rooms/${room}/x?user=${denied.user}", &lookup).unwrap();
    assert_eq!(path, "/rooms/%21a%2Fb%3Ax.example/x?user=%40user%3Adenied.example");
    assert_eq!(substitute_pointer("/rooms/${room}/0", &lookup).unwrap(), "/rooms/!a~1b:x.example/0");

    let request: Request = serde_json::from_value(json!({
        "method": "PUT", "path": "/${room}", "query": {"v": ["${number}"]}, "body": {"room": "${room}"}
    }))
    .unwrap();
    let request = request.completed(&lookup).unwrap();
    assert_eq!(request.path, "/%21a%2Fb%3Ax.example");
    assert_eq!(request.query["v"], json!([7]));
    assert_eq!(request.body, Some(json!({"room": "!a/b:x.example"})));

    let expect: Expect =
        serde_json::from_value(json!({"status": 200, "body": [{"at": "/${room}", "equals": "${number}"}]})).unwrap();
    let expect = expect.completed(&lookup).unwrap();
    assert_eq!((expect.body[0].at.as_str(), &expect.body[0].equals), ("/!a~1b:x.example", &Some(json!(7))));
}

#[test]
fn vars_see_what_stands_above_them() {
    let vars: IndexMap<String, Value> =
        serde_json::from_value(json!({"a": "${denied}", "b": {"c": ["${a}"]}, "d": "${b.c.0}!"})).unwrap();
    let bound = bind(&vars, &lookup).unwrap();
    assert_eq!(bound["d"], json!("denied.example!"));
    let early: IndexMap<String, Value> = serde_json::from_value(json!({"a": "${b}", "b": 1})).unwrap();
    assert!(matches!(bind(&early, &lookup), Err(TemplateError::Unbound { .. })));
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in "[${}.a~/é ]{0,30}|.*") {
        let value = json!({&text: [&text]});
        let _ = substitute_value(&value, &lookup);
        let _ = substitute_path(&text, &lookup);
        let _ = substitute_pointer(&text, &lookup);
        for found in references(&text) {
            prop_assert_eq!(&text[found.start..found.end], format!("${{{found}}}"));
        }
    }

    #[test]
    fn text_without_references_stays_as_it_is(text in "[^$]*") {
        prop_assert_eq!(put(json!(&text)), json!(text));
    }

    #[test]
    fn an_escaped_text_comes_out_as_it_was(text in "[${}a.]{0,20}") {
        // Every `${` with one more dollar before it; a run of dollars before that stays a run.
        let escaped = text.replace("${", "$${");
        prop_assert_eq!(put(json!(escaped)), json!(text));
    }

    #[test]
    fn what_is_put_into_a_path_or_pointer_can_be_got_out_again(value in ".*") {
        let lookup = |_: &str| Some(json!(value));
        prop_assert_eq!(substitute_path("${v}", &lookup).unwrap(), value.clone(), "a whole path");
        let path = substitute_path("/${v}", &lookup).unwrap();
        let path = path.strip_prefix('/').unwrap();
        prop_assert!(path.chars().all(|c| c.is_ascii_alphanumeric() || "-._~%".contains(c)));
        prop_assert_eq!(percent_encoding::percent_decode_str(path).decode_utf8().unwrap(), value.as_str());
        let pointer = substitute_pointer("/${v}/x", &lookup).unwrap();
        let object = json!({&value: {"x": 1}});
        prop_assert_eq!(object.pointer(&pointer), Some(&json!(1)));
    }
}
