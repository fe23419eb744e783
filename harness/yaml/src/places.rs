//! Where every key and value of a YAML file stands, by JSON pointer, so that a linter can point at any of them
//! without its model having to carry places.

use crate::node::{Node, Place, Value, documents};
use std::{collections::HashMap, ops::Range};

/// Places by JSON pointer (`/phases/0/steps/2/send`).
#[derive(Debug, Default)]
pub struct Places(HashMap<String, Spot>);

/// Where one node stands, in bytes.
#[derive(Clone, Debug)]
struct Spot {
    key: Option<Range<usize>>,
    value: Range<usize>,
}

impl Places {
    /// Of the first document; empty if the text is no YAML.
    pub fn of(text: &str) -> Self {
        let mut places = Self::default();
        if let Some(root) = documents(text).ok().and_then(|documents| documents.into_iter().next()) {
            places.add(String::new(), None, &root);
        }
        places
    }

    /// Whether something is written there.
    pub fn has(&self, pointer: &str) -> bool {
        self.0.contains_key(pointer)
    }

    /// Of a value; the nearest one around it if it is not there.
    pub fn value(&self, pointer: &str) -> Option<Range<usize>> {
        self.around(pointer).map(|spot| spot.value.clone())
    }

    /// Of the key whose value the pointer names, or of an item in a list.
    pub fn key(&self, pointer: &str) -> Option<Range<usize>> {
        self.around(pointer).map(|spot| spot.key.as_ref().unwrap_or(&spot.value).clone())
    }

    /// Where the mapping starts that has a key at this byte; for an empty mapping, that is the byte itself.
    pub fn mapping_with_key_at(&self, byte: usize) -> Option<(&str, Range<usize>)> {
        let (pointer, _) = self.0.iter().find(|(_, spot)| spot.key.as_ref().is_some_and(|key| key.start == byte))?;
        let (parent, _) = pointer.rsplit_once('/')?;
        Some((parent, self.key(parent)?))
    }

    fn around(&self, mut pointer: &str) -> Option<&Spot> {
        loop {
            if let Some(spot) = self.0.get(pointer) {
                return Some(spot);
            }
            pointer = pointer.rsplit_once('/')?.0;
        }
    }

    fn add(&mut self, pointer: String, key: Option<&Place>, node: &Node) {
        match &node.value {
            Value::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.add(format!("{pointer}/{index}"), None, item);
                }
            }
            Value::Mapping(fields) => {
                for field in fields {
                    self.add(below(&pointer, &field.key), Some(&field.place), &field.value);
                }
            }
            _ => {}
        }
        self.0.insert(pointer, Spot { key: key.map(|key| key.used.clone()), value: node.place.used.clone() });
    }
}

/// A pointer one step longer.
pub fn below(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}
