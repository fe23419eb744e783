//! One process of a homeserver: started through the launcher, told over the control pipe, and by signals, or by the engine
//! whose container it is in.
//!
//! A task of its own owns the child and sends all signals, so that none can reach another process that got the id
//! after the child was reaped. The launcher ends when its control pipe closes, so a process outlives neither this
//! value nor fedproof itself, however that ends.

use crate::{DeploymentError, container::Container, proc};
use nix::{
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use serde_json::{Value, json};
use std::{
    process::Stdio,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{Mutex, mpsc, watch},
};

/// How long the launcher may take to acknowledge an order.
const ORDER_LIMIT: Duration = Duration::from_secs(10);
/// How long the kernel may take to stop a process that is to be paused.
const PAUSE_LIMIT: Duration = Duration::from_secs(5);

/// Whom a signal is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum To {
    /// The homeserver alone; its watchdog stays awake.
    Server,
    /// All of its process group.
    Group,
}

/// A running (or ended) process.
pub(crate) struct Process {
    name: String,
    /// Process id of our child, which for a container is what holds the other end of its pipes; it may be another's once
    /// this one [ended](Self::ended).
    pub(crate) pid: u32,
    signals: mpsc::UnboundedSender<(Signal, To)>,
    exit: watch::Receiver<Option<String>>,
    expected: AtomicBool,
    control: Mutex<Control>,
    container: Option<Container>,
}

struct Control {
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    last: u64,
}

impl Process {
    /// Starts `command` in a process group of its own; standard error is the caller's to set. `container` is what it runs.
    pub(crate) fn spawn(name: &str, command: Command, container: Option<Container>) -> Result<Self, DeploymentError> {
        Ok(Self { container, ..Self::spawn_ending_with(Signal::SIGKILL, name, command)? })
    }

    /// The same; `last` is the signal that its group gets once nobody holds this value any more.
    pub(crate) fn spawn_ending_with(last: Signal, name: &str, mut command: Command) -> Result<Self, DeploymentError> {
        let program = command.as_std().get_program().into();
        let failed = |source| DeploymentError::Spawn { name: name.to_owned(), program, source };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(source) => return Err(failed(source)),
        };
        let (Some(pid), Some(orders), Some(answers)) = (child.id(), child.stdin.take(), child.stdout.take()) else {
            return Err(failed(std::io::Error::other("it has no pipes")));
        };
        let (signals, receiver) = mpsc::unbounded_channel();
        let (ended, exit) = watch::channel(None);
        tokio::spawn(attend(child, receiver, ended, last));
        let control = Control { orders, answers: BufReader::new(answers).lines(), last: 0 };
        let name = name.to_owned();
        let (expected, control) = (AtomicBool::new(false), Mutex::new(control));
        Ok(Self { name, pid, signals, exit, expected, control, container: None })
    }

    /// What messages call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&self) -> Option<String> {
        self.exit.borrow().clone()
    }

    /// How it ended, if it did and nobody meant it to.
    pub(crate) fn ended_unexpectedly(&self) -> Option<String> {
        self.ended().filter(|_| !self.expected.load(Ordering::SeqCst))
    }

    /// Waits for its end.
    pub(crate) async fn wait(&self) -> String {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(status) => status.clone().unwrap_or_default(),
            // The task that watches it is gone with the runtime, and the process with it.
            Err(_) => "killed".to_owned(),
        }
    }

    /// Says that its end, from now on, is intended.
    pub(crate) fn expect_end(&self) {
        self.expected.store(true, Ordering::SeqCst);
    }

    /// Sends a signal; nothing happens if it ended.
    pub(crate) fn signal(&self, signal: Signal, to: To) {
        // An error means that the task, and so the process, is gone.
        let _ = self.signals.send((signal, to));
    }

    /// Process id of the homeserver itself, as far as this machine knows it.
    pub(crate) async fn server_pid(&self) -> u32 {
        match &self.container {
            Some(container) => container.pid().await.unwrap_or(self.pid),
            None => self.pid,
        }
    }

    /// Stops it in its tracks; whether that worked.
    pub(crate) async fn pause(&self) -> bool {
        if let Some(container) = &self.container {
            return container.told(&["pause"]).await.is_ok();
        }
        self.signal(Signal::SIGSTOP, To::Server);
        // A signal is delivered some time after it was sent; whoever paused it relies on the silence.
        let began = Instant::now();
        while began.elapsed() < PAUSE_LIMIT && self.ended().is_none() {
            if proc::Stat::of(self.pid).is_some_and(|stat| stat.state == 'T') {
                return true;
            }
            tokio::task::yield_now().await;
        }
        self.signal(Signal::SIGCONT, To::Server);
        false
    }

    /// Lets it go on, if it is paused.
    pub(crate) async fn resume(&self) {
        match &self.container {
            // It refuses one that is not paused.
            Some(container) => drop(container.told(&["unpause"]).await),
            None => self.signal(Signal::SIGCONT, To::Server),
        }
    }

    /// Has the engine `connect` it to its network, or `disconnect` it.
    pub(crate) async fn network(&self, verb: &str) -> Result<(), DeploymentError> {
        match &self.container {
            Some(container) => container.network(verb).await,
            None => Err(DeploymentError::NoNetwork { name: self.name.clone() }),
        }
    }

    /// Asks it to end.
    pub(crate) async fn ask_to_end(&self) {
        match &self.container {
            // One that is gone already has ended.
            Some(container) => drop(container.told(&["kill", "--signal", "TERM"]).await),
            None => self.signal(Signal::SIGTERM, To::Server),
        }
        // One that is paused acts on nothing until it goes on.
        self.resume().await;
    }

    /// Kills it and its group, and waits for the end.
    pub(crate) async fn kill(&self) {
        self.expect_end();
        let by_engine = match &self.container {
            Some(container) => container.told(&["kill"]).await.is_ok(),
            None => false,
        };
        if !by_engine {
            self.signal(Signal::SIGKILL, To::Group);
        }
        self.wait().await;
    }

    /// Has the launcher carry out `order`, `{verb: {…}}`, and waits for its word.
    pub(crate) async fn order(&self, verb: &str, arguments: Value) -> Result<(), DeploymentError> {
        let failed = |message: String| DeploymentError::Order {
            name: self.name.clone(),
            order: format!("{verb} {arguments}"),
            message,
        };
        let answer = async {
            let mut control = self.control.lock().await;
            control.last += 1;
            let id = control.last;
            let line = format!("{}\n", json!({"id": id, verb: arguments}));
            control.orders.write_all(line.as_bytes()).await.map_err(|error| error.to_string())?;
            loop {
                let line = control.answers.next_line().await.map_err(|error| error.to_string())?;
                let line = line.ok_or("the launcher closed its output")?;
                // Anything else is no answer, or one that an earlier caller gave up waiting for.
                match serde_json::from_str::<Value>(&line) {
                    Ok(answer) if answer["id"] == id => return Ok::<_, String>(answer),
                    _ => {}
                }
            }
        };
        let answer = tokio::select! {
            answer = tokio::time::timeout(ORDER_LIMIT, answer) => match answer {
                Ok(answer) => answer.map_err(failed)?,
                Err(_) => return Err(failed(format!("no acknowledgement from the launcher in {ORDER_LIMIT:?}"))),
            },
            status = self.wait() => return Err(failed(format!("it ended with {status}"))),
        };
        if answer["ok"] == true {
            return Ok(());
        }
        Err(failed(answer["error"].as_str().unwrap_or("the launcher refused").to_owned()))
    }
}

/// Owns the child: passes signals on, reaps it, ends it with `last` once nobody holds its [`Process`] any more.
async fn attend(
    mut child: Child,
    mut signals: mpsc::UnboundedReceiver<(Signal, To)>,
    ended: watch::Sender<Option<String>>,
    last: Signal,
) {
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            signal = signals.recv() => {
                let unheld = signal.is_none();
                let (signal, to) = signal.unwrap_or((last, To::Group));
                // Without an id it was reaped just now. No signal can fail otherwise: the process is ours.
                if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw) {
                    let _ = match to {
                        To::Server => kill(pid, signal),
                        To::Group => killpg(pid, signal),
                    };
                }
                if unheld {
                    break child.wait().await;
                }
            }
        }
    };
    ended.send_replace(Some(match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("an unknown status ({error})"),
    }));
}
