//! YAML into the model, and the parser's errors into diagnostics.

use crate::{diagnostic::Diagnostic, model::Scenario};
use serde_saphyr::Error;
use std::sync::Arc;

/// Reads a scenario.
pub(crate) fn read(file: &str, text: &Arc<str>) -> Result<Scenario, Box<Diagnostic>> {
    serde_saphyr::from_str_with_options(text, options()).map_err(|error| Box::new(explain(file, text, &error)))
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! { with_snippet: false }
}

fn explain(file: &str, text: &Arc<str>, error: &Error) -> Diagnostic {
    let place = error.location();
    Diagnostic {
        file: file.to_owned(),
        source: text.clone(),
        line: place.map_or(0, |place| place.line() as usize),
        column: place.map_or(0, |place| place.column() as usize),
        length: place.map_or(1, |place| place.span().len() as usize),
        title: error.to_string(),
        label: String::new(),
        help: None,
    }
}
