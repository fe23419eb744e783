//! `fedproof cleanup`: what a crashed run left behind.

use crate::{error::CliError, stdout};
use fedproof_results::exit;

/// Removes it, and says what it was.
pub(crate) fn cleanup() -> Result<u8, CliError> {
    let removed = fedproof_deployment::cleanup()?;
    for one in &removed {
        stdout::print(&one.to_string());
    }
    if removed.is_empty() {
        stdout::print("nothing was left behind");
    }
    Ok(exit::QUALIFIED)
}
