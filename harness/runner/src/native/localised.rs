//! `localised`: whether the bundles of several languages say the same.

use super::{With, text};
use crate::outcome::{Done, StepError};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The texts of a language by their keys; those of nested bundles are joined by dots.
type Bundle = BTreeMap<String, String>;

/// `bundles`: by language. `ask`: that all have the same `keys`; that texts of one key have the same `placeholders`; that no
/// one of the `texts` is empty or its own key. Result: how many keys there are.
pub(super) fn check(with: &With) -> Result<Done, StepError> {
    let written = with.get("bundles").and_then(Value::as_object).into_iter().flatten();
    let bundles: BTreeMap<&str, Bundle> = written.map(|(language, texts)| (language.as_str(), bundle(texts))).collect();
    let keys: BTreeSet<&String> = bundles.values().flat_map(Bundle::keys).collect();
    if keys.is_empty() || bundles.len() < 2 {
        return Err(StepError::broken("there are no texts in two languages to compare"));
    }
    let texts = |key: &String| bundles.values().filter_map(|bundle| bundle.get(key)).collect::<Vec<_>>();
    let flaws: Vec<String> = match text(with, "ask")? {
        "keys" => {
            let lacks = |(language, bundle): (&&str, &Bundle)| {
                let lacking = keys.iter().filter(|key| !bundle.contains_key(**key));
                lacking.map(|key| format!("{language} has no {key}")).collect::<Vec<_>>()
            };
            bundles.iter().flat_map(lacks).collect()
        }
        "placeholders" => {
            let differs =
                |key: &&&String| texts(key).iter().map(|text| placeholders(text)).collect::<BTreeSet<_>>().len() > 1;
            keys.iter().filter(differs).map(|key| format!("{key}: {:?}", texts(key))).collect()
        }
        "texts" => {
            let raw = |(language, bundle): (&&str, &Bundle)| {
                let raw = bundle.iter().filter(|(key, text)| text.trim().is_empty() || text == key);
                raw.map(|(key, text)| format!("{language} says {text:?} for {key}")).collect::<Vec<_>>()
            };
            bundles.iter().flat_map(raw).collect()
        }
        other => {
            return Err(StepError::broken(format!("{other:?} cannot be asked: there are keys, placeholders, texts")));
        }
    };
    match flaws.is_empty() {
        true => Ok(Done { result: json!(keys.len()), ..Done::default() }),
        false => Err(StepError::Unmet {
            expected: format!("the same {} in every language", text(with, "ask")?),
            seen: flaws.join("; "),
            exchanges: Vec::new(),
        }),
    }
}

fn bundle(written: &Value) -> Bundle {
    fn add(bundle: &mut Bundle, key: String, written: &Value) {
        match written {
            Value::String(text) => drop(bundle.insert(key, text.clone())),
            Value::Object(fields) => fields.iter().for_each(|(name, inner)| {
                add(bundle, if key.is_empty() { name.clone() } else { format!("{key}.{name}") }, inner);
            }),
            _ => {}
        }
    }
    let mut bundle = Bundle::new();
    add(&mut bundle, String::new(), written);
    bundle
}

/// What is put into a text: `{name}`, `%(name)s`, `%1$s`, `%d`, `%@`, in whatever order.
fn placeholders(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for (at, sign) in text.char_indices() {
        let rest = &text[at..];
        let length = match sign {
            '{' => rest.find('}').map(|end| end + 1),
            '%' => {
                let named = if rest.starts_with("%(") { rest.find(')').map_or(rest.len(), |end| end + 1) } else { 1 };
                let is_end = |c: char| c.is_ascii_alphabetic() || c == '@';
                let end = rest[named..].find(|c: char| is_end(c) || c.is_whitespace() || c == '%');
                end.map(|end| named + end + 1).filter(|end| rest[..*end].ends_with(is_end))
            }
            _ => None,
        };
        found.extend(length.and_then(|length| rest.get(..length)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaws(ask: &str, en: Value) -> Option<String> {
        let de = json!({"hello": "Hallo {name}", "left": {"one": "%1$s ging um %(time)s, 100 % sicher"}});
        let with = [("bundles", json!({"de": de, "en": en})), ("ask", json!(ask))];
        match check(&with.map(|(key, value)| (key.to_owned(), value)).into_iter().collect()) {
            Err(StepError::Unmet { seen, .. }) => Some(seen),
            other => other.map(|_| None).expect("it can be checked"),
        }
    }

    #[test]
    fn bundles_are_compared() {
        let same = json!({"hello": "Hello {name}", "left": {"one": "at %(time)s left %1$s"}});
        for ask in ["keys", "placeholders", "texts"] {
            assert_eq!(flaws(ask, same.clone()), None, "{ask}");
        }
        assert_eq!(flaws("keys", json!({"hello": "Hello {name}"})).as_deref(), Some("en has no left.one"));
        let other = json!({"hello": "Hello {nmae}", "left": {"one": "left.one"}});
        assert!(
            flaws("placeholders", other.clone())
                .is_some_and(|seen| seen.contains("{nmae}") && seen.contains("left.one"))
        );
        assert_eq!(flaws("texts", other).as_deref(), Some("en says \"left.one\" for left.one"));
    }

    #[test]
    fn placeholders_of_every_kind_are_found() {
        let text = "{a} %(b)s %1$s %d %@ 100 % 5%";
        assert_eq!(placeholders(text), ["{a}", "%(b)s", "%1$s", "%d", "%@"].into());
    }
}
