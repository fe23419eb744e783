//! What an agent is told of the machine that it runs on.

use crate::AgentError;
use std::{ffi::OsString, path::Path};

/// Taken over: where programs and certificates are. Whatever else its surroundings say, a CI's
/// secrets, a proxy, a user's settings, is kept from it.
const INHERITED: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Where programs keep things, by the variable that says so: below the agent's own folder.
const OWN: [(&str, &str); 7] = [
    ("HOME", ""),
    ("TMPDIR", "tmp"),
    ("XDG_CACHE_HOME", "cache"),
    ("XDG_CONFIG_HOME", "config"),
    ("XDG_DATA_HOME", "data"),
    ("XDG_RUNTIME_DIR", "runtime"),
    ("XDG_STATE_HOME", "state"),
];

/// The whole environment of the agent whose folder this is; the folders it names are there.
pub(crate) fn environment(folder: &Path) -> Result<Vec<(&'static str, OsString)>, AgentError> {
    let folder = std::path::absolute(folder).map_err(AgentError::io("find", folder))?;
    let mut all: Vec<_> = INHERITED.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))).collect();
    for (name, below) in OWN {
        let own = folder.join(below);
        std::fs::create_dir_all(&own).map_err(AgentError::io("create", &own))?;
        all.push((name, own.into()));
    }
    Ok(all)
}
