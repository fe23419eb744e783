//! What can go wrong before a page is served. Messages read after "failed to …".

use std::net::SocketAddr;

/// Why there is no dashboard.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// The address cannot be listened on.
    #[error("listen on {address}: {source}")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// Everybody on the network could read it.
    #[error("listen on {address} without a token: whoever reaches it could read every run (--token-file FILE)")]
    Open {
        /// Where.
        address: SocketAddr,
    },
    /// It could be guessed.
    #[error("use a token of {length} characters: at least {least} are needed (openssl rand -hex 24)")]
    Short {
        /// How many it has.
        length: usize,
        /// How many it needs.
        least: usize,
    },
    /// Serving ended.
    #[error("serve the dashboard: {0}")]
    Serve(std::io::Error),
}
