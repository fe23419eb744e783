//! The protocol core: what a Matrix federation *is*, without any I/O.
//!
//! Names, the server-ACL rule, signing and verifying, events, the room graph and the transcript of
//! exchanges. Nothing in here opens a socket, reads a file or looks at a clock it was not given.

pub mod acl;
pub mod name;
pub mod transcript;

pub use name::ServerName;
