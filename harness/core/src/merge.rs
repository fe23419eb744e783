//! JSON Merge Patch (RFC 7396): how settings and documents are amended.

use serde_json::{Map, Value};

/// Merges `patch` into `target`: maps are merged, `null` removes, anything else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(target) = target {
        for (key, value) in patch {
            if value.is_null() {
                target.shift_remove(key);
            } else {
                merge(target.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn maps_are_merged_and_all_else_is_replaced() {
        let mut base = json!({"keep": 1, "gone": 2, "map": {"a": 1, "b": 2}, "list": [1, 2]});
        merge(&mut base, &json!({"gone": null, "map": {"b": 3, "c": {"d": null, "e": 4}}, "list": [3]}));
        assert_eq!(base, json!({"keep": 1, "map": {"a": 1, "b": 3, "c": {"e": 4}}, "list": [3]}));
        merge(&mut base, &json!([1]));
        assert_eq!(base, json!([1]));
    }
}
