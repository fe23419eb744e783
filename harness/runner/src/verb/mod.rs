//! What a step does, one file per kind of actor.

pub(crate) mod agent;
mod asked;
pub(crate) mod barrier;
pub(crate) mod client;
pub(crate) mod condition;
pub(crate) mod fault;
pub(crate) mod front;
pub(crate) mod homeserver;
pub(crate) mod virtual_server;
