//! `fedproof up` and `fedproof down`: a deployment to play with.

use crate::{
    args::Up,
    error::CliError,
    ground::{self, Ground},
    identity::{draw_seed, run_id},
    interrupt,
    project::Project,
    stdout,
    work::work_folder,
};
use fedproof_client::ClientError;
use fedproof_deployment::{Connected, Connection};
use fedproof_results::exit;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    fmt::Write as _,
    io::Write as _,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Users that every homeserver of a playground gets.
const USERS: [&str; 2] = ["alice", "bob"];

/// How long `down` waits for `up` to end, and how often it looks.
const STOP_LIMIT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// Starts a deployment and keeps it up until Ctrl-C, SIGTERM or `fedproof down`.
pub(crate) async fn up(project: &Project, args: Up) -> Result<u8, CliError> {
    if let Some(pid) = playground() {
        return Err(CliError::bad_input(format!("a playground is up already (process {pid}): `fedproof down` first")));
    }
    let description = ground::describe(project, &args.place)?;
    let interrupted = interrupt::watch();
    let notify: fedproof_deployment::Notify = Arc::new(|server, message| match server {
        Some(server) => eprintln!("{server}: {message}"),
        None => eprintln!("{message}"),
    });
    let work = work_folder("playground", &args.out, false)?;
    let logs = args.out.join("logs");
    let connection = args.connection.clone().unwrap_or_else(|| args.out.join("connection.json"));
    // One of a playground that crashed would be taken for ours.
    let _stale = std::fs::remove_file(&connection);
    let folders = (work.path(), &*logs);
    let ground = Ground::start(project, &description, folders, 0, notify, &interrupted, args.bind).await?;
    let file = args.out.join("environment.sh");
    let environment = environment(&ground)
        .await
        .map_err(|error| CliError::environment(format!("failed to set up users: {error}")))?;
    write_private(&file, &environment)?;
    write_private(&pid_file(), &std::process::id().to_string())?;
    let written = of_ground(&ground, &args, &description.name).write(&connection);
    written.map_err(|error| CliError::environment(format!("failed to write {}: {error}", connection.display())))?;
    for homeserver in ground.deployment.homeservers() {
        stdout::print(&format!(
            "{}  {}  http://{}  users {}",
            homeserver.name(),
            homeserver.server_name(),
            homeserver.address(),
            USERS.join(", ")
        ));
    }
    stdout::print(&format!("load: fedproof load WORKLOAD --attach {}", connection.display()));
    stdout::print(&format!("environment: . {}\nstop: fedproof down, or Ctrl-C", file.display()));
    let died = async {
        let deaths = ground.deployment.homeservers().iter().map(|homeserver| Box::pin(homeserver.death()));
        futures::future::select_all(deaths).await.0
    };
    let ended = tokio::select! {
        () = interrupt::signalled(&interrupted) => None,
        log = died => Some(log),
    };
    ground.stop().await;
    // Tokens and databases are worth nothing without the servers; logs stay.
    let _gone = (std::fs::remove_file(&file), std::fs::remove_file(&connection), std::fs::remove_file(pid_file()));
    match ended {
        None => Ok(exit::QUALIFIED),
        Some(log) => Err(CliError::environment(format!("a homeserver ended unexpectedly; its last log lines:\n{log}"))),
    }
}

/// Asks the playground to end.
pub(crate) async fn down() -> Result<u8, CliError> {
    let Some(pid) = playground() else {
        let _stale = std::fs::remove_file(pid_file());
        stdout::print("no playground is up");
        return Ok(exit::QUALIFIED);
    };
    kill(Pid::from_raw(pid), Signal::SIGTERM)
        .map_err(|error| CliError::environment(format!("failed to stop the playground (process {pid}): {error}")))?;
    let ended = async {
        while is_playground(pid) {
            tokio::time::sleep(POLL).await;
        }
    };
    match tokio::time::timeout(STOP_LIMIT, ended).await {
        Ok(()) => stdout::print("the playground is down"),
        Err(_) => {
            return Err(CliError::environment(format!(
                "the playground (process {pid}) was asked to stop and is still there"
            )));
        }
    }
    Ok(exit::QUALIFIED)
}

/// The process that holds the playground up.
fn playground() -> Option<i32> {
    let pid = std::fs::read_to_string(pid_file()).ok()?.trim().parse().ok()?;
    is_playground(pid).then_some(pid)
}

/// Whether the process is a fedproof; a process id may have been given to another by now.
fn is_playground(pid: i32) -> bool {
    let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut arguments = arguments.split(|byte| *byte == 0);
    let is_fedproof = arguments.next().is_some_and(|program| program.ends_with(b"fedproof"));
    is_fedproof && arguments.any(|argument| argument == b"up")
}

fn pid_file() -> PathBuf {
    let folder = std::env::var_os("XDG_RUNTIME_DIR").map_or_else(std::env::temp_dir, PathBuf::from);
    folder.join(format!("fedproof-playground-{}.pid", nix::unistd::getuid()))
}

/// How others find the deployment.
fn of_ground(ground: &Ground, args: &Up, deployment: &str) -> Connection {
    let base_url = |address: SocketAddr| match &args.host {
        Some(host) => format!("http://{host}:{}", address.port()),
        None => format!("http://{address}"),
    };
    let usable = ground.deployment.homeservers().iter().filter(|one| !one.is_shut());
    let homeservers = usable.map(|one| Connected::to(one, base_url(one.address()))).collect();
    Connection::new(format!("{}-{:08x}", run_id(), draw_seed() as u32), deployment, homeservers)
}

async fn environment(ground: &Ground) -> Result<String, ClientError> {
    let mut text = String::new();
    for homeserver in ground.deployment.homeservers() {
        let key = homeserver.name().to_uppercase().replace('-', "_");
        let _ = writeln!(text, "export FEDPROOF_{key}_URL=http://{}", homeserver.address());
        let _ = writeln!(text, "export FEDPROOF_{key}_SERVER_NAME={}", homeserver.server_name());
        for user in USERS {
            let client = homeserver.endpoint().register(user).await?;
            let name = user.to_uppercase();
            let _ = writeln!(text, "export FEDPROOF_{key}_{name}={}", client.user_id());
            let _ = writeln!(text, "export FEDPROOF_{key}_{name}_TOKEN={}", client.token());
        }
    }
    Ok(text)
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, text: &str) -> Result<(), CliError> {
    let _old = std::fs::remove_file(path);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| CliError::environment(format!("failed to write {}: {error}", path.display())))
}
