//! One running agent.

use crate::{AgentError, Program, environment::environment};
use fedproof_agent_protocol::{Command as Told, Hello, Order, PROTOCOL, Said};
use fedproof_core::transcript::{is_secret, redact};
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashMap},
    fs::File,
    io::Write,
    path::Path,
    process::Stdio,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{oneshot, watch},
    task::JoinHandle,
};

/// How long an agent may take to say who it is.
const HELLO_LIMIT: Duration = Duration::from_secs(30);

/// How long the last words of an agent that has ended are waited for.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(2);

/// A process with a client in it: one device of one user. It ends when this is dropped, and when fedproof ends.
pub struct Agent {
    hello: Hello,
    stdin: tokio::sync::Mutex<ChildStdin>,
    shared: Arc<Shared>,
    next: AtomicU64,
    syncs: watch::Receiver<u64>,
    _child: Child,
}

/// What the reader of the agent's lines and those who give orders have in common.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: HashMap<u64, oneshot::Sender<Result<Value, Why>>>,
    /// Why there will be no more answers.
    over: Option<Why>,
    /// The last line on stderr.
    last: String,
    /// What must not be told on: secrets that were given in orders and answers.
    secrets: BTreeSet<String>,
    record: Option<File>,
}

#[derive(Clone)]
enum Why {
    Refused(String),
    Ended,
    Protocol(String, String),
}

impl Agent {
    /// Starts an agent whose folder is `folder`, and waits until it has said who it is. What is said to it and by it is
    /// written to `record`, without secrets. Its environment is its own ([`environment`]), and `setting`.
    ///
    /// # Errors
    /// When it does not start, or says something else.
    pub async fn start(
        program: &Program,
        folder: &Path,
        record: &Path,
        setting: Option<(&str, &str)>,
    ) -> Result<Self, AgentError> {
        for path in [Some(folder), record.parent()].into_iter().flatten() {
            std::fs::create_dir_all(path).map_err(AgentError::io("create", path))?;
        }
        let record = File::create(record).map_err(AgentError::io("create", record))?;
        let mut command = Command::new(&program.start[0]);
        command.args(&program.start[1..]).current_dir(folder).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().envs(environment(folder)?).envs(setting);
        let mut child = command.spawn().map_err(AgentError::io("start", &program.start[0]))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(AgentError::io("talk to", &program.start[0])(std::io::ErrorKind::BrokenPipe.into()));
        };
        let shared = Arc::new(Shared::default());
        shared.state().record = Some(record);
        let log = shared.clone();
        let mut logged = tokio::spawn(async move {
            let mut lines = BufReader::new(stderr).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                let line = log.hidden(&String::from_utf8_lossy(&line));
                log.note("log", &json!(line));
                log.state().last = line;
            }
        });
        let mut lines = BufReader::new(stdout).lines();
        let first = tokio::time::timeout(HELLO_LIMIT, lines.next_line()).await;
        let first = match first {
            Ok(Ok(Some(line))) => line,
            Ok(_) => {
                read_out(&mut logged).await;
                let status = child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string());
                return Err(AgentError::Died { status, said: shared.last() });
            }
            Err(_) => {
                let (order, limit) = ("hello".to_owned(), HELLO_LIMIT);
                return Err(AgentError::Silent { order, limit, said: shared.last() });
            }
        };
        let hello = read_hello(&first)?;
        shared.note("said", &json!(hello));
        let (synced, syncs) = watch::channel(0);
        tokio::spawn(listen(shared.clone(), lines, synced, logged));
        Ok(Self { hello, stdin: stdin.into(), shared, next: AtomicU64::new(1), syncs, _child: child })
    }

    /// Who it is.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Gives an order and waits for the answer.
    ///
    /// # Errors
    /// [`AgentError::Refused`] when it says no; all else speaks of the agent.
    pub async fn order(&self, command: Told, limit: Duration) -> Result<Value, AgentError> {
        let name = command.name();
        if !self.hello.capabilities.iter().any(|capability| capability == name) {
            return Err(AgentError::Incapable { client: self.hello.name.clone(), capability: name.to_owned() });
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let order = json!(Order { id, command });
        let (sender, answer) = oneshot::channel();
        {
            let mut state = self.shared.state();
            if let Some(over) = state.over.clone() {
                drop(state);
                return Err(self.error(name, over));
            }
            state.waiting.insert(id, sender);
        }
        self.shared.remember(&order);
        self.shared.note("told", &order);
        let line = format!("{order}\n");
        let mut stdin = self.stdin.lock().await;
        // When it has ended, the reader says so.
        let _ = stdin.write_all(line.as_bytes()).await;
        let _ = stdin.flush().await;
        drop(stdin);
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(answer)) => answer.map_err(|why| self.error(name, why)),
            Ok(Err(_)) => Err(self.error(name, Why::Ended)),
            Err(_) => {
                self.shared.state().waiting.remove(&id);
                Err(AgentError::Silent { order: name.to_owned(), limit, said: self.shared.last() })
            }
        }
    }

    /// Counts the syncs that it has taken in: when it changes there is a reason to look again.
    pub fn syncs(&self) -> watch::Receiver<u64> {
        self.syncs.clone()
    }

    fn error(&self, order: &str, why: Why) -> AgentError {
        match why {
            Why::Refused(reason) => AgentError::Refused { order: order.to_owned(), reason },
            Why::Ended => {
                AgentError::Died { status: format!("before it answered `{order}`"), said: self.shared.last() }
            }
            Why::Protocol(message, line) => AgentError::Protocol { message, line },
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> String {
        self.state().last.clone()
    }

    /// Writes a line into the record; what cannot be written is not worth a verdict.
    fn note(&self, what: &str, text: &Value) {
        let mut line = json!({what: text});
        redact(&mut line);
        let line = self.hidden(&line.to_string());
        if let Some(record) = &mut self.state().record {
            let _ = writeln!(record, "{line}");
        }
    }

    /// Remembers the secrets in an order or an answer.
    fn remember(&self, value: &Value) {
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    match value {
                        Value::String(secret) if is_secret(key) && !secret.is_empty() => {
                            self.state().secrets.insert(secret.clone());
                        }
                        value => self.remember(value),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.remember(value)),
            _ => {}
        }
    }

    /// A text without the secrets that are known.
    fn hidden(&self, text: &str) -> String {
        self.state().secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "[redacted]"))
    }

    fn answer(&self, id: u64, answer: Result<Value, Why>) {
        if let Some(waiting) = self.state().waiting.remove(&id) {
            // Whoever asked may have given up.
            let _ = waiting.send(answer);
        }
    }

    /// There will be no more answers.
    fn end(&self, why: &Why) {
        let mut state = self.state();
        state.over = Some(why.clone());
        for (_, waiting) in state.waiting.drain() {
            let _ = waiting.send(Err(why.clone()));
        }
    }
}

fn read_hello(line: &str) -> Result<Hello, AgentError> {
    let protocol = |message: String| AgentError::Protocol { message, line: line.to_owned() };
    match serde_json::from_str(line) {
        Ok(Said::Hello(hello)) if hello.protocol == PROTOCOL => Ok(hello),
        Ok(Said::Hello(hello)) => {
            Err(protocol(format!("it speaks version {}, this fedproof version {PROTOCOL}", hello.protocol)))
        }
        Ok(_) => Err(protocol("the first line has to be `hello`".to_owned())),
        Err(error) => Err(protocol(error.to_string())),
    }
}

/// Hands out what the agent says, until it says nothing more.
async fn listen(
    shared: Arc<Shared>,
    mut lines: Lines<BufReader<ChildStdout>>,
    synced: watch::Sender<u64>,
    mut logged: JoinHandle<()>,
) {
    while let Ok(Some(line)) = lines.next_line().await {
        let said = match serde_json::from_str(&line) {
            Ok(said) => said,
            Err(error) => {
                return shared.end(&Why::Protocol(format!("column {}", error.column()), shared.hidden(&line)));
            }
        };
        if said != (Said::Synced {}) {
            shared.note("said", &json!(said));
        }
        match said {
            Said::Answer { id, result } => {
                shared.remember(&result);
                shared.answer(id, Ok(result));
            }
            Said::Refusal { id, reason } => shared.answer(id, Err(Why::Refused(shared.hidden(&reason)))),
            Said::Synced {} => synced.send_modify(|syncs| *syncs += 1),
            Said::Hello(_) => return shared.end(&Why::Protocol("it said hello twice".to_owned(), line)),
        }
    }
    read_out(&mut logged).await;
    shared.end(&Why::Ended);
}

/// Waits until all that an agent wrote before it ended has been read; not for what a child of it may still hold open.
async fn read_out(logged: &mut JoinHandle<()>) {
    let _ = tokio::time::timeout(LAST_WORDS_LIMIT, logged).await;
}
