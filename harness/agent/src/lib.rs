//! Client agents: programs with a real client SDK in them, put under test beside the homeservers.
//!
//! What an agent is built of and started with is data, its adapter (`fixtures/clients/NAME/adapter.yaml`);
//! what is said to it is `fedproof-agent-protocol`. A [`Program`] is a built adapter, an [`Agent`] one running process:
//! one device of one user, with a folder of its own.
//!
//! An agent that hangs, dies or says what no agent says gives an [`AgentError`] with the last it wrote: what it was
//! asked is inconclusive then, and no homeserver is judged by it.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test may panic"))]

mod adapter;
mod agent;
mod build;
mod environment;
mod error;
mod kept;

pub use adapter::ClientSpec;
pub use agent::Agent;
pub use build::Program;
pub use error::AgentError;
