//! The names that an instance makes. A homeserver remembers the keys of a name, so that no name may come twice in a run;
//! what cannot hold the instance's id, an IP literal above all, is drawn from it.

use base64::{Engine, engine::general_purpose::STANDARD};
use fedproof_core::invariant::canary;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Names of one instance, by its id.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Names<'a>(pub(crate) &'a str);

impl Names<'_> {
    /// A name as a scenario writes it: each `*` is the instance's id.
    pub(crate) fn spell(self, pattern: &str) -> String {
        pattern.replace('*', self.0)
    }

    /// What the built-in names of an instance stand for.
    pub(crate) fn built_in(self, name: &str) -> Option<Value> {
        match name {
            "unique" => Some(self.0.into()),
            "number" => Some(self.number().into()),
            "ip" => Some(self.literals()),
            "canary" => Some(canary(self.0).into()),
            "canary.sealed" => Some(STANDARD.encode(canary(self.0)).into()),
            _ => None,
        }
    }

    /// Digits of its own, for what must be a number: those of `i12-…` are 112, those of `m12-…` 212.
    fn number(self) -> String {
        let kind = if self.0.starts_with('i') { '1' } else { '2' };
        std::iter::once(kind).chain(self.0[1..].chars().take_while(char::is_ascii_digit)).collect()
    }

    /// An address of its own of each family.
    fn literals(self) -> Value {
        json!({"v4": self.v4(), "v6": self.v6()})
    }

    /// An IPv4 literal.
    pub(crate) fn v4(self) -> String {
        let [a, b, c, d] = self.octets();
        format!("{a}.{b}.{c}.{d}")
    }

    /// An IPv6 literal, without brackets.
    pub(crate) fn v6(self) -> String {
        let hash = self.hash();
        let word = |at: usize| u16::from_be_bytes([hash[at], hash[at + 1]]) | 0x1000;
        format!("fd00::{:x}:{:x}:{:x}", word(4), word(6), word(8))
    }

    /// In blocks that are neither private nor loopback nor link-local.
    fn octets(self) -> [u32; 4] {
        let hash = self.hash();
        [[11, 23, 37, 41, 53, 61, 73, 89][usize::from(hash[0] % 8)], hash[1].into(), hash[2].into(), hash[3].into()]
    }

    fn hash(self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fedproof_core::name::is_ip_literal;

    #[test]
    fn literals_are_literals_and_differ() {
        for id in ["i1-0000", "i2-0000", "m7-i2-ffff"] {
            let names = Names(id);
            assert!(is_ip_literal(&names.v4()), "{}", names.v4());
            assert!(is_ip_literal(&format!("[{}]", names.v6())), "{}", names.v6());
        }
        assert_ne!(Names("i1-0000").v4(), Names("i2-0000").v4());
    }
}
