//! JSON Schemas of the files that other programs read.

use crate::{Baseline, RunRecord, load::LoadRecord};
use serde_json::Value;

/// The kinds that [`schema`] knows.
pub fn schema_kinds() -> &'static [&'static str] {
    &["run", "baseline", "load"]
}

/// The JSON Schema (draft 2020-12) of a kind of file; `None` if there is no such kind.
pub fn schema(kind: &str) -> Option<Value> {
    let (schema, title) = match kind {
        "run" => (schemars::schema_for!(RunRecord), "Fedproof run.json"),
        "baseline" => (schemars::schema_for!(Baseline), "Fedproof baseline"),
        "load" => (schemars::schema_for!(LoadRecord), "Fedproof load.json"),
        _ => return None,
    };
    let mut schema = schema.to_value();
    schema["title"] = title.into();
    Some(schema)
}
