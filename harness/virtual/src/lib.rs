//! Simulated homeservers: the adversary, and the far side of load.
//!
//! A virtual server is a name, a key and its behaviour. All of one [`World`] share one room graph, so that a
//! thousand of them in a room cost little. They are honest unless told otherwise with
//! [`VirtualServer::behave`]; whatever they receive stands in the gateway's transcript.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test may panic"))]

mod answer;
mod authenticate;
mod behaviour;
mod endpoint;
mod host;
mod hosting;
mod keyring;
mod membership;
mod server;
mod world;

use fedproof_core::path;

pub use behaviour::Behaviour;
pub use endpoint::Endpoint;
pub use fedproof_core::{
    event::{Built, Draft},
    room::{Room, RoomError, Rooms},
};
pub use hosting::NewRoom;
pub use membership::{ApiVersion, Membership};
pub use server::{VirtualError, VirtualServer};
pub use world::World;
