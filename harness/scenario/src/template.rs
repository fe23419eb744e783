//! References in texts: `${name}` and `${name.path.to.field}`, and what is put in their place.
//!
//! A text that is one reference and nothing else takes the value with its JSON type; inside a longer text the
//! value is put in as text (a string bare, anything else as JSON). `$${` stands for a literal `${`.
//!
//! A lookup is asked for the whole reference first (`denied.user`), so that a name can be a text and have fields
//! all the same; if it knows nothing of that name, it is asked for the first part, and the rest is a walk through
//! fields and array indices. Names hold no dots.

mod parse;
mod typed;

use parse::Piece;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

pub(crate) use parse::is_name;
pub use parse::{Reference, references};

/// Gives the value of a name, or of a whole reference such as `denied.user`.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<Value>;

/// Why a text could not be completed. Messages read after "failed to complete …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Nothing of this name is bound.
    #[error("nothing is bound to `{name}` in `${{{reference}}}`")]
    Unbound {
        /// The name.
        name: String,
        /// The whole reference, without the braces.
        reference: String,
    },
    /// The name is bound, but its value has no such field.
    #[error("`${{{reference}}}` has no `{field}`: the value is {value}")]
    NoField {
        /// The whole reference, without the braces.
        reference: String,
        /// The first part of the path that leads nowhere.
        field: String,
        /// What stands there instead, shortened.
        value: String,
    },
    /// A `${` that is never closed, or holds no name.
    #[error("`{0}` is no reference: it is written `${{name}}` or `${{name.field}}`, and a literal `${{` as `$${{`")]
    Malformed(String),
    /// The values that were put in do not fit the verb's arguments.
    #[error("the values do not fit: {0}")]
    Misfit(String),
}

/// What RFC 3986 calls unreserved; all else is encoded in a path segment or a query value.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Completes every text in the arguments, object keys included. Where the type demands a text, it gets one
/// whatever the value's type. Paths and JSON pointers in arguments are texts like any other here: use
/// [`Request::completed`](crate::model::Request::completed) and
/// [`Expect::completed`](crate::model::Expect::completed), which encode.
///
/// # Errors
/// Unbound names, fields that are not there, malformed references, values of the wrong type.
pub fn substitute<T: Serialize + DeserializeOwned>(args: &T, lookup: Lookup) -> Result<T, TemplateError> {
    let written = serde_json::to_value(args).map_err(|error| TemplateError::Misfit(error.to_string()))?;
    let completed = substitute_value(&written, lookup)?;
    T::deserialize(typed::Lenient(completed)).map_err(|error| TemplateError::Misfit(error.to_string()))
}

/// [`substitute`] for JSON of no particular type.
///
/// # Errors
/// As [`substitute`].
pub fn substitute_value(value: &Value, lookup: Lookup) -> Result<Value, TemplateError> {
    Ok(match value {
        Value::String(text) => substitute_text(text, lookup)?,
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| substitute_value(item, lookup)).collect::<Result<_, _>>()?)
        }
        Value::Object(fields) => {
            let mut completed = Map::new();
            for (key, field) in fields {
                completed.insert(join(key, lookup, str::to_owned)?, substitute_value(field, lookup)?);
            }
            Value::Object(completed)
        }
        other => other.clone(),
    })
}

/// A path in which the values that are put in are percent-encoded, so that an id stays one segment. What is one reference
/// and nothing else is a whole path, such as a setting of the profile, and stays as it is.
///
/// # Errors
/// As [`substitute`].
pub fn substitute_path(text: &str, lookup: Lookup) -> Result<String, TemplateError> {
    match parse::pieces(text)?.as_slice() {
        [Piece::Reference(reference)] => Ok(as_text(resolve(reference, lookup)?)),
        _ => join(text, lookup, |value| utf8_percent_encode(value, RESERVED).to_string()),
    }
}

/// A JSON pointer in which the values that are put in are escaped, so that an id stays one step.
///
/// # Errors
/// As [`substitute`].
pub fn substitute_pointer(text: &str, lookup: Lookup) -> Result<String, TemplateError> {
    join(text, lookup, |value| value.replace('~', "~0").replace('/', "~1"))
}

/// Binds `vars` in the order they are written: each may refer to those above it and to what `lookup` knows.
///
/// # Errors
/// As [`substitute`].
pub fn bind<'a>(
    vars: impl IntoIterator<Item = (&'a String, &'a Value)>,
    lookup: Lookup,
) -> Result<indexmap::IndexMap<String, Value>, TemplateError> {
    let mut bound = indexmap::IndexMap::<String, Value>::new();
    for (name, value) in vars {
        let completed = substitute_value(value, &|wanted| bound.get(wanted).cloned().or_else(|| lookup(wanted)))?;
        bound.insert(name.clone(), completed);
    }
    Ok(bound)
}

/// Whether the references in a text are well formed; names and fields are not looked up.
///
/// # Errors
/// [`TemplateError::Malformed`].
pub fn check(text: &str) -> Result<(), TemplateError> {
    parse::pieces(text).map(drop)
}

fn substitute_text(text: &str, lookup: Lookup) -> Result<Value, TemplateError> {
    match parse::pieces(text)?.as_slice() {
        [Piece::Reference(reference)] => resolve(reference, lookup),
        _ => join(text, lookup, str::to_owned).map(Value::String),
    }
}

fn join(text: &str, lookup: Lookup, encode: impl Fn(&str) -> String) -> Result<String, TemplateError> {
    let mut joined = String::with_capacity(text.len());
    for piece in parse::pieces(text)? {
        match piece {
            Piece::Text(text) => joined.push_str(text),
            Piece::Reference(reference) => joined.push_str(&encode(&as_text(resolve(&reference, lookup)?))),
        }
    }
    Ok(joined)
}

fn resolve(reference: &Reference, lookup: Lookup) -> Result<Value, TemplateError> {
    let whole = reference.to_string();
    if let Some(value) = lookup(&whole) {
        return Ok(value);
    }
    let mut value = lookup(&reference.name)
        .ok_or_else(|| TemplateError::Unbound { name: reference.name.clone(), reference: whole.clone() })?;
    for field in &reference.path {
        let inner = match &mut value {
            Value::Object(fields) => fields.get_mut(field),
            Value::Array(items) => field.parse::<usize>().ok().and_then(|index| items.get_mut(index)),
            _ => None,
        };
        match inner.map(Value::take) {
            Some(inner) => value = inner,
            None => {
                let value = value.to_string().chars().take(120).collect();
                return Err(TemplateError::NoField { reference: whole, field: field.clone(), value });
            }
        }
    }
    Ok(value)
}

/// A string bare, anything else as JSON.
fn as_text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
