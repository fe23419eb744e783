//! Ports on loopback that stay ours while a homeserver is down.

use crate::DeploymentError;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};
use tokio::net::{TcpSocket, TcpStream};

/// A port kept from everybody else by a socket that is bound to it and never listens.
///
/// Linux lets a homeserver listen on it all the same, since both sides set `SO_REUSEADDR` (Twisted does), and gives
/// it to no outgoing connection and no `bind` to port 0 meanwhile. A restarted homeserver so finds its port free.
pub(crate) struct Port {
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Port {
    /// Reserves a free one.
    pub(crate) fn reserve() -> Result<Self, DeploymentError> {
        let reserve = || {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
            Ok(Self { address: socket.local_addr()?, _socket: socket })
        };
        reserve().map_err(DeploymentError::io("bind a port on", PathBuf::from("127.0.0.1")))
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Whether somebody listens at `address`.
pub(crate) async fn is_taken(address: SocketAddr) -> bool {
    TcpStream::connect(address).await.is_ok()
}
