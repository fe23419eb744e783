//! JSON Schemas of the file formats, for editors.

use crate::{
    model::{Scenario, Step},
    profile::Profile,
};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

/// The kinds that [`schema`] knows.
pub fn schema_kinds() -> &'static [&'static str] {
    &["scenario", "profile"]
}

/// The JSON Schema (draft 2020-12) of a kind of file; `None` if there is no such kind.
pub fn schema(kind: &str) -> Option<Value> {
    match kind {
        "scenario" => Some(scenario()),
        "profile" => Some(profile()),
        _ => None,
    }
}

fn profile() -> Value {
    let generator: SchemaGenerator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Profile>().to_value();
    schema["title"] = "Fedproof profile".into();
    schema
}

fn scenario() -> Value {
    let generator: SchemaGenerator = SchemaSettings::draft2020_12().into_generator();
    let mut schema = generator.into_root_schema_for::<Scenario>().to_value();
    schema["title"] = "Fedproof scenario".into();
    if let Some(step) = schema.pointer_mut("/$defs/Step").and_then(Value::as_object_mut) {
        // The type cannot say it: verbs are optional keys, of which a step has exactly one.
        let verbs = Step::VERBS.iter().map(|verb| json!({"required": [verb]})).collect();
        step.insert("oneOf".to_owned(), Value::Array(verbs));
    }
    // The reader takes a bare `10` for the text it is, and so should an editor.
    for list in ["/properties/room_versions/items", "/$defs/Only/properties/room_versions/items"] {
        if let Some(items) = schema.pointer_mut(list) {
            *items = json!({"type": ["string", "integer"]});
        }
    }
    if let Some(version) = schema.pointer_mut("/$defs/CreateRoom/properties/version/type") {
        *version = json!(["string", "integer"]);
    }
    schema
}
