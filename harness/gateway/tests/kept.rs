//! An authority in files: found again, private, and never replaced.
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use fedproof_gateway::{Gateway, GatewayError};
use std::{fs, os::unix::fs::PermissionsExt};
use support::{Caller, PATH, virtual_server};

#[tokio::test]
async fn who_trusts_an_authority_trusts_it_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("new/ca");
    let first = Gateway::with_authority_in(&place).unwrap();
    let (key, certificate) = (place.join("ca.key"), place.join("ca.crt"));
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&place), mode(&key)), (0o700, 0o600));
    assert_eq!(fs::read_to_string(&certificate).unwrap(), first.ca_pem());
    assert_eq!(fs::read_dir(&place).unwrap().count(), 2, "nothing is left beside them");

    let second = Gateway::with_authority_in(&place).unwrap();
    assert_eq!((second.ca_pem(), second.ca_der()), (first.ca_pem(), first.ca_der()));
    virtual_server(&second, "b.example");
    // Trusts what the first one said.
    let mut caller = Caller::new(&first, "a.example").await;
    caller.proxy = second.open_proxy("a.example".into()).await.unwrap();
    assert_eq!(caller.connect("b.example").await.get(PATH).await.unwrap().status, 200);
    // Trust must mean something.
    let other = Gateway::new().unwrap();
    virtual_server(&other, "b.example");
    caller.proxy = other.open_proxy("a.example".into()).await.unwrap();
    caller.try_tunnel("b.example:8448", "b.example").await.unwrap_err();
}

#[test]
fn what_does_not_belong_together_is_refused_and_what_was_cut_short_made_good() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one"), folder.path().join("two"));
    let first = Gateway::with_authority_in(&one).unwrap();
    Gateway::with_authority_in(&two).unwrap();
    fs::copy(two.join("ca.crt"), one.join("ca.crt")).unwrap();
    assert!(matches!(Gateway::with_authority_in(&one), Err(GatewayError::ForeignCertificate)));
    fs::write(one.join("ca.crt"), "no certificate").unwrap();
    assert!(matches!(Gateway::with_authority_in(&one), Err(GatewayError::ForeignCertificate)));
    // A start that wrote the key and no more: the next one goes on with it.
    fs::remove_file(one.join("ca.crt")).unwrap();
    let again = Gateway::with_authority_in(&one).unwrap();
    assert_ne!(again.ca_pem(), first.ca_pem());
    fs::remove_file(one.join("ca.key")).unwrap();
    let error = Gateway::with_authority_in(&one).unwrap_err().to_string();
    assert!(error.contains("ca.key"), "{error}");
    assert!(!one.join("ca.key").exists(), "no new key beside an old certificate");
}
