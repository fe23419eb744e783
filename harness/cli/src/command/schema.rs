//! `fedproof schema`: JSON Schemas for editors.

use crate::{args::Schema, error::CliError, stdout};
use fedproof_results::{exit, schema as of_results, schema_kinds as kinds_of_results};
use fedproof_scenario::{schema as of_scenario, schema_kinds};
use serde_json::Value;

/// Gives the schema of one kind.
type Describe = fn() -> Value;

/// The kinds that neither the scenario nor the results crate describes.
const OTHERS: [(&str, Describe); 4] = [
    ("workload", fedproof_load::schema),
    ("deployment", fedproof_deployment::deployment_schema),
    ("connection", fedproof_deployment::connection_schema),
    ("routes", fedproof_deployment::routes_schema),
];

/// Prints the schema of one kind of file.
pub(crate) fn schema(args: &Schema) -> Result<u8, CliError> {
    let other = || OTHERS.iter().find(|(kind, _)| *kind == args.kind).map(|(_, schema)| schema());
    match of_scenario(&args.kind).or_else(|| of_results(&args.kind)).or_else(other) {
        Some(schema) => {
            stdout::json(&schema);
            Ok(exit::QUALIFIED)
        }
        None => Err(CliError::bad_input(format!(
            "there is no schema of {:?}: there is {}",
            args.kind,
            [schema_kinds(), kinds_of_results(), &OTHERS.map(|(kind, _)| kind)].concat().join(", ")
        ))),
    }
}
