//! Which names there are, and what answers for each.

use crate::{Host, connect::Target, name::canonical};
use fedproof_core::ServerName;
use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

/// What answers for a name.
#[derive(Clone)]
pub(crate) enum Place {
    /// A real homeserver's plain-HTTP listener, `HOST:PORT`.
    Real(Arc<str>),
    /// A server in this process.
    Virtual(Arc<dyn Host>),
    /// A finished case's name: answered neutrally.
    Retired,
}

/// A name with what answers for it.
#[derive(Clone)]
pub(crate) struct Route {
    /// The name as it was given.
    pub(crate) name: ServerName,
    pub(crate) place: Place,
}

/// All names of the deployment, by canonical spelling.
#[derive(Default)]
pub(crate) struct Routes(RwLock<HashMap<String, Route>>);

impl Routes {
    pub(crate) fn set(&self, name: ServerName, place: Place) {
        let mut routes = self.0.write().unwrap_or_else(PoisonError::into_inner);
        routes.insert(canonical(name.as_str()), Route { name, place });
    }

    /// Forgets all names, and with them the hosts, which usually hold the gateway in turn.
    pub(crate) fn clear(&self) {
        let routes = std::mem::take(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner));
        drop(routes);
    }

    /// The route of a server name.
    pub(crate) fn of_name(&self, name: &ServerName) -> Option<Route> {
        self.get(&canonical(name.as_str()))
    }

    /// The route of a connection. Servers whose name has a port are connected to at that port, all others at the
    /// port that their well-known document names.
    pub(crate) fn of_target(&self, target: &Target) -> Option<Route> {
        self.get(&format!("{}:{}", target.host, target.port)).or_else(|| self.get(&target.host))
    }

    fn get(&self, key: &str) -> Option<Route> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_port_go_first() {
        let routes = Routes::default();
        let address = |port: u16| format!("127.0.0.1:{port}").into();
        routes.set("D.example".into(), Place::Real(address(1)));
        routes.set("d.example:1234".into(), Place::Real(address(2)));
        routes.set("[0::1]".into(), Place::Retired);
        let name = |host: &str, port| {
            routes.of_target(&Target { host: host.into(), port }).map(|route| route.name.to_string())
        };
        assert_eq!(name("d.example", 8448).as_deref(), Some("d.example"));
        assert_eq!(name("d.example", 1234).as_deref(), Some("d.example:1234"));
        assert_eq!(name("[::1]", 8448).as_deref(), Some("[0::1]"));
        assert_eq!(name("e.example", 8448), None);
        assert!(routes.of_name(&"::1".into()).is_some());
    }
}
