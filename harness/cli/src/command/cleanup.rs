//! `fedproof cleanup`: what a crashed run left behind.

use super::purge::purge_later;
use crate::{args::Cleanup, error::CliError, stdout};
use fedproof_results::exit;

/// Removes it, and says what it was.
pub(crate) async fn cleanup(args: &Cleanup) -> Result<u8, CliError> {
    if let Some((file, mark)) = args.attach.as_deref().zip(args.mark.as_deref()) {
        return purge_later(file, mark).await;
    }
    let removed = fedproof_deployment::cleanup()?;
    for one in &removed {
        stdout::print(&one.to_string());
    }
    if removed.is_empty() {
        stdout::print("nothing was left behind");
    }
    Ok(exit::QUALIFIED)
}
