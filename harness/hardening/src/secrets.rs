//! What looks like a secret: names that secrets have, and values that can be nothing else. Values are never shown.

use fedproof_yaml::{Node, Place, Value};
use std::ops::Range;

/// Parts of names that hold secrets.
const PARTS: &[&str] = &[
    "password",
    "passwd",
    "passphrase",
    "secret",
    "private_key",
    "api_key",
    "apikey",
    "access_token",
    "auth_token",
    "credential",
    "encryption_key",
    "shared_key",
    "pepper",
    "requirepass",
    "masterauth",
];
/// Ends of such names.
const ENDS: &[&str] = &["token", "_pass", "_pw", "_pwd", "signing_key", "secret_key"];
/// Ends of names that say something about a secret, such as where it is, but not the secret.
const ABOUT: &[&str] = &[
    "_file",
    "_path",
    "_dir",
    "_name",
    "_ref",
    "_lifetime",
    "_ttl",
    "_length",
    "_policy",
    "_enabled",
    "_id",
    "_type",
    "_method",
    "_config",
    "_providers",
    "_scheme",
];
/// Starts of values that a log shows instead of a secret: `<redacted>`, `[Filtered]`, `****`.
const MASKS: &[&str] = &["{", "[", "|", ">", "*", "&", "!", "<", "%"];

/// Whether a name is that of a secret.
pub(crate) fn is_named(name: &str) -> bool {
    // Of a path of names, such as a label's, what it ends with; a file's ending is none.
    let last = name.rmatch_indices('.').nth(1).map_or(name, |(dot, _)| &name[dot + 1..]);
    let name = in_words(last);
    let is_about = ABOUT.iter().any(|end| name.ends_with(end));
    let is_one =
        name == "pass" || PARTS.iter().any(|part| name.contains(part)) || ENDS.iter().any(|end| name.ends_with(end));
    is_one && !is_about
}

/// A name in small letters with its words apart, whatever the convention: `client-secret`, `clientSecret`.
fn in_words(name: &str) -> String {
    let mut words = String::with_capacity(name.len());
    let mut was_small = false;
    for c in name.chars() {
        if was_small && c.is_ascii_uppercase() {
            words.push('_');
        }
        was_small = c.is_ascii_lowercase() || c.is_ascii_digit();
        words.push(if matches!(c, '-' | '.') { '_' } else { c.to_ascii_lowercase() });
    }
    words
}

/// Whether a value is written out: not empty, no switch, no path, no reference to what is elsewhere.
pub(crate) fn is_literal(value: &str) -> bool {
    let is_switch = ["", "~", "null", "true", "false"].contains(&value.to_ascii_lowercase().as_str());
    !is_switch && !is_reference(value) && !is_path(value)
}

/// `$NAME`, `${…}`, `$(…)`, and what a template fills in: `{{ … }}`, `%(…)s`.
fn is_reference(value: &str) -> bool {
    let is_name = |rest: &str| {
        rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && rest.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    ["${", "$(", "{{", "%("].iter().any(|start| value.starts_with(start))
        || value.strip_prefix('$').is_some_and(is_name)
}

/// An absolute path, or one from here (`./`), that is called as files are. Base64 can begin with a slash as well, but holds long
/// mixtures of small letters, capitals and digits, or signs that paths rarely have.
fn is_path(value: &str) -> bool {
    let Some(rest) = value.strip_prefix('/').or_else(|| value.strip_prefix("./")) else { return false };
    let is_random = |part: &str| {
        let has = |what: fn(&char) -> bool| part.chars().any(|c| what(&c));
        part.len() > 11 && has(char::is_ascii_lowercase) && has(char::is_ascii_uppercase) && has(char::is_ascii_digit)
    };
    let is_plain = rest.chars().all(|c| c.is_ascii_alphanumeric() || "._-/@${}".contains(c));
    is_plain && rest.contains(['/', '.']) && !rest.split('/').any(is_random)
}

/// What a value is whose looks give it away, whatever it is called.
pub(crate) fn is_obvious(value: &str) -> Option<&'static str> {
    if value.contains("-----BEGIN") && value.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    if value.match_indices("://").any(|(at, found)| has_password(&value[at + found.len()..])) {
        return Some("a password in a URL");
    }
    let mut words = value.split(|c: char| c.is_whitespace() || "\"'=,".contains(c));
    if words.clone().any(|word| word.starts_with("syt_") && word.len() > 12) {
        return Some("an access token");
    }
    if words.clone().any(|word| word.starts_with("eyJ") && word.matches('.').count() == 2) {
        return Some("a signed token");
    }
    // As Synapse writes its signing keys: algorithm, version, 32 bytes in Base64.
    let is_key = words.find(|word| *word == "ed25519").is_some() && words.nth(1).is_some_and(|key| key.len() == 43);
    is_key.then_some("a signing key")
}

/// Whether a URL after its scheme names a user with a password that is written out.
fn has_password(rest: &str) -> bool {
    let authority = rest.split(['/', ' ', '"', '\'']).next().unwrap_or_default();
    let user = authority.rsplit_once('@').map(|(user, _)| user);
    user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| is_literal(password))
}

/// Secrets written out in values: where, and what. `name` is what the value is called; in a list, each item is called so.
pub(crate) fn in_values(name: &str, node: &Node, found: &mut Vec<(Place, String)>) {
    match &node.value {
        Value::Mapping(fields) => {
            let named = node.get("name").and_then(Node::text);
            for field in fields {
                // `{name: PASSWORD, value: hunter2}` is a pair as well.
                let name = named.as_deref().filter(|_| field.key == "value").unwrap_or(&field.key);
                in_values(name, &field.value, found);
            }
        }
        Value::List(items) => items.iter().for_each(|item| in_values(name, item, found)),
        _ => {
            let what = node.text().and_then(|value| {
                named(name, &value).or_else(|| in_text(&value).into_iter().next().map(|(_, what)| what))
            });
            found.extend(what.map(|what| (node.place.clone(), what)));
        }
    }
}

/// What a value gives away that has the name of a secret and is no file of several lines.
pub(crate) fn named(name: &str, value: &str) -> Option<String> {
    let value = value.trim();
    (is_named(name) && is_literal(value) && !value.contains('\n')).then(|| format!("a value of `{name}`"))
}

/// Secrets written out in a text, line by line, whatever its format is (TOML, INI, variables): where, and what.
pub(crate) fn in_text(text: &str) -> Vec<(Range<usize>, String)> {
    in_lines(text, is_literal)
}

/// Secrets in a log, where what stands for a secret is none.
pub(crate) fn in_log(text: &str) -> impl Iterator<Item = String> {
    let is_shown = |value: &str| is_literal(value) && !MASKS.iter().any(|start| value.starts_with(start));
    in_lines(text, is_shown).into_iter().map(|(_, what)| what)
}

fn in_lines(text: &str, is_secret: impl Fn(&str) -> bool) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let shown = line.trim_start();
        if !shown.starts_with('#') {
            let before = found.len();
            pairs(line, |name, value| {
                if is_named(name) && is_secret(&line[value.clone()]) {
                    found.push((start + value.start..start + value.end, format!("a value of `{name}`")));
                }
            });
            if found.len() == before
                && let Some(what) = is_obvious(line)
            {
                let from = start + line.len() - shown.len();
                found.push((from..from + shown.trim_end().len(), what.to_owned()));
            }
        }
        start += line.len();
    }
    found
}

/// Every `name: value` and `name = value` of a line, the value without its quotes.
fn pairs(line: &str, mut act: impl FnMut(&str, Range<usize>)) {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    for (at, _) in line.match_indices([':', '=']) {
        let before = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let name = &before[before.trim_end_matches(is_of_name).len()..];
        let after = &line[at + 1..];
        // `a:b` is no mapping, `://` no separator; `a=b` is a pair in every format that has it.
        if name.is_empty()
            || (line[at..].starts_with(':') && !after.starts_with([' ', '\n', '"', '\'']) && !after.is_empty())
        {
            continue;
        }
        let from = at + 1 + after.len() - after.trim_start_matches([' ', '\t']).len();
        let value = &line[from..];
        let (from, length) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => (from + 1, value[1..].find(quote).unwrap_or(value.len() - 1)),
            _ => (from, value.find([' ', ',', '}', ']', '\n', '\r']).unwrap_or(value.len())),
        };
        act(name, from..from + length);
    }
}

#[cfg(test)]
mod tests;
