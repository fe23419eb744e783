//! Cuts a text behind its last `/`: the media id of an `mxc://` address.

use super::{With, text};
use crate::outcome::{Done, StepError};

/// Result: what stands behind the last `/` of `of`.
pub(crate) fn cut(with: &With) -> Result<Done, StepError> {
    let text = text(with, "of")?;
    Ok(Done { result: text.rsplit('/').next().unwrap_or(text).into(), answer: None, flaw: None })
}
