use super::{in_text, is_named, is_obvious};

#[test]
fn names_of_secrets_are_told_from_names_about_them() {
    for name in [
        "POSTGRES_PASSWORD",
        "registration_shared_secret",
        "macaroon_secret_key",
        "smtp_pass",
        "TOKEN",
        "client-secret",
        "recaptcha_private_key",
        "pass",
        "worker_replication_secret",
        "matrix.admin.token",
    ] {
        assert!(is_named(name), "{name}");
    }
    for name in [
        "POSTGRES_PASSWORD_FILE",
        "signing_key_path",
        "registration_shared_secret_path",
        "password_config",
        "refresh_token_lifetime",
        "server_name",
        "passenger",
        "compass",
        "key",
        "session_lifetime",
        "secret_name",
    ] {
        assert!(!is_named(name), "{name}");
    }
}

#[test]
fn secrets_are_found_in_any_format_and_nothing_else_is() {
    for (line, what) in [
        ("password: hunter2", "a value of `password`"),
        ("  args: {user: synapse, password: hunter2, host: db}", "a value of `password`"),
        ("\"form_secret\": \"abc\"", "a value of `form_secret`"),
        ("PASSWORD=hunter2", "a value of `PASSWORD`"),
        ("smtp_pass = 'a b'", "a value of `smtp_pass`"),
        ("uri: postgres://synapse:hunter2@db/synapse", "a password in a URL"),
        ("key: |-----BEGIN RSA PRIVATE KEY-----", "a private key"),
        ("- ed25519 a_NGNv nsKdkMPoWMlEsFOiPEbhC5yFmIuKxEZqBWcSUGHIkBw", "a signing key"),
        ("send syt_YWxpY2U_abcdefghijklmnop", "an access token"),
    ] {
        let found: Vec<_> = in_text(line).into_iter().map(|(_, what)| what).collect();
        assert_eq!(found, [what], "{line}");
    }
    for line in [
        "# password: hunter2",
        "password:",
        "password: ${PASSWORD}",
        "password: {{ .Values.password }}",
        "password: ''",
        "password_config: {enabled: false}",
        "registration_requires_token: true",
        "signing_key_path: /data/signing.key",
        "uri: postgres://synapse@db/synapse",
        "uri: postgres://synapse:${PW}@db/synapse",
        "url: https://host:8448/@path",
        "public_baseurl: https://synapse.example/",
        "report_stats: false",
        "- password-reset@mail.example",
    ] {
        assert_eq!(in_text(line), [], "{line}");
    }
}

#[test]
fn the_place_is_that_of_the_value() {
    let text = "a: 1\nüb: 2\n  password: \"hunter2\"\n";
    let (place, _) = in_text(text).remove(0);
    assert_eq!(&text[place], "hunter2");
}

#[test]
fn plain_values_are_not_obvious() {
    for value in ["synapse", "http://gateway:8080", "1.163.2", "ed25519", "eyJustaword", "user@host:port"] {
        assert_eq!(is_obvious(value), None, "{value}");
    }
}
