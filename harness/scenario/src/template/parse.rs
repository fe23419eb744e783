//! Where the references in a text are.

use super::TemplateError;
use std::fmt;

/// One `${name.path}` in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Up to the first dot.
    pub name: String,
    /// What follows, part by part.
    pub path: Vec<String>,
    /// Byte at which the `$` stands.
    pub start: usize,
    /// Byte after the closing brace.
    pub end: usize,
}

impl fmt::Display for Reference {
    /// As written, without the braces.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.path.iter().try_for_each(|part| write!(f, ".{part}"))
    }
}

/// The well-formed references of a text, in order. [`substitute`](super::substitute) refuses malformed ones.
pub fn references(text: &str) -> Vec<Reference> {
    Pieces { text, at: 0 }
        .filter_map(|piece| match piece {
            Ok(Piece::Reference(reference)) => Some(reference),
            _ => None,
        })
        .collect()
}

/// Text and references, in order.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, TemplateError> {
    Pieces { text, at: 0 }.collect()
}

/// A stretch of a text.
#[derive(Debug)]
pub(crate) enum Piece<'a> {
    /// Stands as it is.
    Text(&'a str),
    /// Is replaced.
    Reference(Reference),
}

struct Pieces<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Result<Piece<'a>, TemplateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        if rest.starts_with("$${") {
            self.at += 3;
            return Some(Ok(Piece::Text(&rest[1..3])));
        }
        if !rest.starts_with("${") {
            // A dollar before `${` belongs to the escape; any other is text.
            let next = match rest.find("${") {
                Some(found) if rest[..found].ends_with('$') => found - 1,
                Some(found) => found,
                None => rest.len(),
            };
            self.at += next;
            return Some(Ok(Piece::Text(&rest[..next])));
        }
        let start = self.at;
        let Some(close) = rest.find('}') else {
            self.at = self.text.len();
            return Some(Err(TemplateError::Malformed(rest.to_owned())));
        };
        self.at += close + 1;
        let mut parts = rest[2..close].split('.').map(str::to_owned);
        let name = parts.next().unwrap_or_default();
        let path: Vec<String> = parts.collect();
        let is_well_formed = is_name(&name) && path.iter().all(|part| is_field(part));
        Some(if is_well_formed {
            Ok(Piece::Reference(Reference { name, path, start, end: self.at }))
        } else {
            Err(TemplateError::Malformed(rest[..=close].to_owned()))
        })
    }
}

/// Whether a text can name a variable or an actor: a letter or `_`, then letters, digits, `_` and `-`.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_') && is_field(text)
}

fn is_field(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
}
