//! What was worked out and will be asked for again.

use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// So many values by key. When there is no room for another, all are forgotten: what is wanted comes back.
pub(crate) struct Cached<K, V> {
    values: Mutex<HashMap<K, Arc<V>>>,
    room: usize,
}

impl<K: Eq + Hash, V> Cached<K, V> {
    pub(crate) fn new(room: usize) -> Self {
        Self { values: Mutex::new(HashMap::new()), room }
    }

    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: Borrow<Q>,
    {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(crate) fn put(&self, key: K, value: Arc<V>) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        if values.len() >= self.room {
            values.clear();
        }
        values.insert(key, value);
    }
}
