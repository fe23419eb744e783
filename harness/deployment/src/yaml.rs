//! Reading YAML files with errors that say where.

use crate::DeploymentError;
use serde::de::DeserializeOwned;
use std::path::Path;

/// Reads and parses `file`.
///
/// # Errors
/// [`DeploymentError::Unreadable`] or [`DeploymentError::Yaml`] with line and column.
pub(crate) fn read<T: DeserializeOwned>(file: &Path) -> Result<T, DeploymentError> {
    parse(file, &text(file)?)
}

/// Reads `file` as text.
pub(crate) fn text(file: &Path) -> Result<String, DeploymentError> {
    std::fs::read_to_string(file).map_err(|source| DeploymentError::Unreadable { file: file.to_owned(), source })
}

/// Parses `text`, which stands in `file`.
pub(crate) fn parse<T: DeserializeOwned>(file: &Path, text: &str) -> Result<T, DeploymentError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let position = error.location().map(|at| (at.line(), at.column()));
        let told = error.without_snippet().to_string();
        // The place stands before the message already.
        let place = position.map(|(line, column)| format!(" at line {line}, column {column}"));
        let message = place.and_then(|place| told.strip_suffix(&place)).unwrap_or(&told).to_owned();
        DeploymentError::Yaml { file: file.to_owned(), position, message }
    })
}
