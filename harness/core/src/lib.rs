//! The protocol core: what a Matrix federation *is*, without any I/O.
//!
//! Names, the server-ACL rule, signing and verifying, events, the room graph and the transcript of
//! exchanges. Nothing in here opens a socket or reads a file.

pub mod acl;
pub mod event;
pub mod invariant;
pub mod keys;
pub mod merge;
pub mod name;
pub mod path;
pub mod room;
pub mod state;
pub mod transcript;
pub mod xmatrix;

pub use name::ServerName;
