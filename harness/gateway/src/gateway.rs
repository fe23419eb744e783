//! The gateway as the rest of the harness sees it.

use crate::{
    Fault, FaultId, Front, GatewayError, Host,
    ca::Authority,
    carry::Fabric,
    fault::Faults,
    kept,
    listen::{Closed, listen},
    proxy,
    route::{Place, Routes},
    upstream::Upstream,
};
use fedproof_core::{ServerName, transcript::Transcript};
use std::{
    fmt::{Debug, Display, Formatter},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};
use tokio::{net::TcpListener, sync::watch};

/// The fabric of one deployment. Cheap to clone; clones are the same gateway.
///
/// It closes with [`Gateway::close`] or when the last clone is gone. Hosts that hold a clone, as virtual servers do,
/// keep it open until it is closed.
#[derive(Clone)]
pub struct Gateway {
    fabric: Arc<Fabric>,
    /// Apart from what connections hold, so that they do not keep the gateway open.
    closed: Arc<watch::Sender<bool>>,
}

impl Default for Gateway {
    /// A gateway with a fresh certificate authority and transcript, and no listener. Needs no runtime.
    ///
    /// # Panics
    /// If the machine gives no random numbers for a key.
    fn default() -> Self {
        match Self::new() {
            Ok(gateway) => gateway,
            Err(error) => panic!("failed to {error}"),
        }
    }
}

impl Gateway {
    /// Like [`Gateway::default`], without the panic.
    pub fn new() -> Result<Self, GatewayError> {
        Ok(Self::of(Authority::new()?))
    }

    /// A gateway whose authority is that of `folder`, as files; they are made where there are none yet. Whoever trusts it
    /// trusts it after a restart, too.
    ///
    /// # Errors
    /// When the files cannot be read or written, or do not belong together.
    pub fn with_authority_in(folder: &Path) -> Result<Self, GatewayError> {
        Ok(Self::of(kept::in_folder(folder)?))
    }

    fn of(authority: Authority) -> Self {
        let fabric = Fabric {
            transcript: Transcript::default(),
            authority,
            routes: Routes::default(),
            faults: Faults::default(),
            upstream: Upstream::default(),
        };
        Self { fabric: Arc::new(fabric), closed: Arc::new(watch::Sender::new(false)) }
    }

    /// The record of all exchanges.
    pub fn transcript(&self) -> &Transcript {
        &self.fabric.transcript
    }

    /// The certificate (PEM) of the authority that servers must trust.
    pub fn ca_pem(&self) -> &str {
        self.fabric.authority.pem()
    }

    /// The same as DER: what fingerprints are made of.
    pub fn ca_der(&self) -> &[u8] {
        self.fabric.authority.der()
    }

    /// Opens an HTTPS forward proxy on a loopback port. Whoever uses it counts as `caller`, so each real server
    /// gets a port of its own.
    pub async fn open_proxy(&self, caller: ServerName) -> Result<SocketAddr, GatewayError> {
        self.open_proxy_at(caller, (Ipv4Addr::LOCALHOST, 0).into()).await
    }

    /// The same at another address: one that servers in containers or on other machines reach. Port 0 is any free one.
    pub async fn open_proxy_at(&self, caller: ServerName, at: SocketAddr) -> Result<SocketAddr, GatewayError> {
        if self.is_closed() {
            return Err(GatewayError::Closed);
        }
        let listener = TcpListener::bind(at).await?;
        let address = listener.local_addr()?;
        let (fabric, closed, caller) = (self.fabric.clone(), self.closed(), Arc::new(caller));
        tokio::spawn(async move {
            let serve = |stream| proxy::connection(fabric.clone(), caller.clone(), stream);
            listen(listener, closed, &caller, serve).await;
        });
        Ok(address)
    }

    /// Opens a front end of the real homeserver `server` on a loopback port; whoever calls without a known access token
    /// counts as `name`. It closes when it is dropped.
    pub async fn open_front(&self, server: ServerName, name: &str) -> Result<Front, GatewayError> {
        if self.is_closed() {
            return Err(GatewayError::Closed);
        }
        Front::open(self.fabric.clone(), server, name).await
    }

    /// Makes a real homeserver reachable under `name` at its plain-HTTP listener, `HOST:PORT`; also moves it. A host that
    /// is a name is looked up anew for every connection.
    pub fn route_real(&self, name: ServerName, listener: impl Display) {
        self.fabric.routes.set(name, Place::Real(listener.to_string().into()));
    }

    /// Makes a server of this process reachable under `name`.
    pub fn route_virtual(&self, name: ServerName, host: Arc<dyn Host>) {
        self.fabric.routes.set(name, Place::Virtual(host));
    }

    /// Retires the name of a finished case: from now on requests to it are answered with 200 and `{}`, and are no
    /// evidence of a leak.
    pub fn retire(&self, name: &ServerName) {
        self.fabric.routes.set(name.clone(), Place::Retired);
    }

    /// Injects a fault, from the next request on.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.fabric.faults.inject(fault)
    }

    /// Heals a fault; requests that it stalled go on. Healing twice does nothing.
    pub fn heal(&self, id: FaultId) {
        self.fabric.faults.heal(id);
    }

    /// Stops listening, ends all connections and forgets all names. The transcript stays.
    pub fn close(&self) {
        self.closed.send_replace(true);
        self.fabric.routes.clear();
    }

    pub(crate) fn fabric(&self) -> &Fabric {
        &self.fabric
    }

    pub(crate) fn closed(&self) -> Closed {
        Closed::new(&self.closed)
    }

    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }
}

impl Debug for Gateway {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("exchanges", &self.transcript().len()).finish_non_exhaustive()
    }
}
