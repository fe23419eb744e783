//! The gateway: the fabric through which all server-to-server traffic passes.
//!
//! Every server, real or virtual, has a host name of its own although all of them live on loopback, because
//! real servers reach the others through the gateway as their HTTPS forward proxy (design, section 3).
//!
//! # Goals
//! - Any name goes, without DNS, root or `/etc/hosts`: host names, ports, IP literals, odd case.
//! - Who calls is known apart from any signature: each real server has a proxy port of its own.
//! - Every exchange stands in the [`Transcript`](fedproof_core::transcript::Transcript), with bodies and times, and
//!   no secret does: the `Authorization` header is read for its `origin` and never kept.
//! - A name that is no part of the deployment is refused and recorded as evidence, never resolved or forwarded.
//! - Faults by caller, destination, method and path, in both directions, that end when they are healed.
//! - Cheap enough to be there always: a route is a map look-up, a certificate is minted when it is first asked for.
//!
//! # Non-goals
//! - Judging traffic. Invariants and scenarios read the transcript; the gateway does not know rooms or events.
//! - HTTP/2, upgrades, streaming: the federation API is HTTP/1.1 with bodies that fit in memory, and a recorder
//!   needs them whole.
//! - Being a proxy for anything else: it never opens a connection to anywhere but a homeserver's own listener.
//!
//! # Why not an off-the-shelf intercepting proxy
//! Those tunnel names that they do not know, which is the opposite of what is wanted here. They parse the target of
//! `CONNECT` strictly, whereas Synapse asks for the server `[::1]` with `CONNECT ::1:8448 HTTP/1.0`. And virtual servers
//! answer from the same process, which would cost a hop and a second recorder. hyper, rustls and rcgen carry
//! the generic part.
//!
//! # Where to find what
//! `connect` reads what comes before TLS, `ca` mints (`kept` in files, for a service), `proxy` takes connections, `serve`
//! answers inside TLS, `send` is the way of virtual servers; both of these `carry` a request past the `fault`s to what
//! `route` says, by `upstream` to a real server or to a [`Host`], and `record` it. `front` is apart from all that: what
//! client programs reach; `balance` as well: what stands before a homeserver of several processes.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test may panic"))]

mod answer;
mod balance;
mod ca;
mod carry;
mod connect;
mod error;
mod fault;
mod front;
mod gateway;
mod headers;
mod host;
mod kept;
mod listen;
mod name;
mod proxy;
mod record;
mod route;
mod send;
mod serve;
mod upstream;

pub use balance::{Asked, Balancer, CatchUp, Choose, PROCESS};
pub use error::GatewayError;
pub use fault::{Effect, Fault, FaultId};
pub use front::{Document, Front};
pub use gateway::Gateway;
pub use host::Host;
pub use send::{Reply, SEND_LIMIT, SendError};
