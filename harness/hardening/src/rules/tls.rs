//! `hardening/tls`: nothing goes in the clear, and nobody is taken for somebody else.

use super::{Check, Judged, NOTHING, POLICY, Rule, broken, no, of_synapse};
use crate::model::{Config, Kind, Route, Seen};
use fedproof_yaml::Field;

const NO_ROUTES: &str = "only an Ingress says it";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "hardening/tls/minimum-version",
        title: "federation asks for TLS 1.2 at least",
        source: "BSI TR-02102-2; Synapse, federation_client_minimum_tls_version",
        expected: "`\"1.2\"` or `\"1.3\"`",
        help: "`federation_client_minimum_tls_version: \"1.2\"`: Synapse's default is 1",
        checks: &[Check::Configs(|config, _| of_synapse(config, minimum))],
        ..POLICY
    },
    Rule {
        id: "hardening/tls/verified",
        title: "federation verifies certificates, everybody's",
        source: "Synapse, federation_verify_certificates",
        expected: "no exception",
        help: "take the setting out, or the servers out of it; a private authority goes into `federation_custom_ca_list`",
        checks: &[Check::Configs(|config, _| of_synapse(config, verified))],
        ..POLICY
    },
    Rule {
        id: "hardening/tls/public-address",
        title: "clients are told an address with TLS",
        source: "Client-server API, transport; Synapse, public_baseurl",
        expected: "`https://…`, but for loopback",
        help: "`public_baseurl: https://…`, with TLS at the reverse proxy",
        checks: &[Check::Configs(|config, _| of_synapse(config, public_address))],
        ..POLICY
    },
    Rule {
        id: "hardening/tls/ingress",
        title: "every way in has a certificate",
        source: "APP.4.4.A7",
        expected: "its host among those under `tls`",
        help: "`tls: [{hosts: [HOST], secretName: NAME}]`",
        not_in: &[(Kind::Compose, NO_ROUTES), (Kind::Configuration, NO_ROUTES), (Kind::Running, NO_ROUTES)],
        checks: &[Check::Routes(|route: &Route, _| match route.encrypted {
            Some(true) => Judged::Holds,
            Some(false) => broken(&route.at, NOTHING),
            None => Judged::NotApplicable("its Gateway has the certificate"),
        })],
        ..POLICY
    },
];

/// What only this machine reaches needs no TLS.
fn public_address(config: &Config) -> Judged {
    let Some(field) = config.setting("public_baseurl") else { return Judged::Holds };
    let url = field.value.text().unwrap_or_default();
    let host = url.strip_prefix("http://").unwrap_or_default();
    let is_local = ["127.0.0.1", "localhost", "[::1]"]
        .iter()
        .any(|local| host.strip_prefix(local).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/'])));
    match url.starts_with("https://") || is_local {
        true => Judged::Holds,
        false => broken(&config.place(&field.value.place), format!("`{url}`")),
    }
}

fn minimum(config: &Config) -> Judged {
    if config.setting("server_name").is_none() {
        return Judged::NotApplicable("a worker's own configuration says nothing of it");
    }
    match config.setting("federation_client_minimum_tls_version") {
        Some(field) if ["1.2", "1.3"].contains(&&*field.value.text().unwrap_or_default()) => Judged::Holds,
        Some(field) => {
            broken(&config.place(&field.value.place), format!("`{}`", field.value.text().unwrap_or_default()))
        }
        None => broken(&config.at, NOTHING),
    }
}

fn verified(config: &Config) -> Judged {
    let is_exception = |field: &&Field| match &*field.key {
        "federation_verify_certificates" => field.value.flag() == Some(false),
        "federation_certificate_verification_whitelist" => !field.value.items().is_empty(),
        "use_insecure_ssl_client_just_for_testing_do_not_use" => field.value.flag() == Some(true),
        _ => false,
    };
    let found = config.settings().iter().filter(is_exception);
    let seen: Vec<_> = found.map(|field| Seen { value: field.key.clone(), at: config.place(&field.place) }).collect();
    no(&seen)
}

#[cfg(test)]
mod tests {
    use super::{Judged, public_address};
    use crate::model::{Config, Source};
    use std::sync::Arc;

    #[test]
    fn only_what_this_machine_alone_reaches_goes_without_tls() {
        for (url, holds) in [
            ("https://alpha.example/", true),
            ("http://127.0.0.1:8008/", true),
            ("http://localhost", true),
            ("http://[::1]:8008", true),
            ("http://localhost.example/", false),
            ("http://127.0.0.10.example/", false),
            ("http://alpha.example/", false),
        ] {
            let source = Arc::new(Source { name: "x".into(), text: format!("public_baseurl: \"{url}\"\n").into() });
            let config = Config::of_file(&source, "x".into());
            assert_eq!(matches!(public_address(&config), Judged::Holds), holds, "{url}");
        }
    }
}
