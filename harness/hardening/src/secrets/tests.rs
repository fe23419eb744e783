use super::{in_log, in_text, in_values, is_literal, is_named, is_obvious};
use fedproof_yaml::documents;

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
        "MYSQL_PWD",
        "requirepass",
        "clientSecret",
        "password.txt",
        "spring.datasource.password",
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
        "secretName",
        "passwordFile",
        "PWD",
        "traefik.http.middlewares.secret-headers.headers.frameDeny",
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

#[test]
fn only_paths_and_references_are_no_secrets() {
    for value in ["!hunter2", "/Zk3hunter2=", "/Zk3hunter2", "/aB3dE6gH9jK2/mN", "*hunter2", "%x", "$2b$12$abc", "[x]"]
    {
        assert!(is_literal(value), "{value}");
    }
    for value in [
        "",
        "true",
        "/run/secrets/pw",
        "./keys/a.pem",
        "/key.pem",
        "$PW",
        "${PW:?x}",
        "$(PW)",
        "{{ .Values.pw }}",
        "%(PW)s",
    ] {
        assert!(!is_literal(value), "{value}");
    }
}

#[test]
fn values_are_judged_however_they_are_written() {
    for (text, what) in [
        ("registration_shared_secret:\n  hunter2\n", "a value of `registration_shared_secret`"),
        ("form_secret: >-\n  hunter2\n", "a value of `form_secret`"),
        ("password: !text '!hunter2'", "a value of `password`"),
        ("old_secrets:\n  - hunter2", "a value of `old_secrets`"),
        ("env: [{name: DB_PASSWORD, value: hunter2}]", "a value of `DB_PASSWORD`"),
        ("a: 1\n---\n{\"token\":\"hunter2\"}", "a value of `token`"),
        ("options: {o: 'addr=nas,password=hunter2'}", "a value of `password`"),
    ] {
        let mut found = Vec::new();
        documents(text).unwrap().iter().for_each(|node| in_values("", node, &mut found));
        let found: Vec<_> = found.into_iter().map(|(_, what)| what).collect();
        assert_eq!(found, [what], "{text}");
    }
}

#[test]
fn what_a_log_shows_instead_of_a_secret_is_none() {
    for line in ["GET /x?access_token=<redacted>", "token: [Filtered]", "password=****"] {
        assert_eq!(in_log(line).next(), None, "{line}");
    }
    assert_eq!(in_log("password=hunter2").next().as_deref(), Some("a value of `password`"));
}
