//! Commands that build or install something, told line by line.

use crate::DeploymentError;
use std::{collections::VecDeque, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

/// How many of the last lines of a failed command its error shows.
const SHOWN_LINES: usize = 25;

/// Runs `command` to its end, showing each line it writes to `see`.
///
/// # Errors
/// With the last lines it wrote, unless it succeeds. Dropping the future kills it.
pub async fn run(what: &str, mut command: Command, mut see: impl FnMut(&str)) -> Result<(), DeploymentError> {
    let shown = format!("{:?}", command.as_std());
    let failed = |status: String, output: String| DeploymentError::Install {
        what: what.to_owned(),
        command: shown.replace('"', ""),
        status,
        output,
    };
    let (ours, theirs) = std::io::pipe().map_err(|error| failed(error.to_string(), String::new()))?;
    let both = theirs.try_clone().map_err(|error| failed(error.to_string(), String::new()))?;
    command.stdin(Stdio::null()).stdout(theirs).stderr(both).kill_on_drop(true);
    let mut child = command.spawn().map_err(|error| failed(error.to_string(), String::new()))?;
    // The command holds the pipe's other ends; the last line comes when only the child had them.
    drop(command);
    let mut last = VecDeque::new();
    let ours = tokio::net::unix::pipe::Receiver::from_owned_fd(ours.into());
    let mut lines = BufReader::new(ours.map_err(|error| failed(error.to_string(), String::new()))?).split(b'\n');
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line).into_owned();
        see(&line);
        last.push_back(line);
        if last.len() > SHOWN_LINES {
            last.pop_front();
        }
    }
    let status = child.wait().await.map_err(|error| failed(error.to_string(), String::new()))?;
    if status.success() {
        return Ok(());
    }
    Err(failed(status.to_string(), Vec::from(last).join("\n")))
}
