//! YAML into the model, and the parser's errors into diagnostics.

use crate::{model::Step, near};
use fedproof_yaml::{Diagnostic, Places, message, place_of};
use serde::de::DeserializeOwned;
use serde_saphyr::Error;
use std::{ops::Range, sync::Arc};

/// Reads a file of the language: a scenario, a profile.
pub(crate) fn read<T: DeserializeOwned>(file: &str, text: &Arc<str>) -> Result<T, Box<Diagnostic>> {
    // The parser's defaults already refuse duplicate keys and aliases that multiply without bound. That `y` and `no`
    // are booleans would surprise in free JSON.
    // A table of many rows that share a few step lists has many aliases to an anchor (the default allows 10).
    let budget = serde_saphyr::budget! { alias_anchor_ratio_multiplier: 100 };
    let options = serde_saphyr::options! { with_snippet: false, strict_booleans: true, budget: budget };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| Box::new(diagnose(file, text, &error)))
}

fn diagnose(file: &str, text: &Arc<str>, error: &Error) -> Diagnostic {
    let span = place_of(error, text).unwrap_or_default();
    let explained = explain(error, text, span);
    Diagnostic::at(file, text, explained.span, explained.title, explained.label, explained.help)
}

struct Explained {
    span: Range<usize>,
    title: String,
    label: String,
    help: Option<String>,
}

fn explain(error: &Error, text: &str, span: Range<usize>) -> Explained {
    let plain = |title: String, label: &str, help: Option<&str>| Explained {
        span: span.clone(),
        title,
        label: label.to_owned(),
        help: help.map(str::to_owned),
    };
    let wrong_type = |expected: &str| plain("wrong type".into(), &format!("expected {expected}"), None);
    match error.without_snippet() {
        Error::AliasError { error, .. } => explain(error, text, span),
        Error::SerdeUnknownField { field, expected, .. } => unknown_key(field, expected, span),
        Error::SerdeUnknownVariant { variant, expected, .. } => Explained {
            span,
            title: format!("`{variant}` is not known here"),
            label: near::did_you_mean(variant, expected.iter().copied()).unwrap_or_default(),
            help: Some(format!("known are {}", expected.join(", "))),
        },
        Error::SerdeMissingField { field, .. } => missing_key(field, text, span),
        Error::SerdeInvalidType { unexpected, expected, .. }
        | Error::SerdeInvalidValue { unexpected, expected, .. } => {
            plain("wrong type".into(), &format!("expected {}, found {unexpected}", in_words(expected)), None)
        }
        Error::Unexpected { expected, .. } => wrong_type(in_words(expected)),
        Error::InvalidScalar { ty, .. } => wrong_type(in_words(ty)),
        Error::InvalidBooleanStrict { .. } => wrong_type("true or false"),
        Error::ExternallyTaggedEnumExpectedScalarOrMapping { .. } => wrong_type("a name, or a mapping with one key"),
        Error::NullIntoString { .. } => wrong_type("a text"),
        Error::Message { msg, .. } if msg.contains("untagged enum Save") => {
            wrong_type("a name, or names with JSON pointers into the answer")
        }
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => {
            plain("one key too many".into(), "only one may stand here", None)
        }
        Error::Budget { .. } => plain(
            "the file grows beyond all bounds when its aliases are put in".into(),
            "",
            Some("aliases of aliases multiply: write the values out"),
        ),
        Error::DuplicateMappingKey { key, .. } => plain(
            key.as_ref().map_or("a key stands here twice".into(), |key| format!("`{key}` stands here twice")),
            "again here",
            Some("remove one of them"),
        ),
        Error::Eof { .. } => {
            plain("the file is empty".into(), "", Some("a scenario starts with `scenario: area/section`"))
        }
        Error::MultipleDocuments { .. } => {
            plain("a second document starts here".into(), "", Some("a file holds one scenario"))
        }
        other => {
            let before = text.get(..span.start).map_or(0, |before| before.matches('\n').count());
            let line = text.lines().nth(before).unwrap_or_default();
            // Plain text cannot hold braces inside of `{ }`, which is the usual slip with references.
            let help = line.contains("${").then_some("within `{ }` and `[ ]` a text with `${…}` must be in quotes");
            plain(message(other), "", help)
        }
    }
}

fn unknown_key(field: &str, expected: &[&'static str], span: Range<usize>) -> Explained {
    let is_step = expected.contains(&"save") && expected.contains(&"expect");
    let help = if is_step {
        format!("a step has `as`, `save`, `expect` and one verb of {}", Step::VERBS.join(", "))
    } else if expected.is_empty() {
        "there are no keys here".to_owned()
    } else {
        format!("known keys are {}", expected.join(", "))
    };
    Explained {
        span,
        title: format!("unknown key `{field}`"),
        label: near::did_you_mean(field, expected.iter().copied()).unwrap_or_default(),
        help: Some(help),
    }
}

/// The parser stands at the mapping's last key by then; its first line says more.
fn missing_key(field: &str, text: &str, span: Range<usize>) -> Explained {
    let places = Places::of(text);
    let (label, span) = match places.mapping_with_key_at(span.start) {
        Some(("", _)) => ("in this file".to_owned(), 0..0),
        Some((_, span)) => ("in here".to_owned(), span),
        None => ("in here".to_owned(), span),
    };
    Explained { span, title: format!("`{field}` is missing"), label, help: None }
}

/// The parser's names of types, as this language calls them.
fn in_words(expected: &str) -> &str {
    match expected {
        "string scalar" | "string" | "a string" => "a text",
        "mapping start" | "a map" => "a mapping (`key: value`)",
        "sequence start" | "a sequence" => "a list",
        "u8" => "a number from 0 to 255",
        "u16" => "a number from 0 to 65535",
        "i64" | "u64" => "a whole number",
        "bool" | "boolean" => "true or false",
        other => other.strip_prefix("struct ").map_or(other, |_| "a mapping (`key: value`)"),
    }
}
