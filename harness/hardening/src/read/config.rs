//! Configuration files: of their own, or as a value in another file.

use crate::model::{Config, Source};
use fedproof_yaml::{Field, Node, Value, documents};
use std::{ops::Range, sync::Arc};

impl Config {
    /// A whole file.
    pub(crate) fn of_file(source: &Arc<Source>, name: String) -> Self {
        Self {
            name,
            at: source.place(&(0..0)),
            open: true,
            secret: false,
            exact: true,
            key: String::new(),
            documents: parsed(&source.text),
            text: source.text.to_string(),
        }
    }

    /// What a key of a ConfigMap, of a Secret or of `configs` holds. `value` is it decoded, where it is not as it is written.
    pub(super) fn of_field(source: &Arc<Source>, field: &Field, name: String, value: Option<String>) -> Self {
        let place = &field.value.place.written;
        let plain = field.value.text().unwrap_or_default();
        let exact = value.is_none() && is_written_so(source.text.get(place.clone()).unwrap_or_default(), &plain);
        let text = if exact { only(&source.text, place.clone()) } else { value.unwrap_or(plain) };
        let (at, key) = (source.place(place), field.key.clone());
        Self { at, exact, key, documents: parsed(&text), text, ..Self::of_file(source, name) }
    }

    /// A part of a file that is none by itself: some keys of a service, say.
    pub(super) fn of_fields<'a>(source: &Arc<Source>, name: String, fields: impl Iterator<Item = &'a Field>) -> Self {
        let root = Node { value: Value::Mapping(fields.cloned().collect()), place: fedproof_yaml::Place::default() };
        Self { documents: vec![root], text: String::new(), ..Self::of_file(source, name) }
    }
}

/// Whether a scalar's text is its value, but for the indentation: a block, or plain.
fn is_written_so(text: &str, value: &str) -> bool {
    let lines = |text: &str| text.trim_end().lines().map(|line| line.trim().to_owned()).collect::<Vec<_>>();
    !value.is_empty() && lines(text) == lines(value)
}

/// A text with blanks for all that is not in the span, so that everything in it keeps its place.
fn only(text: &str, span: Range<usize>) -> String {
    let blank = |part: &str| part.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect::<String>();
    [&blank(&text[..span.start]), &text[span.clone()], &*blank(&text[span.end..])].concat()
}

/// The content, if it is YAML.
fn parsed(text: &str) -> Vec<Node> {
    documents(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Source;

    #[test]
    fn what_stands_in_a_block_keeps_its_place() {
        let text =
            "data:\n  homeserver.yaml: |\n    # ä\n    server_name: a\n    listeners:\n      - type: manhole\n  b: c\n";
        let source = Arc::new(Source { name: "x".into(), text: text.into() });
        let node = documents(text).unwrap().remove(0);
        let config = Config::of_field(&source, &node.get("data").unwrap().fields()[0], "it".into(), None);
        assert!(config.exact && config.is_synapse());
        let place = &config.setting("server_name").unwrap().value.place.written;
        assert_eq!(&text[place.clone()], "a");
        assert_eq!(config.text.len(), text.len());
        assert!(!config.text.contains("b: c"));
    }

    #[test]
    fn what_is_quoted_or_encoded_has_the_place_of_the_whole() {
        let text = "data: {a: \"server_name: x\\nlisteners: []\", password: 'x'}";
        let source = Arc::new(Source { name: "x".into(), text: text.into() });
        let node = documents(text).unwrap().remove(0);
        let fields = node.get("data").unwrap().fields();
        let config = Config::of_field(&source, &fields[0], "it".into(), None);
        assert!(!config.exact && config.is_synapse());
        let word = Config::of_field(&source, &fields[1], "it".into(), None);
        assert_eq!((&*word.key, &*word.text), ("password", "x"));
        let decoded = Config::of_field(&source, &fields[1], "it".into(), Some("server_name: y\nworker_app: z".into()));
        assert!(decoded.is_synapse());
    }
}
