//! What can be found wrong without starting anything.

use crate::{catalogue::Loaded, diagnostic::Diagnostic};

/// Everything that is wrong in these scenarios, each by itself and all together.
pub(crate) fn lint(_scenarios: &[Loaded]) -> Vec<Diagnostic> {
    Vec::new()
}
