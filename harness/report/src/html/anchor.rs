//! Ids of places on the page. Each maker here is used both where a place is and where it is linked to.

use std::fmt::Write;

/// A case.
pub(super) fn case(id: &str) -> String {
    format!("case:{}", safe(id))
}

/// A case in the list of what went wrong, on one homeserver.
pub(super) fn trouble(id: &str, server: &str) -> String {
    format!("trouble:{}:{}", safe(server), safe(id))
}

/// An area.
pub(super) fn area(name: &str) -> String {
    format!("area:{}", safe(name))
}

/// An exchange.
pub(super) fn exchange(id: u64) -> String {
    format!("x{id}")
}

/// Only characters that need no escape in a fragment. Distinct texts stay distinct.
fn safe(text: &str) -> String {
    let mut safe = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"/_-".contains(&byte) {
            safe.push(byte.into());
        } else {
            let _ = write!(safe, ".{byte:02x}");
        }
    }
    safe
}
