//! Ports that stay ours while a homeserver is down.

use crate::DeploymentError;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};
use tokio::net::{TcpSocket, TcpStream};

/// A port kept from everybody else by a socket that is bound to it and never listens.
///
/// Linux lets a homeserver listen on it all the same, since both sides set `SO_REUSEADDR` (Twisted does), and gives
/// it to no outgoing connection and no `bind` to port 0 meanwhile. A restarted homeserver so finds its port free.
pub(crate) struct Port {
    ip: IpAddr,
    address: SocketAddr,
    _socket: TcpSocket,
}

impl Port {
    /// Reserves a free one, at one address of this machine or, where it is unspecified, at all.
    pub(crate) fn reserve(ip: IpAddr) -> Result<Self, DeploymentError> {
        let reserve = || {
            let socket = if ip.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::new(ip, 0))?;
            Ok(Self { ip, address: SocketAddr::new(reachable(ip), socket.local_addr()?.port()), _socket: socket })
        };
        reserve().map_err(DeploymentError::io("bind a port on", PathBuf::from(ip.to_string())))
    }

    /// What it is bound to.
    pub(crate) fn ip(&self) -> IpAddr {
        self.ip
    }

    /// Where it is reached from this machine.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Where this machine reaches what is bound to `ip`.
fn reachable(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        _ => ip,
    }
}

/// Whether somebody listens at `address`.
pub(crate) async fn is_taken(address: SocketAddr) -> bool {
    TcpStream::connect(address).await.is_ok()
}
