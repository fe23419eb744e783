//! `ordered`: whether fields of a document stand in order, such as the beginning of an outage before its end.

use super::{With, text};
use crate::outcome::{Done, StepError};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Iso8601};

/// `value`: the document. `each`: JSON pointer to a list or an object, each item of which is looked at. `fields`: none of
/// them may be before the one ahead of it; what an item has not is passed over. `as`: `time` (ISO 8601 with zone) or
/// `version`. Result: how many pairs were compared.
pub(super) fn check(with: &With) -> Result<Done, StepError> {
    let document = with.get("value").unwrap_or(&Value::Null);
    let items: Vec<&Value> = match document.pointer(text(with, "each")?) {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(Value::Object(fields)) => fields.values().collect(),
        _ => Vec::new(),
    };
    let order = match text(with, "as")? {
        "time" => time,
        "version" => version,
        other => return Err(StepError::broken(format!("nothing is ordered as {other:?}: there are time and version"))),
    };
    let fields: Vec<&str> =
        with.get("fields").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let mut compared = 0;
    for item in items {
        let there: Vec<_> = fields.iter().filter_map(|field| Some((*field, item.get(field)?.as_str()?))).collect();
        for pair in there.windows(2) {
            let [(earlier, before), (later, after)] = pair else { continue };
            let unmet = |seen: String| StepError::Unmet {
                expected: format!("{earlier} not after {later}"),
                seen,
                exchanges: Vec::new(),
            };
            let (Some(first), Some(second)) = (order(before), order(after)) else {
                return Err(unmet(format!("{before:?} and {after:?}, which cannot both be read")));
            };
            if first > second {
                return Err(unmet(format!("{before:?}, and then {after:?}")));
            }
            compared += 1;
        }
    }
    match compared {
        0 => Err(StepError::Moot { reason: "the document has nothing to compare".to_owned(), elsewhere: false }),
        _ => Ok(Done { result: json!(compared), ..Done::default() }),
    }
}

fn time(text: &str) -> Option<Vec<i128>> {
    Some(vec![OffsetDateTime::parse(text, &Iso8601::PARSING).ok()?.unix_timestamp_nanos()])
}

fn version(text: &str) -> Option<Vec<i128>> {
    text.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(value: Value, kind: &str) -> Result<Value, StepError> {
        let with = [("value", value), ("each", json!("")), ("fields", json!(["a", "b", "c"])), ("as", json!(kind))];
        check(&with.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()).map(|done| done.result)
    }

    #[test]
    fn what_is_there_is_compared_by_its_meaning() {
        let zones =
            json!([{"a": "2026-03-29T01:30:00+01:00", "b": "2026-03-29T00:30:00Z", "c": "2026-03-29T03:00:00+02:00"}]);
        assert_eq!(compared(zones, "time").expect("in order"), 2);
        assert_eq!(compared(json!({"ios": {"a": "2.9.0", "c": "2.10.0"}}), "version").expect("in order"), 1);
        let reversed = json!([{"a": "2026-01-02T00:00:00Z", "c": "2026-01-01T00:00:00Z"}]);
        assert!(matches!(compared(reversed, "time"), Err(StepError::Unmet { .. })));
        assert!(matches!(compared(json!([{"a": "1.x", "b": "2"}]), "version"), Err(StepError::Unmet { .. })));
        assert!(matches!(compared(json!([{"a": "1"}]), "version"), Err(StepError::Moot { .. })));
    }
}
