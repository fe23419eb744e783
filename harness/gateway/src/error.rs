//! What can go wrong while the gateway is set up.

use std::{io, path::PathBuf};

/// Why the gateway could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No port could be opened.
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
    /// The files of an authority could not be read or written.
    #[error("keep the certificate authority: {}: {source}", path.display())]
    Keep {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The certificate beside the authority's key was not made with it.
    #[error("keep the certificate authority: ca.crt is no certificate of ca.key, or none of fedproof's")]
    ForeignCertificate,
}
