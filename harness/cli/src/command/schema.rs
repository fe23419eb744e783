//! `fedproof schema`: JSON Schemas for editors.

use crate::{args::Schema, error::CliError, stdout};
use fedproof_results::{exit, schema as of_results, schema_kinds as kinds_of_results};
use fedproof_scenario::{schema as of_scenario, schema_kinds};

/// The kind that the load crate describes, and the one that the deployment crate does.
const WORKLOAD: &str = "workload";
const CONNECTION: &str = "connection";

/// Prints the schema of one kind of file.
pub(crate) fn schema(args: &Schema) -> Result<u8, CliError> {
    let of_load = (args.kind == WORKLOAD).then(fedproof_load::schema);
    let of_deployment = (args.kind == CONNECTION).then(fedproof_deployment::connection_schema);
    match of_scenario(&args.kind).or_else(|| of_results(&args.kind)).or(of_load).or(of_deployment) {
        Some(schema) => {
            stdout::json(&schema);
            Ok(exit::QUALIFIED)
        }
        None => Err(CliError::bad_input(format!(
            "there is no schema of {:?}: there is {}",
            args.kind,
            [schema_kinds(), kinds_of_results(), &[WORKLOAD, CONNECTION]].concat().join(", ")
        ))),
    }
}
