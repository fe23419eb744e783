//! What `${…}` stands for while a step runs.

use crate::{
    actor::{Cast, Player},
    names::Names,
};
use fedproof_results::Measurement;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// Variables that steps bind, and what steps measure; steps run side by side.
#[derive(Default)]
pub(crate) struct Bindings {
    values: Mutex<HashMap<String, Value>>,
    measured: Mutex<Vec<Measurement>>,
}

impl Bindings {
    pub(crate) fn set(&self, name: &str, value: Value) {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), value);
    }

    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// What was measured so far.
    pub(crate) fn measurements(&self) -> Vec<Measurement> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The names a step can use: its case's variables, then its instance's, then actors, then built-ins.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pub(crate) cast: &'a Cast,
    pub(crate) instance: &'a Bindings,
    pub(crate) case: Option<&'a Bindings>,
    pub(crate) case_slug: &'a str,
    /// Row of the case, or empty.
    pub(crate) row: &'a str,
    /// The names of the instance.
    pub(crate) names: Names<'a>,
    /// Settings of the profile, by name.
    pub(crate) settings: &'a Value,
    pub(crate) phase: &'a str,
    pub(crate) version: &'a str,
}

impl Scope<'_> {
    /// The value of a name, or of a whole reference such as `denied.user`; fields of bound values are walked by the
    /// caller (see [`fedproof_scenario::template`]).
    pub(crate) fn lookup(&self, reference: &str) -> Option<Value> {
        if let Some(value) = self.case.and_then(|case| case.get(reference)).or_else(|| self.instance.get(reference)) {
            return Some(value);
        }
        let (name, field) = match reference.split_once('.') {
            Some((name, field)) => (name, Some(field)),
            None => (reference, None),
        };
        if let Some(player) = self.player(name) {
            return match player {
                Player::Agent(agent) => self.player(&agent.of)?.field(field),
                player => player.field(field),
            };
        }
        match reference {
            "case" => Some(self.case_slug.into()),
            "phase" => Some(self.phase.into()),
            "version" => Some(self.version.into()),
            "profile" => Some(self.settings.clone()),
            _ => self.names.built_in(reference),
        }
    }

    /// Records how long a step took: for the case if there is one, else for all of the instance.
    pub(crate) fn measured(&self, name: &str, took: Duration) {
        let measurement = Measurement { name: name.to_owned(), value: took.as_micros() as u64, unit: "us".to_owned() };
        let measured = &self.case.unwrap_or(self.instance).measured;
        measured.lock().unwrap_or_else(PoisonError::into_inner).push(measurement);
    }

    /// The actor of that name: the row's own, if each row has one.
    pub(crate) fn player(&self, name: &str) -> Option<&Player> {
        let own = (!self.row.is_empty()).then(|| self.cast.get(&own_actor(name, self.row))).flatten();
        own.or_else(|| self.cast.get(name))
    }

    /// Binds a variable: in the case if there is one, else in the instance.
    pub(crate) fn bind(&self, name: &str, value: Value) {
        self.case.unwrap_or(self.instance).set(name, value);
    }
}

/// What an actor is called in the cast that each row has for itself. No name that is written holds a space.
pub(crate) fn own_actor(name: &str, row: &str) -> String {
    format!("{name} {row}")
}
