//! `conforms`: whether a value has the shape that a JSON Schema asks for. The scenario writes the schema itself.

use super::With;
use crate::{
    expect::quote,
    outcome::{Done, StepError},
};
use serde_json::Value;

/// How many flaws are named.
const SHOWN: usize = 5;

/// `value` against `schema`.
pub(super) fn check(with: &With) -> Result<Done, StepError> {
    let missing = |key: &str| StepError::broken(format!("the check needs `{key}`"));
    let value = with.get("value").ok_or_else(|| missing("value"))?;
    let schema = with.get("schema").ok_or_else(|| missing("schema"))?;
    let schema = jsonschema::validator_for(schema)
        .map_err(|error| StepError::broken(format!("`schema` is no JSON Schema: {error}")))?;
    let flaws: Vec<String> = schema.iter_errors(value).take(SHOWN).map(|flaw| told(&flaw, value)).collect();
    match flaws.is_empty() {
        true => Ok(Done::default()),
        false => Err(StepError::Unmet {
            expected: "a document of the shape that the scenario describes".to_owned(),
            seen: flaws.join("; "),
            exchanges: Vec::new(),
        }),
    }
}

fn told(flaw: &jsonschema::ValidationError<'_>, value: &Value) -> String {
    let at = flaw.instance_path().to_string();
    match at.is_empty() {
        true => format!("{flaw}, in {}", quote(&value.to_string())),
        false => format!("at {at}: {flaw}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn seen(value: Value) -> Option<String> {
        let schema = json!({"required": ["a"], "properties": {"a": {"type": "boolean"}}});
        let with = With::from([("value".to_owned(), value), ("schema".to_owned(), schema)]);
        match check(&with) {
            Err(StepError::Unmet { seen, .. }) => Some(seen),
            other => other.map(|_| None).expect("it can be checked"),
        }
    }

    #[test]
    fn flaws_are_told_with_their_places() {
        assert_eq!(seen(json!({"a": true})), None);
        assert!(seen(json!({"a": "yes"})).expect("a flaw").starts_with("at /a: \"yes\" is not of type"));
        assert!(seen(json!({})).expect("a flaw").contains("in {}"));
    }
}
