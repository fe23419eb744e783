//! Where a homeserver in Python spends its time: py-spy, which looks at a process from outside.

use fedproof_deployment::default_cache;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::process::Command;

/// The release that is installed.
const VERSION: &str = "0.4.3";
/// Looks a second.
const RATE: &str = "100";
/// How long installing may take, and how much longer than it looks recording may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// py-spy, installed.
pub(super) struct Profiler {
    program: PathBuf,
}

impl Profiler {
    /// Installs it into fedproof's cache, unless it is there; why not, in words, if it is not to be had.
    pub(super) async fn ready() -> Result<Self, String> {
        let tools = default_cache().join("tools");
        let place = tools.join(format!("py-spy-{VERSION}"));
        let program = place.join("bin").join("py-spy");
        if program.is_file() {
            return Ok(Self { program });
        }
        std::fs::create_dir_all(&tools).map_err(|error| format!("{}: {error}", tools.display()))?;
        // Whole or not at all: another run may be at it too.
        let partial = tools.join(format!("py-spy-{VERSION}.{}", std::process::id()));
        let python = std::env::var_os("FEDPROOF_PYTHON").filter(|set| !set.is_empty()).unwrap_or("python3".into());
        let mut pip = Command::new(python);
        pip.args([
            "-m",
            "pip",
            "--quiet",
            "--disable-pip-version-check",
            "install",
            "--no-deps",
            "--only-binary=:all:",
        ])
        .arg("--target")
        .arg(&partial)
        .arg(format!("py-spy=={VERSION}"));
        let installed = run(pip, PATIENCE).await;
        let moved = installed.and_then(|()| std::fs::rename(&partial, &place).map_err(|error| error.to_string()));
        let _ = std::fs::remove_dir_all(&partial);
        match moved {
            _ if program.is_file() => Ok(Self { program }),
            Ok(()) => Err(format!("py-spy {VERSION} installs without its program")),
            Err(why) => Err(format!("py-spy {VERSION} does not install: {why}")),
        }
    }

    /// Looks at a process for some time and draws a flame graph (SVG).
    pub(super) async fn record(&self, pid: u32, duration: Duration, file: &Path) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        let (pid, seconds) = (pid.to_string(), duration.as_secs().max(1).to_string());
        // Only what runs on a processor: threads that wait are most of them, and no reason for anything.
        command.args(["record", "--pid", &pid, "--duration", &seconds, "--rate", RATE, "--format", "flamegraph"]);
        command.arg("--output").arg(file);
        run(command, duration + PATIENCE).await.map_err(|why| format!("py-spy: {why}"))?;
        if file.is_file() { Ok(()) } else { Err("py-spy drew nothing".to_owned()) }
    }
}

/// Runs to its end; the last line of what it said if that is no good one.
async fn run(mut command: Command, limit: Duration) -> Result<(), String> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(limit, command.stderr(Stdio::piped()).output()).await;
    let output =
        output.map_err(|_| format!("not done after {} s", limit.as_secs()))?.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim().to_owned())
}
