//! YAML that knows where everything in it stands, and mistakes that are shown at their place as a compiler would.
//!
//! [`Node`] is any document with the place of every key and value; [`Places`] finds them by JSON pointer, for readers
//! whose own types carry no places; [`Diagnostic`] shows what is wrong there.

mod diagnostic;
mod node;
mod places;

pub use diagnostic::Diagnostic;
pub use node::{Field, Node, Place, Value, documents};
pub use places::{Places, below};

use serde_saphyr::{Error, Location};
use std::ops::Range;

/// Bytes that a location means.
pub fn bytes(location: Location) -> Range<usize> {
    let span = location.span();
    let start = span.byte_offset().unwrap_or_default() as usize;
    start..start + span.byte_len().unwrap_or_default() as usize
}

/// Bytes of a text where the parser gave up, none if it does not say; the scanner's own errors have only line and column.
pub fn place_of(error: &Error, text: &str) -> Option<Range<usize>> {
    let place = error.location()?;
    if place.span().byte_offset().is_some() {
        return Some(bytes(place));
    }
    let (line, column) = (place.line().saturating_sub(1) as usize, place.column().saturating_sub(1) as usize);
    let before: usize = text.split_inclusive('\n').take(line).map(str::len).sum();
    let within: usize = text[before..].chars().take(column).map(char::len_utf8).sum();
    Some(before + within..before + within)
}

/// What the parser says, without the place it adds to it: a caret shows that.
pub fn message(error: &Error) -> String {
    let message = error.without_snippet().to_string();
    message.rsplit_once(" at line ").map_or(message.clone(), |(message, _)| message.to_owned())
}
