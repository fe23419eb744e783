//! `token`: a JSON Web Token, signed rightly or in one of the ways that must not be taken.

use super::{With, text};
use crate::outcome::{Done, StepError};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair},
};
use serde_json::{Value, json};

/// Keys of the tests' own (PKCS #8, PEM), which sign nothing else.
const KEYS: [(&str, &str); 2] = [
    ("pinned", include_str!("../../../../fixtures/authenticity/pinned.pem")),
    ("other", include_str!("../../../../fixtures/authenticity/other.pem")),
];

/// `claims`: what it says. `key`: `pinned`, which clients under test know, or `other`. `algorithm`: `PS512`, `PS256`, `RS512`,
/// `HS512` (with the public key, which everybody knows, as the secret), or `none`. Result: the token.
pub(super) fn make(with: &With) -> Result<Done, StepError> {
    let (algorithm, name) = (text(with, "algorithm")?, text(with, "key")?);
    let known = KEYS.iter().find(|(key, _)| *key == name);
    let (_, pem) = known.ok_or_else(|| StepError::broken(format!("there is no key {name:?}: pinned and other are")))?;
    let pair = pair(pem)?;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = with.get("claims").unwrap_or(&Value::Null);
    let signed = format!("{}.{}", part(&json!({"alg": algorithm, "typ": "JWT"})), part(claims));
    let by_rsa = |encoding: &'static dyn RsaEncoding| {
        let mut signature = vec![0; pair.public().modulus_len()];
        let made = pair.sign(encoding, &SystemRandom::new(), signed.as_bytes(), &mut signature);
        made.map(|()| signature).map_err(|_| StepError::broken("the token could not be signed"))
    };
    let signature = match algorithm {
        "PS512" => by_rsa(&RSA_PSS_SHA512)?,
        "PS256" => by_rsa(&RSA_PSS_SHA256)?,
        "RS512" => by_rsa(&RSA_PKCS1_SHA512)?,
        "HS512" => {
            let secret = hmac::Key::new(hmac::HMAC_SHA512, pair.public().as_ref());
            hmac::sign(&secret, signed.as_bytes()).as_ref().to_vec()
        }
        "none" => Vec::new(),
        other => return Err(StepError::broken(format!("no token is signed by {other:?} here"))),
    };
    Ok(Done { result: format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into(), ..Done::default() })
}

fn pair(pem: &str) -> Result<RsaKeyPair, StepError> {
    let unreadable = |what: String| StepError::broken(format!("a key of fixtures/authenticity cannot be read: {what}"));
    let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(der).map_err(|error| unreadable(error.to_string()))?;
    RsaKeyPair::from_pkcs8(&der).map_err(|error| unreadable(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{RSA_PSS_2048_8192_SHA512, UnparsedPublicKey};

    fn token(algorithm: &str, key: &str) -> Result<String, StepError> {
        let claims = json!({"sub": "a.example", "exp": 1});
        let with = [("algorithm", json!(algorithm)), ("key", json!(key)), ("claims", claims)];
        let made = make(&with.map(|(key, value)| (key.to_owned(), value)).into_iter().collect())?;
        Ok(made.result.as_str().unwrap_or_default().to_owned())
    }

    /// Whether the token verifies under the pinned key.
    fn verifies(token: &str) -> bool {
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        let pinned = pair(KEYS[0].1).expect("a key");
        let public = UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA512, pinned.public().as_ref());
        public.verify(signed.as_bytes(), &signature).is_ok()
    }

    #[test]
    fn tokens_are_signed_as_they_say() {
        assert!(verifies(&token("PS512", "pinned").expect("it signs")));
        for (algorithm, key) in
            [("PS512", "other"), ("PS256", "pinned"), ("RS512", "pinned"), ("HS512", "pinned"), ("none", "pinned")]
        {
            assert!(!verifies(&token(algorithm, key).expect("it signs")), "{algorithm} by {key}");
        }
        assert!(matches!(token("PS512", "lost"), Err(StepError::Broken { .. })));
    }

    #[test]
    fn the_profile_pins_the_right_key() {
        let profile = include_str!("../../../../fixtures/profiles/bundesmessenger.yaml");
        let profile: Value = serde_saphyr::from_str(profile).expect("the profile reads");
        let pinned = profile["settings"]["authenticity_pinned"].as_str().expect("a key");
        let der: String = pinned.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = STANDARD.decode(der).expect("base64");
        // The key stands at the end of what says which kind of key it is.
        assert!(der.ends_with(pair(KEYS[0].1).expect("a key").public().as_ref()));
    }
}
