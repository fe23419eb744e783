//! What the property check draws: server names, and lists that have something to do with them.
//!
//! Globs are made from names by a few edits, so that about every second one hits something, and so that proptest, which
//! drops edits when it shrinks, ends at the edit that matters. No strategy is boxed: their trees go from task to task.

use crate::names::Names;
use fedproof_core::{ServerName, acl::glob_matches};
use proptest::{collection::vec, prelude::*, sample::Index};
use serde_json::{Value, json};

/// A list as drawn, before the server under test is let in.
#[derive(Clone, Debug)]
pub(super) struct List {
    allow: Vec<Value>,
    deny: Vec<Value>,
    flag: Option<Value>,
}

impl List {
    /// The event's content. `server` stays admitted, since it refuses any other list from its own clients.
    pub(super) fn content(&self, server: &ServerName) -> Value {
        let mut allow = self.allow.clone();
        allow.push(server.as_str().into());
        let hits =
            |entry: &Value| entry.as_str().is_some_and(|glob| glob_matches(&glob.to_ascii_lowercase(), server.host()));
        let deny: Vec<&Value> = self.deny.iter().filter(|entry| !hits(entry)).collect();
        let mut content = json!({"allow": allow, "deny": deny});
        if let Some(flag) = &self.flag {
            content["allow_ip_literals"] = flag.clone();
        }
        content
    }
}

/// A server name of the instance: labels before its own domain, or one of its two addresses.
#[derive(Clone, Debug)]
pub(super) struct Name {
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Debug)]
enum Host {
    Labels(Vec<String>),
    V4,
    V6,
    /// Like an address, but with a label behind it.
    V4Label,
}

impl Name {
    /// As the server spells it.
    pub(super) fn spell(&self, names: Names<'_>) -> ServerName {
        let host = self.host(names);
        ServerName::new(self.port.map_or(host.clone(), |port| format!("{host}:{port}")))
    }

    fn host(&self, names: Names<'_>) -> String {
        match &self.host {
            Host::Labels(labels) => format!("{}.{}.example", labels.join("."), names.0),
            Host::V4 => names.v4(),
            Host::V6 => format!("[{}]", names.v6()),
            Host::V4Label => format!("{}.example", names.v4()),
        }
    }
}

/// Draws names.
pub(super) fn name() -> impl Strategy<Value = Name, Tree: Send> {
    let label = vec(prop::sample::select(vec!['a', 'b', '1', 'c']), 1..4).prop_map(String::from_iter);
    let host = prop_oneof![
        12 => vec(label, 1..4).prop_map(Host::Labels),
        1 => Just(Host::V4),
        1 => Just(Host::V6),
        1 => Just(Host::V4Label),
    ];
    (host, prop::option::weighted(0.25, 8449u16..8453)).prop_map(|(host, port)| Name { host, port })
}

/// Draws lists about these names.
pub(super) fn list(names: Names<'_>, about: &[Name]) -> impl Strategy<Value = List, Tree: Send> + use<> {
    let hosts: Vec<String> = about.iter().map(|name| name.host(names)).collect();
    let domain = format!("*.{}.example", names.0);
    let flag = prop_oneof![
        2 => Just(None),
        1 => Just(Some(json!(true))),
        3 => Just(Some(json!(false))),
        1 => prop::sample::select(vec![json!("false"), json!(0), Value::Null, json!([false])]).prop_map(Some),
    ];
    let entries = || vec(entry(hosts.clone(), domain.clone()), 0..10);
    (entries(), prop::bool::weighted(0.7), entries(), flag).prop_map(|(mut allow, is_open, deny, flag)| {
        allow.extend(is_open.then(|| Value::from("*")));
        List { allow, deny, flag }
    })
}

/// An entry of a list.
fn entry(hosts: Vec<String>, domain: String) -> impl Strategy<Value = Value, Tree: Send> {
    let edits = vec((any::<Index>(), edit()), 0..3);
    let edited = (prop::sample::select(hosts), edits, prop::bool::weighted(0.3)).prop_map(|(host, edits, is_upper)| {
        let glob = edits.iter().fold(host, |glob, (at, edit)| edit.apply(glob, *at));
        Value::from(if is_upper { glob.to_ascii_uppercase() } else { glob })
    });
    let short = vec(prop::sample::select(vec!['a', 'b', '*', '?', '.']), 0..5);
    // Entries that are no texts do not count. What a list that is no list counts as, nobody says: it is not drawn.
    let no_text = prop::sample::select(vec![Value::Null, json!(5), json!(["*"]), json!({"*": "*"}), json!(true)]);
    prop_oneof![
        24 => edited,
        1 => Just(Value::from(domain)),
        2 => short.prop_map(|glob| Value::from(String::from_iter(glob))),
        3 => no_text,
    ]
}

/// One change to a glob.
#[derive(Clone, Copy, Debug)]
enum Edit {
    QuestionMark,
    Star,
    StarForRest,
    StarForStart,
    InsertStar,
    InsertQuestionMark,
    Drop,
    Other(char),
    Port,
}

fn edit() -> impl Strategy<Value = Edit, Tree: Send> {
    prop::sample::select(vec![
        Edit::QuestionMark,
        Edit::Star,
        Edit::StarForRest,
        Edit::StarForStart,
        Edit::InsertStar,
        Edit::InsertQuestionMark,
        Edit::Drop,
        Edit::Other('.'),
        Edit::Other('b'),
        Edit::Other('+'),
        Edit::Other('['),
        Edit::Other('\\'),
        Edit::Other('|'),
        Edit::Port,
    ])
}

impl Edit {
    fn apply(self, glob: String, at: Index) -> String {
        if glob.is_empty() {
            return glob;
        }
        let at = at.index(glob.len());
        // Names and edits are ASCII: bytes are characters.
        let (before, rest) = glob.split_at(at);
        let behind = &rest[1..];
        match self {
            Self::QuestionMark => format!("{before}?{behind}"),
            Self::Star => format!("{before}*{behind}"),
            Self::StarForRest => format!("{before}*"),
            Self::StarForStart => format!("*{behind}"),
            Self::InsertStar => format!("{before}*{rest}"),
            Self::InsertQuestionMark => format!("{before}?{rest}"),
            Self::Drop => format!("{before}{behind}"),
            Self::Other(other) => format!("{before}{other}{behind}"),
            Self::Port => format!("{glob}:8449"),
        }
    }
}
