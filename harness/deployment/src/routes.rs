//! The routes file: whom a gateway that is a service of its own stands between.

use crate::{DeploymentError, yaml};
use fedproof_core::ServerName;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::HashMap, fmt, path::Path};

/// Servers by their names in the federation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Routes {
    /// The homeservers; nobody else is reached through the gateway.
    #[schemars(with = "HashMap<String, Route>")]
    pub servers: IndexMap<Name, Route>,
}

/// How a homeserver is reached, and how it reaches the others.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Its listener for plain HTTP, client and federation API alike, as the gateway reaches it: `http://HOST:PORT`.
    #[schemars(with = "String", regex(pattern = "^http://[^/]+/?$"))]
    pub base_url: BaseUrl,
    /// The port of its proxy: who connects there is taken for this homeserver. Any free port if it is 0 or not given.
    #[serde(default)]
    pub proxy_port: u16,
}

/// The text of a server name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    /// The server that is called so.
    pub fn server(&self) -> ServerName {
        ServerName::new(&self.0)
    }
}

/// `http://HOST:PORT` without a path.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct BaseUrl(String);

impl BaseUrl {
    /// `HOST:PORT`.
    pub fn authority(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

impl TryFrom<String> for BaseUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let bad = || format!("{text:?} is no http://HOST:PORT (plain HTTP, without a path)");
        let authority = text.strip_prefix("http://").ok_or_else(bad)?;
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        // Whether it can be reached is seen when it is; here it must be nothing but a host and a port.
        let port = authority.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
        let is_host = |host: &str| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ']);
        match port {
            Some((host, 1..)) if is_host(host) => Ok(Self(authority.to_owned())),
            _ => Err(bad()),
        }
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let usual = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
        match !text.is_empty() && text.chars().all(usual) {
            true => Ok(Self(text)),
            false => Err(format!("{text:?} is no server name")),
        }
    }
}

impl Routes {
    /// Reads a routes file.
    ///
    /// # Errors
    /// When it is missing, is no such YAML, or two servers are the same; always bad input.
    pub fn read(path: &Path) -> Result<Self, DeploymentError> {
        let routes: Self = yaml::read(path)?;
        let bad = |message: String| DeploymentError::Yaml { file: path.to_owned(), position: None, message };
        if routes.servers.is_empty() {
            return Err(bad("servers: names nobody".into()));
        }
        let mut names = HashMap::new();
        let mut ports = HashMap::new();
        for (Name(name), route) in &routes.servers {
            if let Some(other) = names.insert(name.to_ascii_lowercase(), name) {
                return Err(bad(format!("{other} and {name} are the same server")));
            }
            if route.proxy_port != 0
                && let Some(other) = ports.insert(route.proxy_port, name)
            {
                let port = route.proxy_port;
                return Err(bad(format!(
                    "{other} and {name} have the same proxy_port {port}: who calls is known by it"
                )));
            }
        }
        Ok(routes)
    }
}

/// The JSON Schema (draft 2020-12) of a routes file.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Routes).to_value();
    schema["title"] = "Fedproof routes".into();
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Routes, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Routes::read(file.path()).map_err(|error| error.to_string().replace(&file.path().display().to_string(), "F"))
    }

    #[test]
    fn routes_are_read() {
        let routes = read("servers:\n  a.example: {base_url: 'http://a:8008/', proxy_port: 8441}\n  '[::1]': {base_url: 'http://[::1]:1'}").unwrap();
        let all: Vec<_> =
            routes.servers.iter().map(|(name, to)| (name.0.as_str(), to.base_url.authority(), to.proxy_port)).collect();
        assert_eq!(all, [("a.example", "a:8008", 8441), ("[::1]", "[::1]:1", 0)]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, at, says) in [
            ("servers:\n  a.example: {base_url: https://a:1}", "F:2:", "http://HOST:PORT"),
            ("servers:\n  a.example:\n    base_url: http://a", "F:3:", "http://HOST:PORT"),
            ("servers:\n  a.example:\n    base_url: http://a:1/x", "F:3:", "http://HOST:PORT"),
            ("servers:\n  a.example: {base_url: http://a:1, proxy: 2}", "F:2:", "proxy"),
            ("servers:\n  a.example: {base_url: http://a:1, proxy_port: 70000}", "F:2:", ""),
            ("servers:\n  a/b: {base_url: http://a:1}", "F:2:", "no server name"),
            ("servers: {}", "F:", "nobody"),
            ("servers: {a: {base_url: http://a:1}, A: {base_url: http://a:1}}", "F:", "same server"),
            (
                "servers: {a: {base_url: http://a:1, proxy_port: 5}, b: {base_url: http://a:1, proxy_port: 5}}",
                "F:",
                "proxy_port 5",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(at) && error.contains(says), "{text}: {error}");
        }
    }
}
