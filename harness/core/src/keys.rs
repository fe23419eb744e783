//! Signing keys and signed JSON.
//!
//! Specification: appendices, "Signing JSON"; server-server API, "Retrieving server keys".

use crate::ServerName;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use ruma::signatures::{Ed25519KeyPair, KeyPair, PublicKeyMap, PublicKeySet};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fmt;

/// Public keys by server name and key id, as ruma verifies with them.
pub type PublicKeys = PublicKeyMap;

/// Why a key could not be read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A key document is not what the specification says.
    #[error("read the key document of {0}: no usable verify_keys")]
    Document(String),
}

/// The Ed25519 key of one server.
pub struct SigningKey {
    pair: Ed25519KeyPair,
}

/// What stands before the 32 secret bytes of an Ed25519 key in PKCS#8 (RFC 8410, version 1).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

impl SigningKey {
    /// Derives the key of `server` from the run's seed, so that a repeated run signs with the same keys.
    /// `version` is the part of the key id after `ed25519:`; another version is another key.
    pub fn derive(seed: u64, server: &ServerName, version: &str) -> Self {
        let secret = Sha256::digest(format!("fedproof signing key|{seed}|{server}|{version}"));
        let document = [PKCS8_PREFIX.as_slice(), secret.as_slice()].concat();
        match Ed25519KeyPair::from_der(&document, version.to_owned()) {
            Ok(pair) => Self { pair },
            Err(error) => unreachable!("any 32 bytes are an Ed25519 secret key: {error}"),
        }
    }

    /// The key id, such as `ed25519:v1`.
    pub fn id(&self) -> String {
        format!("ed25519:{}", self.pair.version())
    }

    /// The public key in unpadded base64.
    pub fn public_base64(&self) -> String {
        STANDARD_NO_PAD.encode(self.pair.public_key())
    }

    /// Signs bytes; unpadded base64.
    pub fn sign_bytes(&self, bytes: &[u8]) -> String {
        self.pair.sign(bytes).base64()
    }

    /// Adds this key's signature as `server` to a JSON object (not an event: see [`crate::event`]).
    pub fn sign_json(&self, server: &str, object: &mut Value) {
        let signature = self.sign_bytes(canonical_json(&unsigned_part(object)).as_bytes());
        let Some(fields) = object.as_object_mut() else { return };
        let signatures = fields.entry("signatures").or_insert_with(|| json!({}));
        if let Some(signatures) = signatures.as_object_mut() {
            let own = signatures.entry(server).or_insert_with(|| json!({}));
            own[self.id()] = signature.into();
        }
    }

    /// The signed answer of `/_matrix/key/v2/server`, valid until `valid_until_ms` (Unix milliseconds). `server` is the
    /// name as the server spells it.
    pub fn document(&self, server: &str, valid_until_ms: u64) -> Value {
        let mut document = json!({
            "server_name": server,
            "valid_until_ts": valid_until_ms,
            "verify_keys": { self.id(): { "key": self.public_base64() } },
            "old_verify_keys": {},
        });
        self.sign_json(server, &mut document);
        document
    }

    /// This key as a set that ruma verifies with.
    pub fn public_set(&self) -> PublicKeySet {
        let key = ruma::serde::Base64::new(self.pair.public_key().to_vec());
        PublicKeySet::from([(self.id(), key)])
    }

    pub(crate) fn pair(&self) -> &Ed25519KeyPair {
        &self.pair
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {})", self.id(), self.public_base64())
    }
}

/// Reads the keys out of a `/_matrix/key/v2/server` answer and checks that it is signed with them.
pub fn read_document(server: &ServerName, document: &Value) -> Result<PublicKeySet, KeyError> {
    let wrong = || KeyError::Document(server.to_string());
    let object = document.as_object().cloned().ok_or_else(wrong)?;
    let listed = object.get("verify_keys").and_then(Value::as_object).ok_or_else(wrong)?;
    let keys: PublicKeySet = listed
        .iter()
        .filter_map(|(id, key)| Some((id.clone(), ruma::serde::Base64::parse(key["key"].as_str()?).ok()?)))
        .collect();
    let object = ruma::canonical_json::try_from_json_map(object).map_err(|_| wrong())?;
    let known = PublicKeys::from([(server.to_string(), keys.clone())]);
    ruma::signatures::verify_json(&known, &object).map_err(|_| wrong())?;
    Ok(keys)
}

/// Whether an object carries the right signature of `entity` by the Ed25519 key `id` (such as `ed25519:v1`) whose public half
/// is `public`, in base64.
pub fn is_signed_by(object: &Value, entity: &str, id: &str, public: &str) -> bool {
    let (Ok(public), Some(mut signed)) = (ruma::serde::Base64::parse(public), object.as_object().cloned()) else {
        return false;
    };
    // Others may have signed it besides: ruma would ask for their keys, too.
    signed.insert("signatures".to_owned(), json!({entity: {id: object["signatures"][entity][id]}}));
    let known = PublicKeys::from([(entity.to_owned(), PublicKeySet::from([(id.to_owned(), public)]))]);
    let signed = ruma::canonical_json::try_from_json_map(signed);
    signed.is_ok_and(|signed| ruma::signatures::verify_json(&known, &signed).is_ok())
}

fn unsigned_part(object: &Value) -> Value {
    let mut copy = object.clone();
    if let Some(fields) = copy.as_object_mut() {
        fields.shift_remove("signatures");
        fields.shift_remove("unsigned");
    }
    copy
}

/// Canonical JSON of any value. Numbers that canonical JSON forbids are written as they are, because an
/// adversary must be able to sign them. Specification: appendices, "Canonical JSON".
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(key, _)| *key);
            out.push('{');
            for (position, (key, field)) in fields.into_iter().enumerate() {
                if position > 0 {
                    out.push(',');
                }
                write_canonical(&Value::String(key.clone()), out);
                out.push(':');
                write_canonical(field, out);
            }
            out.push('}');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_follow_from_seed_name_and_version() {
        let key = |seed, name: &str, version| SigningKey::derive(seed, &name.into(), version).public_base64();
        assert_eq!(key(1, "a.example", "1"), key(1, "A.example", "1"));
        assert_ne!(key(1, "a.example", "1"), key(2, "a.example", "1"));
        assert_ne!(key(1, "a.example", "1"), key(1, "a.example", "2"));
    }

    #[test]
    fn a_key_document_is_read_back_and_a_forged_one_is_not() {
        let name = ServerName::new("a.example");
        let key = SigningKey::derive(1, &name, "1");
        let mut document = key.document(name.as_str(), 10);
        assert_eq!(read_document(&name, &document).unwrap(), key.public_set());
        document["valid_until_ts"] = 11.into();
        assert!(read_document(&name, &document).is_err());
    }

    #[test]
    fn one_signature_among_several_is_verified() {
        let key = |seed| SigningKey::derive(seed, &"a.example".into(), "1");
        let mut object = json!({"usage": ["master"]});
        key(1).sign_json("@a:a.example", &mut object);
        key(2).sign_json("@b:b.example", &mut object);
        let is_signed =
            |object: &Value, key: &SigningKey| is_signed_by(object, "@b:b.example", &key.id(), &key.public_base64());
        assert!(is_signed(&object, &key(2)));
        assert!(!is_signed(&object, &key(1)), "by another key");
        object["usage"] = json!(["self_signing"]);
        assert!(!is_signed(&object, &key(2)), "of another object");
        assert!(!is_signed(&Value::Null, &key(2)));
    }

    #[test]
    fn canonical_json_sorts_and_keeps_text() {
        assert_eq!(
            canonical_json(&json!({"b": [1, "ü\n"], "a": {"d": null, "c": true}})),
            r#"{"a":{"c":true,"d":null},"b":[1,"ü\n"]}"#
        );
    }
}
