//! The certificate authority: one certificate per name, minted when it is first asked for.

use crate::GatewayError;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, SerialNumber, date_time_ymd,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, TrustAnchor, pem::PemObject},
    server::NoServerSessionStorage,
    sign::{CertifiedKey, SingleCertAndKey},
};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

/// A certificate authority with the TLS settings of the names it has minted for.
pub(crate) struct Authority {
    pem: String,
    der: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
    /// All names share one key: it never leaves the process, and making keys would be the dear part.
    leaf_key: KeyPair,
    provider: Arc<CryptoProvider>,
    minted: Mutex<HashMap<String, Arc<ServerConfig>>>,
    /// Of the next certificate. No two of an authority may be the same, nor those of an earlier process: it is a time.
    first_serial: u64,
}

impl Authority {
    /// A fresh authority with a key of its own.
    pub(crate) fn new() -> Result<Self, GatewayError> {
        Self::of(KeyPair::generate()?, None)
    }

    /// The authority of `key`, with the certificate (PEM) that it was given earlier, or with a new one.
    pub(crate) fn of(key: KeyPair, kept: Option<String>) -> Result<Self, GatewayError> {
        let mut params = params("fedproof CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let made = params.self_signed(&key)?;
        let pem = match kept {
            Some(pem) if anchor(&pem)? == anchor(&made.pem())? => pem,
            Some(_) => return Err(GatewayError::ForeignCertificate),
            None => made.pem(),
        };
        Ok(Self {
            der: der(&pem)?,
            pem,
            issuer: Issuer::new(params, key),
            leaf_key: KeyPair::generate()?,
            provider: Arc::new(ring::default_provider()),
            minted: Mutex::default(),
            first_serial: SystemTime::now().duration_since(UNIX_EPOCH).map_or(2, |time| time.as_nanos() as u64),
        })
    }

    /// The authority's own certificate.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// The same as DER: what fingerprints are made of.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// TLS settings with a certificate for `host`: a host name or an IP literal, canonical.
    pub(crate) fn config(&self, host: &str) -> Result<Arc<ServerConfig>, GatewayError> {
        let mut minted = self.minted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(config) = minted.get(host) {
            return Ok(config.clone());
        }
        let config = Arc::new(self.mint(host, self.first_serial + minted.len() as u64)?);
        minted.insert(host.to_owned(), config.clone());
        Ok(config)
    }

    fn mint(&self, host: &str, serial: u64) -> Result<ServerConfig, GatewayError> {
        let mut params = params("fedproof gateway");
        let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        params.subject_alt_names = vec![match literal {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => SanType::DnsName(host.try_into()?),
        }];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        // rcgen derives serial numbers from the key, which is shared; two certificates must not have the same.
        params.serial_number = Some(SerialNumber::from(serial));
        let certificate = params.signed_by(&self.leaf_key, &self.issuer)?;

        let key = PrivateKeyDer::Pkcs8(self.leaf_key.serialize_der().into());
        let key = ring::sign::any_supported_type(&key)?;
        let certified = CertifiedKey::new(vec![certificate.der().clone()], key);
        let mut config = ServerConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        // Connections are kept alive; resumption would only cost memory per name.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }
}

/// What a certificate (PEM) says whom to trust: its subject and its public key.
fn anchor(pem: &str) -> Result<Vec<TrustAnchor<'static>>, GatewayError> {
    let mut anchors = RootCertStore::empty();
    anchors.add(der(pem)?)?;
    Ok(anchors.roots)
}

fn der(pem: &str) -> Result<CertificateDer<'static>, GatewayError> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| GatewayError::ForeignCertificate)
}

/// What both kinds of certificate have in common. Valid from well before to well after any clock a test may use,
/// and before 2050, where the encoding of dates changes.
fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_minted_once() {
        let authority = Authority::new().unwrap();
        let first = authority.config("a.example").unwrap();
        assert!(Arc::ptr_eq(&first, &authority.config("a.example").unwrap()));
        assert!(!Arc::ptr_eq(&first, &authority.config("[::1]").unwrap()));
    }

    #[test]
    fn a_name_that_no_certificate_can_hold_is_an_error() {
        Authority::new().unwrap().config("bücher.example").unwrap_err();
    }
}
