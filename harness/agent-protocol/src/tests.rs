use super::*;
use serde_json::json;

#[test]
fn an_order_is_written_as_the_documentation_says() {
    let command = Command::Send { room: "!r:a".into(), body: "hello".into() };
    let order = Order { id: 1, command };
    let line = json!({"id": 1, "send": {"room": "!r:a", "body": "hello"}});
    assert_eq!(serde_json::to_value(&order).ok(), Some(line.clone()));
    assert_eq!(serde_json::from_value::<Order>(line).ok(), Some(order));
}

#[test]
fn names_are_those_on_the_wire() {
    for name in ["log_out", "back_up"] {
        let command: Command = serde_json::from_value(json!({name: {}})).expect("a command");
        assert_eq!(command.name(), name);
        assert!(Command::NAMES.contains(&name));
    }
}

#[test]
fn an_answer_is_written_as_the_documentation_says() {
    let said: Said =
        serde_json::from_value(json!({"answer": {"id": 1, "result": {"event": "$e"}}})).expect("an answer");
    assert_eq!(said, Said::Answer { id: 1, result: json!({"event": "$e"}) });
    assert_eq!(serde_json::to_value(Said::Synced {}).ok(), Some(json!({"synced": {}})));
}
