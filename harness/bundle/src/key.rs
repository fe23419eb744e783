//! Ed25519 keys in PEM, as `openssl genpkey -algorithm ed25519` makes them.

use crate::BundleError;
use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey},
};
use rustls_pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, pem::PemObject};
use std::path::Path;

/// What stands before the 32 bytes of an Ed25519 key in its SubjectPublicKeyInfo (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The key that signs.
#[derive(Debug)]
pub struct SigningKey(Ed25519KeyPair);

/// The key that checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey(Vec<u8>);

impl SigningKey {
    /// Makes a key: itself, and its PKCS #8 in PEM, to be kept secret.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn generate() -> Result<(Self, String), BundleError> {
        let failed = |_| BundleError::Malformed("the system gives no randomness for a key".to_owned());
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(failed)?;
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref());
        let pair = pair.map_err(|error| BundleError::Malformed(error.to_string()))?;
        Ok((Self(pair), pem("PRIVATE KEY", document.as_ref())))
    }

    /// Reads a PKCS #8 file in PEM.
    ///
    /// # Errors
    /// [`BundleError::Read`], [`BundleError::NoKey`].
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        let wrong = |why: String| BundleError::NoKey { path: path.to_owned(), why };
        let text = std::fs::read(path).map_err(|source| BundleError::Read { path: path.to_owned(), source })?;
        let der = PrivatePkcs8KeyDer::from_pem_slice(&text).map_err(|error| wrong(error.to_string()))?;
        // OpenSSL leaves the public half out.
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
        pair.map(Self).map_err(|error| wrong(error.to_string()))
    }

    /// The signature of `message`, in base64.
    pub fn sign(&self, message: &[u8]) -> String {
        BASE64_STANDARD.encode(self.0.sign(message))
    }

    /// The key that checks its signatures.
    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey(self.0.public_key().as_ref().to_vec())
    }
}

impl VerifyingKey {
    /// Reads a SubjectPublicKeyInfo file in PEM.
    ///
    /// # Errors
    /// [`BundleError::Read`], [`BundleError::NoKey`].
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        let wrong = |why: String| BundleError::NoKey { path: path.to_owned(), why };
        let text = std::fs::read(path).map_err(|source| BundleError::Read { path: path.to_owned(), source })?;
        let der = SubjectPublicKeyInfoDer::from_pem_slice(&text).map_err(|error| wrong(error.to_string()))?;
        match der.as_ref().strip_prefix(&SPKI) {
            Some(key) if key.len() == 32 => Ok(Self(key.to_vec())),
            _ => Err(wrong("it is a key of another kind".to_owned())),
        }
    }

    /// As PEM.
    pub fn to_pem(&self) -> String {
        pem("PUBLIC KEY", &[&SPKI, self.0.as_slice()].concat())
    }

    /// Whether `signature`, in base64, is this key's of `message`.
    pub fn holds(&self, message: &[u8], signature: &str) -> bool {
        let signature = BASE64_STANDARD.decode(signature.trim());
        signature.is_ok_and(|signature| UnparsedPublicKey::new(&ED25519, &self.0).verify(message, &signature).is_ok())
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    // An Ed25519 key in base64 fits two lines of RFC 7468's 64 characters.
    let text = BASE64_STANDARD.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line).into_owned());
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.collect::<Vec<_>>().join("\n"))
}
