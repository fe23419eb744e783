//! Configuration of a homeserver: the adapter's template, the deployment's settings over it, placeholders filled in.
//!
//! Placeholders, in templates, settings, arguments and variables of the environment alike: `${name}`, `${server_name}`, `${port}` and `${bind}` (of its listener), `${public_port}` (where others reach it: the same, unless it has workers),
//! `${proxy_host}`, `${proxy_port}` (of the gateway, for this homeserver), `${gateway_ca}` (file), `${folder}` (its own), `${key_id}`,
//! `${signing_key}` (32 random bytes, unpadded base64), `${secret}` (random text); where its data is in PostgreSQL also
//! `${database}` (its name), `${database_socket}` (folder of the socket), `${database_user}`; where it has workers `${replication_port}`,
//! `${redis_socket}`, `${redis_database}`, and of each `${worker}` (its name) and `${worker_port}`. A text that is nothing but
//! `${port}` or another port becomes a number.

use crate::DeploymentError;
use serde_json::Value;
use std::path::Path;

/// Values by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(Vec<(&'static str, Value)>);

impl Values {
    /// Adds one.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    fn get(&self, file: &Path, name: &str) -> Result<&Value, DeploymentError> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value).ok_or_else(|| {
            DeploymentError::Placeholder {
                file: file.to_owned(),
                placeholder: name.to_owned(),
                known: self.0.iter().map(|(known, _)| (*known).to_owned()).collect(),
            }
        })
    }

    /// Fills in `text`; `file` is where it comes from.
    pub(crate) fn fill_text(&self, file: &Path, text: &str) -> Result<String, DeploymentError> {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else { break };
            filled.push_str(before);
            match self.get(file, name)? {
                Value::String(value) => filled.push_str(value),
                value => filled.push_str(&value.to_string()),
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled)
    }

    /// Fills in every text of `value`, at any depth.
    pub(crate) fn fill(&self, file: &Path, value: &mut Value) -> Result<(), DeploymentError> {
        match value {
            Value::String(text) => {
                let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
                *value = match whole.filter(|name| !name.contains('}')) {
                    Some(name) => self.get(file, name)?.clone(),
                    None => Value::String(self.fill_text(file, text)?),
                };
                Ok(())
            }
            Value::Array(items) => items.iter_mut().try_for_each(|item| self.fill(file, item)),
            Value::Object(fields) => fields.values_mut().try_for_each(|field| self.fill(file, field)),
            _ => Ok(()),
        }
    }
}

/// In every list, an item with `${instance}` becomes one item for each of `ids`: an allow-list knows no patterns, so it
/// must hold every name that a run may give to a server.
pub(crate) fn for_each_instance(value: &mut Value, ids: &[String]) {
    const INSTANCE: &str = "${instance}";
    match value {
        Value::Array(items) => {
            let spread = |item: Value| match item.as_str().filter(|text| text.contains(INSTANCE)) {
                Some(text) => ids.iter().map(|id| text.replace(INSTANCE, id).into()).collect(),
                None => vec![item],
            };
            *items = std::mem::take(items).into_iter().flat_map(spread).collect();
            items.iter_mut().for_each(|item| for_each_instance(item, ids));
        }
        Value::Object(fields) => fields.values_mut().for_each(|field| for_each_instance(field, ids)),
        _ => {}
    }
}

/// The setting that lists modules.
const MODULES: &str = "modules";

/// Merges `over` into `base` as RFC 7396 says, but that both their modules are loaded: a deployment's must not displace what
/// workers take. No settings at all (`null` at the top) change nothing.
pub(crate) fn merge(base: &mut Value, over: &Value) {
    if over.is_null() {
        return;
    }
    let mut modules = base[MODULES].as_array().cloned().unwrap_or_default();
    fedproof_core::merge::merge(base, over);
    if let Some(more) = over[MODULES].as_array() {
        modules.extend(more.iter().filter(|one| !modules.contains(one)).cloned().collect::<Vec<_>>());
        base[MODULES] = modules.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_hold_a_name_for_every_instance() {
        let mut settings = json!({"list": ["a", "${instance}.b", "${server_name}"]});
        for_each_instance(&mut settings, &["i1".to_owned(), "i2".to_owned()]);
        assert_eq!(settings, json!({"list": ["a", "i1.b", "i2.b", "${server_name}"]}));
    }

    #[test]
    fn no_settings_change_nothing() {
        let mut base = json!({"keep": 1, "gone": 2});
        merge(&mut base, &json!({"gone": null}));
        merge(&mut base, &Value::Null);
        assert_eq!(base, json!({"keep": 1}));
    }

    #[test]
    fn modules_add_up() {
        let mut base = json!({"modules": [{"module": "a"}], "other": [1]});
        merge(&mut base, &json!({"modules": [{"module": "b"}, {"module": "a"}], "other": [2]}));
        assert_eq!(base, json!({"modules": [{"module": "a"}, {"module": "b"}], "other": [2]}));
        merge(&mut base, &json!({"modules": null}));
        assert_eq!(base, json!({"other": [2]}));
    }

    #[test]
    fn placeholders_keep_their_type_where_they_stand_alone() {
        let mut values = Values::default();
        values.set("port", 8008);
        values.set("name", "alpha");
        let mut filled = json!({"port": "${port}", "url": "http://${name}:${port}/", "odd": "${", "list": ["${name}"]});
        values.fill(Path::new("t.yaml"), &mut filled).unwrap();
        assert_eq!(filled, json!({"port": 8008, "url": "http://alpha:8008/", "odd": "${", "list": ["alpha"]}));
    }

    #[test]
    fn an_unknown_placeholder_is_an_error_that_names_the_known_ones() {
        let mut values = Values::default();
        values.set("port", 8008);
        let error = values.fill(Path::new("t.yaml"), &mut json!("x ${prot}")).unwrap_err();
        assert_eq!(error.to_string(), "fill in t.yaml: nothing is called ${prot} (known: port)");
    }
}
