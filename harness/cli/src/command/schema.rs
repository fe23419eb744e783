//! `fedproof schema`: JSON Schemas for editors.

use crate::{args::Schema, error::CliError, stdout};
use fedproof_results::{exit, schema as of_results, schema_kinds as kinds_of_results};
use fedproof_scenario::{schema as of_scenario, schema_kinds};

/// The kind that the load crate describes, and those that the deployment crate does.
const WORKLOAD: &str = "workload";
const CONNECTION: &str = "connection";
const DEPLOYMENT: &str = "deployment";

/// Prints the schema of one kind of file.
pub(crate) fn schema(args: &Schema) -> Result<u8, CliError> {
    let other = match args.kind.as_str() {
        WORKLOAD => Some(fedproof_load::schema()),
        CONNECTION => Some(fedproof_deployment::connection_schema()),
        DEPLOYMENT => Some(fedproof_deployment::deployment_schema()),
        _ => None,
    };
    match of_scenario(&args.kind).or_else(|| of_results(&args.kind)).or(other) {
        Some(schema) => {
            stdout::json(&schema);
            Ok(exit::QUALIFIED)
        }
        None => Err(CliError::bad_input(format!(
            "there is no schema of {:?}: there is {}",
            args.kind,
            [schema_kinds(), kinds_of_results(), &[WORKLOAD, DEPLOYMENT, CONNECTION]].concat().join(", ")
        ))),
    }
}
