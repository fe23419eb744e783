//! The `X-Matrix` authorization of server-to-server requests.
//!
//! Specification: server-server API, "Request Authentication". Building takes any text, because an adversary
//! may lie; reading and checking are ruma's.

use crate::{
    ServerName,
    keys::{PublicKeys, SigningKey, canonical_json},
};
use ruma::{api::federation::authentication::XMatrix, signatures::verify_canonical_json_bytes};
use serde_json::{Value, json};

/// Why a request's authorization does not hold.
#[derive(Debug, thiserror::Error)]
pub enum AuthorizationError {
    /// No header, or one that is no `X-Matrix`.
    #[error("read the X-Matrix header: {0}")]
    Unreadable(String),
    /// It was signed for another server, or for none.
    #[error("the X-Matrix header is for {0:?}")]
    OtherDestination(Option<String>),
    /// The key is not one of the origin's.
    #[error("{origin} has no key {key}")]
    UnknownKey {
        /// The claimed origin.
        origin: String,
        /// The key id it named.
        key: String,
    },
    /// The signature is not by that key over this request.
    #[error("the signature does not hold: {0}")]
    Signature(#[from] ruma::signatures::VerificationError),
}

/// What is signed of a request.
#[derive(Clone, Copy, Debug)]
pub struct Signed<'a> {
    /// HTTP method, upper case.
    pub method: &'a str,
    /// Path and query as sent, percent-encoded.
    pub uri: &'a str,
    /// The server that sends.
    pub origin: &'a str,
    /// The server that receives.
    pub destination: &'a str,
    /// The JSON body, if there is one.
    pub content: Option<&'a Value>,
}

impl Signed<'_> {
    /// The `Authorization` header's value.
    pub fn header(&self, key: &SigningKey) -> String {
        let signature = key.sign_bytes(self.canonical().as_bytes());
        format!(
            r#"X-Matrix origin="{}",destination="{}",key="{}",sig="{signature}""#,
            self.origin,
            self.destination,
            key.id()
        )
    }

    /// Checks a header against this request; the destination must be there and match.
    pub fn check(&self, header: &XMatrix, keys: &PublicKeys) -> Result<(), AuthorizationError> {
        let named = header.destination.as_ref().map(|name| name.as_str());
        if !named.is_some_and(|name| name.eq_ignore_ascii_case(self.destination)) {
            return Err(AuthorizationError::OtherDestination(named.map(str::to_owned)));
        }
        let unknown = || AuthorizationError::UnknownKey { origin: self.origin.into(), key: header.key.to_string() };
        let key = keys.get(self.origin).and_then(|keys| keys.get(header.key.as_str())).ok_or_else(unknown)?;
        let signature = header.sig.as_bytes();
        // Servers sign the names as they spell them.
        let spelt = Signed { origin: header.origin.as_str(), destination: named.unwrap_or(self.destination), ..*self };
        verify_canonical_json_bytes(&header.key.algorithm(), key.as_bytes(), signature, spelt.canonical().as_bytes())?;
        Ok(())
    }

    fn canonical(&self) -> String {
        let mut object = json!({
            "method": self.method, "uri": self.uri, "origin": self.origin, "destination": self.destination,
        });
        if let Some(content) = self.content {
            object["content"] = content.clone();
        }
        canonical_json(&object)
    }
}

/// Reads an `Authorization` header's value; also gives the claimed origin.
pub fn read(header: Option<&str>) -> Result<(ServerName, XMatrix), AuthorizationError> {
    let header = header.ok_or_else(|| AuthorizationError::Unreadable("there is none".into()))?;
    let header = XMatrix::parse(header).map_err(|error| AuthorizationError::Unreadable(error.to_string()))?;
    Ok((ServerName::new(header.origin.as_str()), header))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_holds_for_its_request_only() {
        let name = ServerName::new("a.example");
        let key = SigningKey::derive(1, &name, "1");
        let body = json!({"b": 1, "a": "ü"});
        let request = Signed {
            method: "PUT",
            uri: "/x?y=%20",
            origin: "a.example",
            destination: "b.example",
            content: Some(&body),
        };
        let (origin, header) = read(Some(&request.header(&key))).unwrap();
        assert_eq!(origin, name);
        let keys = PublicKeys::from([(name.to_string(), key.public_set())]);
        request.check(&header, &keys).unwrap();
        for wrong in [
            Signed { method: "POST", ..request },
            Signed { uri: "/x", ..request },
            Signed { destination: "c.example", ..request },
            Signed { content: None, ..request },
        ] {
            wrong.check(&header, &keys).unwrap_err();
        }
        request.check(&header, &PublicKeys::new()).unwrap_err();
    }

    #[test]
    fn ruma_agrees() {
        let name = ServerName::new("a.example");
        let key = SigningKey::derive(1, &name, "1");
        let body = json!({"b": [true, null], "a": "ü"});
        let request = Signed {
            method: "PUT",
            uri: "/x?y=%20",
            origin: "a.example",
            destination: "b.example",
            content: Some(&body),
        };
        let header = XMatrix::parse(request.header(&key)).unwrap();
        let http = http::Request::put("/x?y=%20").body(body.to_string()).unwrap();
        let keys = PublicKeys::from([(name.to_string(), key.public_set())]);
        header.verify_http_request(&http, "b.example".try_into().unwrap(), &keys).unwrap();
    }
}
