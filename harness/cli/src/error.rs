//! Errors that end the process: what the user reads, and the exit code.

use fedproof_deployment::{DeploymentError, Kind};
use fedproof_results::exit;
use std::fmt;

/// An error as the user reads it.
#[derive(Debug)]
pub(crate) struct CliError {
    code: u8,
    message: String,
}

impl CliError {
    /// Something the user asked for cannot be.
    pub(crate) fn bad_input(message: impl fmt::Display) -> Self {
        Self { code: exit::BAD_INPUT, message: format!("error: {message}") }
    }

    /// The machine does not let us.
    pub(crate) fn environment(message: impl fmt::Display) -> Self {
        Self { code: exit::INCONCLUSIVE, message: format!("error: {message}") }
    }

    /// The selectors match nothing.
    pub(crate) fn nothing_selected(message: impl fmt::Display) -> Self {
        Self { code: exit::NOTHING_SELECTED, message: format!("error: {message}") }
    }

    /// Ctrl-C or SIGTERM, before there was anything to report.
    pub(crate) fn interrupted() -> Self {
        Self { code: exit::INTERRUPTED, message: "interrupted".to_owned() }
    }

    /// A message that is complete in itself.
    pub(crate) fn rendered(code: u8, message: String) -> Self {
        Self { code, message }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<DeploymentError> for CliError {
    fn from(error: DeploymentError) -> Self {
        let message = format!("failed to {error}");
        match error.kind() {
            Kind::BadInput => Self::bad_input(message),
            Kind::Environment => Self::environment(message),
        }
    }
}

impl From<fedproof_report::ReportError> for CliError {
    fn from(error: fedproof_report::ReportError) -> Self {
        let message = format!("failed to {error}");
        match error {
            // Another folder helps, another try does not.
            fedproof_report::ReportError::Occupied { .. } => Self::bad_input(message),
            _ => Self::environment(message),
        }
    }
}
