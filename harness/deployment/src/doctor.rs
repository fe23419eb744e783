//! What this machine has and lacks for deployments.

use crate::{
    postgresql::{self, Programs},
    python::{Environment, Python},
    redis,
};
use serde::Serialize;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener},
    path::Path,
    process::Stdio,
    time::Duration,
};
use tokio::process::Command;

/// Free room below which installing or running is likely to fail: an installation takes 250 MB, a server's work little.
const LOW_SPACE: u64 = 2 * 1024 * 1024 * 1024;
/// Open files below which a run with many connections is likely to fail.
const LOW_OPEN_FILES: u64 = 4096;
/// How long a program may take to say its version.
const PROGRAM_LIMIT: Duration = Duration::from_secs(20);

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What it is.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do about it, or what it is needed for; empty if nothing needs doing.
    pub hint: &'static str,
    /// Whether nothing runs without it. What is not required only matters to some.
    pub required: bool,
}

/// Looks at all that deployments need of this machine, with the cache at `cache`.
pub async fn doctor(cache: &Path) -> Vec<Check> {
    let (python, pip) = python_and_pip(cache).await;
    let loopback = |name, address: IpAddr, hint, required| {
        let bound = TcpListener::bind((address, 0)).map(|_| format!("{address} can be listened on"));
        check(name, bound.map_err(|error| format!("{address}: {error}")), hint, required)
    };
    vec![
        python,
        pip,
        check("cache", writable(cache), "set FEDPROOF_CACHE to a folder that can be written to", true),
        check("disk space", space(cache), "make room, or set FEDPROOF_CACHE to a folder on another disk", true),
        loopback("loopback", Ipv4Addr::LOCALHOST.into(), "homeservers and gateway listen on it", true),
        loopback("IPv6 loopback", Ipv6Addr::LOCALHOST.into(), "only for servers that are to be reached by IPv6", false),
        check("open files", open_files(), "raise the limit: ulimit -n 65536", false),
        check(
            "cargo",
            says("cargo", "--version").await,
            "builds clients under test, and checkouts whose compiled parts changed",
            false,
        ),
        check(
            "node",
            says("node", "--version").await,
            "only for the client js-sdk, which takes Node.js 20 and npm",
            false,
        ),
        check("npm", says("npm", "--version").await, "installs what the client js-sdk consists of", false),
        check(
            "postgresql",
            postgresql().await,
            "only for deployments that say `database: postgresql`, such as load (Debian: apt-get install postgresql)",
            false,
        ),
        check(
            "redis",
            match redis::program() {
                Ok(program) => says(&program.to_string_lossy(), "--version").await,
                Err(error) => Err(error.to_string()),
            },
            "only for deployments whose homeservers have workers, such as saas (Debian: apt-get install redis-server)",
            false,
        ),
        check(
            "docker",
            says("docker", "--version").await,
            "for `--backend compose` only (Debian: apt-get install docker.io docker-compose)",
            false,
        ),
    ]
}

async fn python_and_pip(cache: &Path) -> (Check, Check) {
    let found = Python::find().await;
    let python = check(
        "python",
        found.as_ref().map(|python| python.version.clone()).map_err(ToString::to_string),
        "install Python 3.9 or newer with venv (Debian: python3-venv), or set FEDPROOF_PYTHON to one",
        true,
    );
    let pip = match (installed(cache), &found) {
        (0, Ok(python)) => says(&python.program().to_string_lossy(), "-m pip --version").await,
        (0, Err(_)) => Err("there is no Python to run it, and nothing is installed in the cache".into()),
        (count, _) => Ok(format!("{count} installed in the cache already")),
    };
    (python, check("pip", pip, "needed to install a homeserver the first time, along with a package index", true))
}

async fn postgresql() -> Result<String, String> {
    let programs = Programs::find().await.map_err(|error| error.to_string())?;
    let account = postgresql::account().map_err(|error| error.to_string())?;
    let run_by = account.map_or(String::new(), |account| format!(", run as user {}", account.uid));
    Ok(format!("{} in {}{run_by}", programs.version, programs.path("").display()))
}

/// How many homeservers the cache holds.
fn installed(cache: &Path) -> usize {
    let entries = std::fs::read_dir(cache.join("homeservers")).into_iter().flatten().flatten();
    entries.filter(|entry| Environment::at(&entry.path().join("venv")).is_usable()).count()
}

fn writable(cache: &Path) -> Result<String, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", cache.display());
    std::fs::create_dir_all(cache).map_err(failed)?;
    tempfile::tempfile_in(cache).map_err(failed)?;
    Ok(cache.display().to_string())
}

fn space(cache: &Path) -> Result<String, String> {
    let existing = cache.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let free = fs4::available_space(existing).map_err(|error| format!("{}: {error}", existing.display()))?;
    let detail = format!("{} MB free at {}", free / 1024 / 1024, existing.display());
    if free < LOW_SPACE { Err(detail) } else { Ok(detail) }
}

fn open_files() -> Result<String, String> {
    let limits = std::fs::read_to_string("/proc/self/limits").map_err(|error| error.to_string())?;
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default();
    let soft = limit.split_whitespace().next().unwrap_or("unknown");
    let low = soft.parse::<u64>().is_ok_and(|soft| soft < LOW_OPEN_FILES);
    if low { Err(soft.to_owned()) } else { Ok(soft.to_owned()) }
}

/// The first line a program prints.
async fn says(program: &str, arguments: &str) -> Result<String, String> {
    let run = Command::new(program).args(arguments.split(' ')).stdin(Stdio::null()).kill_on_drop(true).output();
    let output = match tokio::time::timeout(PROGRAM_LIMIT, run).await {
        Ok(output) => output.map_err(|error| format!("{program}: {error}"))?,
        Err(_) => return Err(format!("{program} says nothing")),
    };
    let first = |bytes: &[u8]| String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().to_owned();
    if output.status.success() { Ok(first(&output.stdout)) } else { Err(first(&output.stderr)) }
}

fn check(name: &'static str, found: Result<String, String>, hint: &'static str, required: bool) -> Check {
    let ok = found.is_ok();
    Check { name, ok, detail: found.unwrap_or_else(|lack| lack), hint: if ok { "" } else { hint }, required }
}
