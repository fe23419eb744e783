//! What can go wrong while the gateway is set up.

use std::io;

/// Why the gateway could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No port could be opened on loopback.
    #[error("open a port: {0}")]
    Listen(#[from] io::Error),
    /// The gateway was closed before.
    #[error("open a port: the gateway is closed")]
    Closed,
    /// A key or certificate could not be made.
    #[error("mint a certificate: {0}")]
    Mint(#[from] rcgen::Error),
    /// The TLS library refuses the certificate or key.
    #[error("set TLS up: {0}")]
    Tls(#[from] rustls::Error),
}
