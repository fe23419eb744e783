//! The server-ACL rule, as our own small evaluator.
//!
//! Specification v1.19: `m.room.server_acl` (client-server API) and "Server Access Control Lists"
//! (server-server API); MSC1383, MSC4163, MSC4436. ruma's type rejects malformed content, so it can be
//! an oracle for well-formed lists only; this one reads whatever JSON stands in the event.

use crate::name::{host_of, is_ip_literal};
use serde_json::Value;

/// What the rule says of one server name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The server may take part in the room.
    Allowed,
    /// Rule 2: the name is an IP literal and literals are off.
    DeniedIpLiteral,
    /// Rule 3: an entry of `deny` matches.
    DeniedByList,
    /// Rule 5: no entry of `allow` matches.
    NotAllowed,
}

impl Decision {
    /// True for [`Decision::Allowed`] only.
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// An `m.room.server_acl` content, read tolerantly: entries that are no strings are passed over, a list
/// that is no list is empty, a flag that is no boolean counts as `true`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    allow: Vec<Glob>,
    deny: Vec<Glob>,
    allow_ip_literals: bool,
}

impl Acl {
    /// Reads the content of an ACL event.
    pub fn from_content(content: &Value) -> Self {
        let list = |key: &str| -> Vec<Glob> {
            content
                .get(key)
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(Glob::new)
                .collect()
        };
        Self {
            allow: list("allow"),
            deny: list("deny"),
            allow_ip_literals: content.get("allow_ip_literals").and_then(Value::as_bool).unwrap_or(true),
        }
    }

    /// Decides for a server name; its port is never considered.
    pub fn decide(&self, server_name: &str) -> Decision {
        let host = host_of(server_name).to_ascii_lowercase();
        if !self.allow_ip_literals && is_ip_literal(&host) {
            return Decision::DeniedIpLiteral;
        }
        if self.deny.iter().any(|glob| glob.matches(&host)) {
            return Decision::DeniedByList;
        }
        if self.allow.iter().any(|glob| glob.matches(&host)) {
            return Decision::Allowed;
        }
        Decision::NotAllowed
    }
}

/// An entry of a list, with what a look at both ends of a name can tell: most entries match most names not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Glob {
    /// Lower case.
    text: String,
    /// Length of the literal beginning.
    head: usize,
    /// Where the literal end begins.
    tail: usize,
}

impl Glob {
    fn new(entry: &str) -> Self {
        let text = entry.to_ascii_lowercase();
        let head = text.find(['*', '?']).unwrap_or(text.len());
        let tail = text.rfind(['*', '?']).map_or(0, |last| last + 1);
        Self { text, head, tail }
    }

    /// `host` is lower case.
    fn matches(&self, host: &str) -> bool {
        host.ends_with(&self.text[self.tail..])
            && host.starts_with(&self.text[..self.head])
            && glob_matches(&self.text, host)
    }
}

/// Whole-string match of a Matrix glob: `*` is zero or more characters, `?` exactly one, all else literal.
/// Runs in O(pattern × text) at worst, without recursion, so hostile patterns cannot stall it.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let (glob, text) = (glob.as_bytes(), text.as_bytes());
    let (mut g, mut t) = (0, 0);
    let mut last_star: Option<(usize, usize)> = None;
    while t < text.len() {
        match glob.get(g) {
            Some(b'*') => {
                last_star = Some((g, t));
                g += 1;
            }
            Some(b'?') => {
                g += 1;
                t += char_len(text, t);
            }
            Some(&byte) if byte == text[t] => {
                g += 1;
                t += 1;
            }
            _ => match last_star {
                Some((star, from)) => {
                    let from = from + char_len(text, from);
                    last_star = Some((star, from));
                    g = star + 1;
                    t = from;
                }
                None => return false,
            },
        }
    }
    glob[g..].iter().all(|&byte| byte == b'*')
}

/// Bytes of the UTF-8 character that starts at `at`, so that `?` takes a character and not a byte.
fn char_len(text: &[u8], at: usize) -> usize {
    1 + text[at + 1..].iter().take_while(|&&byte| byte & 0xC0 == 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_rule_row_by_row() {
        let rows = [
            (json!({}), "a.example", Decision::NotAllowed),
            (json!({"allow": ["*"]}), "a.example", Decision::Allowed),
            (json!({"allow": ["*"], "deny": ["*"]}), "a.example", Decision::DeniedByList),
            (json!({"allow": ["*"], "deny": ["A.Example"]}), "a.example:1", Decision::DeniedByList),
            (json!({"allow": ["*"], "deny": ["a.example:1"]}), "a.example:1", Decision::Allowed),
            (json!({"allow": ["*"], "deny": ["*.d.example"]}), "d.example", Decision::Allowed),
            (json!({"allow": ["1.2.3.4"], "allow_ip_literals": false}), "1.2.3.4:5", Decision::DeniedIpLiteral),
            (json!({"allow": ["*"], "allow_ip_literals": "no"}), "[::1]", Decision::Allowed),
            (json!({"allow": ["*"], "allow_ip_literals": false}), "1.2.3.4.example", Decision::Allowed),
            (json!({"allow": "*"}), "a.example", Decision::NotAllowed),
            (json!({"allow": [null, 1, "a.*"]}), "a.example", Decision::Allowed),
            (json!({"allow": ["*"], "deny": ["good.example"]}), "notgood.example", Decision::Allowed),
            (json!({"allow": ["*"], "deny": ["a?example"]}), "a.example", Decision::DeniedByList),
            (json!({"allow": ["*"], "deny": ["a.?xample"]}), "a.xample", Decision::Allowed),
        ];
        for (content, name, expected) in rows {
            assert_eq!(Acl::from_content(&content).decide(name), expected, "{content} {name}");
        }
    }

    #[test]
    fn a_hostile_glob_ends() {
        assert!(!glob_matches(&"*a".repeat(500), &"b".repeat(255)));
        assert!(glob_matches("a*b*c", "aXbbXc"));
        assert!(glob_matches("m?nchen", "münchen"));
    }
}
