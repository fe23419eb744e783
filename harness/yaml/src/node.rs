//! Any YAML, with the place of every key and value.

use crate::bytes;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Error, Location, Spanned};
use std::{fmt, ops::Range};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where.
    pub place: Place,
}

/// Where a key or a value stands, in bytes. The two differ where an alias or a merge (`<<`) brings it in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Where it is used: at the alias.
    pub used: Range<usize>,
    /// Where it is written: at the anchor.
    pub written: Range<usize>,
}

/// What a node can be.
#[derive(Clone, Debug)]
pub enum Value {
    /// `null`, `~`, or nothing.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A text; also a number with a leading zero, which is not the same number to every reader of YAML.
    Text(String),
    /// `- …`
    List(Vec<Node>),
    /// `key: …`, in the order of the file.
    Mapping(Vec<Field>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Field {
    /// The key as a text.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// Its value.
    pub value: Node,
}

/// Reads all documents of a text; those that hold nothing are left out.
///
/// # Errors
/// What the parser says of the first thing that is no YAML, a key that stands twice in a mapping included.
pub fn documents(text: &str) -> Result<Vec<Node>, Error> {
    // A template that a dozen services share has many aliases to an anchor (the default allows 10).
    let budget = serde_saphyr::budget! { alias_anchor_ratio_multiplier: 100 };
    let options = serde_saphyr::options! { with_snippet: false, leading_zero_numbers_as_strings: true, budget: budget };
    let documents: Vec<Spanned<Bare>> = serde_saphyr::from_multiple_with_options(text, options)?;
    Ok(documents.into_iter().map(Node::from).collect())
}

impl Node {
    /// The value of a key; `None` if it is not there or this is no mapping.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.field(key).map(|field| &field.value)
    }

    /// The value at the end of these keys.
    pub fn find(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// A key with its value.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields().iter().find(|field| field.key == key)
    }

    /// All keys with their values; none if this is no mapping.
    pub fn fields(&self) -> &[Field] {
        if let Value::Mapping(fields) = &self.value { fields } else { &[] }
    }

    /// The items; none if this is no list.
    pub fn items(&self) -> &[Self] {
        if let Value::List(items) = &self.value { items } else { &[] }
    }

    /// A scalar as a text; `None` for null, lists and mappings.
    pub fn text(&self) -> Option<String> {
        match &self.value {
            Value::Bool(value) => Some(value.to_string()),
            Value::Integer(value) => Some(value.to_string()),
            Value::Float(value) => Some(value.to_string()),
            Value::Text(value) => Some(value.clone()),
            Value::Null | Value::List(_) | Value::Mapping(_) => None,
        }
    }

    /// True or false, also where it is written as a text.
    pub fn flag(&self) -> Option<bool> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "y" | "on" => Some(true),
            "false" | "no" | "n" | "off" => Some(false),
            _ => None,
        }
    }

    /// This node and all below it.
    pub fn each(&mut self, act: &mut impl FnMut(&mut Self)) {
        act(self);
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.each(act)),
            Value::Mapping(fields) => fields.iter_mut().for_each(|field| field.value.each(act)),
            _ => {}
        }
    }
}

impl From<Spanned<Bare>> for Node {
    fn from(spanned: Spanned<Bare>) -> Self {
        Self { place: place(spanned.referenced, spanned.defined), value: spanned.value.0 }
    }
}

fn place(used: Location, written: Location) -> Place {
    Place { used: bytes(used), written: bytes(written) }
}

/// A value whose own place only the [`Spanned`] around it knows.
struct Bare(Value);

impl<'de> Deserialize<'de> for Bare {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BareVisitor).map(Self)
    }
}

struct BareVisitor;

macro_rules! scalars {
    ($($visit:ident($value:ident: $type:ty) => $node:expr),* $(,)?) => {$(
        fn $visit<E>(self, $value: $type) -> Result<Value, E> {
            Ok($node)
        }
    )*};
}

impl<'de> Visitor<'de> for BareVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    scalars! {
        visit_bool(value: bool) => Value::Bool(value),
        visit_i64(value: i64) => Value::Integer(value),
        visit_u64(value: u64) => i64::try_from(value).map_or(Value::Float(value as f64), Value::Integer),
        visit_i128(value: i128) => Value::Float(value as f64),
        visit_u128(value: u128) => Value::Float(value as f64),
        visit_f64(value: f64) => Value::Float(value),
        visit_str(value: &str) => Value::Text(value.to_owned()),
        visit_bytes(value: &[u8]) => Value::Text(String::from_utf8_lossy(value).into_owned()),
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element::<Spanned<Bare>>()? {
            items.push(item.into());
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Value, A::Error> {
        let mut fields = Vec::new();
        while let Some((key, value)) = mapping.next_entry::<Spanned<String>, Spanned<Bare>>()? {
            fields.push(Field { place: place(key.referenced, key.defined), key: key.value, value: value.into() });
        }
        Ok(Value::Mapping(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, documents};

    #[test]
    fn an_alias_is_used_in_one_place_and_written_in_another() {
        let text = "a: &a {user: root}\nb: {<<: *a}\nc: *a\n---\n# nothing\n---\nd: 0440\n";
        let read = documents(text).expect("it is YAML");
        let user = read[0].find(&["b", "user"]).expect("it is merged in");
        assert_eq!(&text[user.place.written.clone()], "root");
        assert!(user.place.used.start > user.place.written.start);
        assert!(matches!(&read[1].get("d").expect("it is there").value, Value::Text(mode) if mode == "0440"));
        assert_eq!(read.len(), 2);
    }
}
