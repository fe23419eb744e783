//! Where every key and value of a YAML file stands, by JSON pointer, so that the linter can point at any of them
//! without the model having to carry places.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Location, Spanned};
use std::{collections::HashMap, fmt, ops::Range};

/// Places by JSON pointer (`/phases/0/steps/2/send`).
#[derive(Debug, Default)]
pub(crate) struct Places(HashMap<String, Place>);

/// Where one node stands, in bytes.
#[derive(Clone, Debug)]
struct Place {
    key: Option<Range<usize>>,
    value: Range<usize>,
}

impl Places {
    /// Empty if the text is no YAML.
    pub(crate) fn of(text: &str) -> Self {
        let mut places = Self::default();
        if let Ok(root) = serde_saphyr::from_str::<Spanned<Node>>(text) {
            places.add(String::new(), None, &root);
        }
        places
    }

    /// Whether something is written there.
    pub(crate) fn has(&self, pointer: &str) -> bool {
        self.0.contains_key(pointer)
    }

    /// Of a value; the nearest one around it if it is not there.
    pub(crate) fn value(&self, pointer: &str) -> Option<Range<usize>> {
        self.around(pointer).map(|place| place.value.clone())
    }

    /// Of the key whose value the pointer names, or of an item in a list.
    pub(crate) fn key(&self, pointer: &str) -> Option<Range<usize>> {
        self.around(pointer).map(|place| place.key.as_ref().unwrap_or(&place.value).clone())
    }

    /// Where the mapping starts that has a key at this byte; for an empty mapping, that is the byte itself.
    pub(crate) fn mapping_with_key_at(&self, byte: usize) -> Option<(&str, Range<usize>)> {
        let (pointer, _) = self.0.iter().find(|(_, place)| place.key.as_ref().is_some_and(|key| key.start == byte))?;
        let (parent, _) = pointer.rsplit_once('/')?;
        Some((parent, self.key(parent)?))
    }

    fn around(&self, mut pointer: &str) -> Option<&Place> {
        loop {
            if let Some(place) = self.0.get(pointer) {
                return Some(place);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }

    fn add(&mut self, pointer: String, key: Option<Location>, node: &Spanned<Node>) {
        match &node.value {
            Node::Scalar => {}
            Node::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.add(format!("{pointer}/{index}"), None, item);
                }
            }
            Node::Mapping(fields) => {
                for (key, field) in fields {
                    self.add(below(&pointer, &key.value), Some(key.referenced), field);
                }
            }
        }
        self.0.insert(pointer, Place { key: key.map(bytes), value: bytes(node.referenced) });
    }
}

/// A pointer one step longer.
pub(crate) fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Bytes that a location means.
pub(crate) fn bytes(location: Location) -> Range<usize> {
    let span = location.span();
    let start = span.byte_offset().unwrap_or_default() as usize;
    start..start + span.byte_len().unwrap_or_default() as usize
}

#[derive(Debug)]
enum Node {
    Scalar,
    List(Vec<Spanned<Node>>),
    Mapping(Vec<(Spanned<String>, Spanned<Node>)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

macro_rules! scalars {
    ($($visit:ident: $type:ty),*) => {$(
        fn $visit<E>(self, _: $type) -> Result<Node, E> {
            Ok(Node::Scalar)
        }
    )*};
}

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    scalars! {
        visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_i128: i128, visit_u128: u128, visit_f64: f64,
        visit_str: &str, visit_bytes: &[u8]
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_none<E>(self) -> Result<Node, E> {
        Ok(Node::Scalar)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Node, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = mapping.next_entry()? {
            fields.push(field);
        }
        Ok(Node::Mapping(fields))
    }
}
