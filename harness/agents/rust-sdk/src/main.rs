//! The matrix-rust-sdk as a client under test: orders in on stdin, answers out on stdout
//! (`harness/agent-protocol/src/lib.rs`). One device, one store: the folder it is started in.
//!
//! With `--reference` it behaves as the client of the closed federation does that `fixtures/profiles/bundesmessenger.yaml`
//! describes ([`reference`]); without, as the SDK does.

mod carry_out;
mod device;
mod entrance;
mod files;
mod mutant;
mod reference;
mod rooms;
mod times;
mod verification;

use device::Device;
use fedproof_agent_protocol::{Command, Hello, Order, PROTOCOL, Said};
use std::{
    io::{BufRead, Write},
    sync::Arc,
};
use tokio::sync::{RwLock, mpsc};

/// What went wrong, in words for whoever gave the order.
type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// The device, once it is logged in.
type Slot = Arc<RwLock<Option<Arc<Device>>>>;

#[tokio::main]
async fn main() {
    let is_reference = std::env::args().any(|argument| argument == "--reference");
    let own: &[&str] = if is_reference { reference::CAPABILITIES } else { &[] };
    let of_sdk = Command::NAMES.iter().filter(|name| !reference::COMMANDS.contains(*name));
    say(&Said::Hello(Hello {
        protocol: PROTOCOL,
        name: if is_reference { "reference client" } else { "matrix-rust-sdk" }.to_owned(),
        version: SDK_VERSION.to_owned(),
        capabilities: of_sdk.chain(own).map(|name| (*name).to_owned()).collect(),
    }));
    let mut orders = orders();
    let slot = Slot::default();
    while let Some(order) = orders.recv().await {
        let slot = slot.clone();
        tokio::spawn(async move {
            let Order { id, command } = order;
            // In a task of its own: a panic of the SDK is no refusal, it ends the agent.
            match tokio::spawn(async move { carry_out::carry_out(&slot, command, is_reference).await }).await {
                Ok(Ok(result)) => say(&Said::Answer { id, result }),
                Ok(Err(refusal)) => say(&Said::Refusal { id, reason: in_words(&*refusal) }),
                Err(panic) => {
                    eprintln!("the SDK failed: {panic}");
                    std::process::exit(101);
                }
            }
        });
    }
}

/// The release that Cargo.lock holds.
const SDK_VERSION: &str = match option_env!("FEDPROOF_SDK_VERSION") {
    Some(version) => version,
    None => "0.18.0",
};

/// Orders as they come. Read by a thread of its own, so that the end of stdin ends the agent whatever else it does.
fn orders() -> mpsc::UnboundedReceiver<Order> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match serde_json::from_str(&line) {
                Ok(order) => drop(sender.send(order)),
                // What stands there may be a secret.
                Err(error) => eprintln!("an order that cannot be read, at column {}", error.column()),
            }
        }
        std::process::exit(0);
    });
    receiver
}

/// One line. When nobody reads any more there is nothing left to do.
fn say(said: &Said) {
    let mut out = std::io::stdout().lock();
    let text = serde_json::to_string(said).unwrap_or_default();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(1);
    }
}

/// An error with its causes.
fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}
