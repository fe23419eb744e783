//! What verbs are given: known words where the choice is closed, and no less and no more than this actor needs.

use super::{Finding, Linter, structure::listed};
use crate::{
    model::{Actor, ActorKind, Barrier, BarrierKind, Condition, Effect, Manner, Service, Verb},
    near, terms,
};
use fedproof_yaml::below;
use serde_json::{Value, json};

/// Orders that change nothing, so that they can be given until the answer is the right one.
const LOOKS: &[&str] = &["read", "read_back", "room", "devices"];

/// Checks a verb's arguments; `kind` is the actor's, if it is known.
pub(super) fn check(linter: &mut Linter<'_>, pointer: &str, verb: Verb<'_>, kind: Option<ActorKind>) {
    let mut check = Check { linter, pointer, kind };
    match verb {
        Verb::CreateRoom(args) => {
            check.word("version", &args.version, terms::ROOM_VERSIONS, "room version");
            check.word("join_rule", &args.join_rule, terms::JOIN_RULES, "join rule");
        }
        Verb::Join(args) | Verb::Leave(args) | Verb::Knock(args) => {
            check.virtual_only("user", args.user.is_some());
            check.needed_by_virtual("via", args.via.as_deref());
            check.no_actor("via", args.via.as_deref());
        }
        Verb::Invite(args) => {
            check.virtual_only("to", args.to.is_some());
            check.virtual_only("user", args.user.is_some());
            check.needed_by_virtual("to", args.to.as_deref());
            check.no_actor("to", args.to.as_deref());
            check.no_actor("target", Some(&args.target));
        }
        Verb::Kick(args) | Verb::Ban(args) => check.no_actor("target", Some(&args.target)),
        Verb::Send(args) => {
            check.virtual_only("to", args.to.is_some());
            check.virtual_only("user", args.user.is_some());
            check.virtual_only("detached", args.detached);
            check.needed_by_virtual("to", args.to.as_deref());
            check.no_actor("to", args.to.as_deref());
        }
        Verb::Receipt(args) => check.word("type", &args.kind, terms::RECEIPTS, "receipt"),
        Verb::ToDevice(args) => check.no_actor("to", Some(&args.to)),
        Verb::Template(args) => check.no_actor("via", Some(&args.via)),
        Verb::Submit(args) => {
            check.no_actor("via", Some(&args.via));
            if let Some(api) = &args.api {
                check.word("api", api, terms::SUBMIT_APIS, "version of this endpoint");
            }
        }
        Verb::Transaction(args) => check.no_actor("to", Some(&args.to)),
        Verb::Request(args) => {
            check.word("method", &args.method, terms::METHODS, "method");
            check.path("path", &args.path);
            check.virtual_only("to", args.to.is_some());
            check.needed_by_virtual("to", args.to.as_deref());
            check.no_actor("to", args.to.as_deref());
        }
        Verb::Behave(args) => {
            check.word("at", &args.at, terms::ENDPOINTS, "endpoint");
            if let Manner::Answer { status: code, .. } = &args.like {
                status(check.linter, &format!("{pointer}/like/answer/status"), *code);
            }
        }
        Verb::Serve(args) => {
            check.glob("at", &args.at);
            if let Service::Answer { status: code, .. } = &args.like {
                status(check.linter, &format!("{pointer}/like/answer/status"), *code);
            }
        }
        Verb::Fault(args) => {
            check.no_actor("from", args.from.as_deref());
            check.no_actor("to", args.to.as_deref());
            if let Some(path) = &args.path {
                check.glob("path", path);
            }
            if let Effect::Answer { status: code, .. } = &args.effect {
                status(check.linter, &format!("{pointer}/effect/answer/status"), *code);
            }
        }
        Verb::Agent(command) => {
            for (field, value) in json!(command)[command.name()].as_object().into_iter().flatten() {
                let texts = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                for text in texts.iter().filter_map(Value::as_str).filter(|_| field != "body") {
                    check.no_actor(&format!("{}/{field}", command.name()), Some(text));
                }
            }
        }
        Verb::Eventually(condition) | Verb::Never(condition) => check.condition(condition),
        Verb::Barrier(barrier) => check.barrier(barrier),
        Verb::Native(args) if args.check.trim().is_empty() => check.at("check", Finding::new("no check is named")),
        Verb::Typing(_)
        | Verb::Build(_)
        | Verb::Countersign(_)
        | Verb::Lifecycle(_)
        | Verb::Heal(_)
        | Verb::Parallel(_)
        | Verb::Native(_) => {}
    }
}

/// An HTTP status that there can be.
pub(super) fn status(linter: &mut Linter<'_>, pointer: &str, status: u16) {
    if !(100..=599).contains(&status) {
        let finding = Finding::new(format!("{status} is no HTTP status"));
        linter.at_value(pointer, finding.label("expected 100 to 599"));
    }
}

struct Check<'l, 'a> {
    linter: &'l mut Linter<'a>,
    pointer: &'l str,
    kind: Option<ActorKind>,
}

impl Check<'_, '_> {
    fn at(&mut self, key: &str, finding: Finding) {
        self.linter.at_value(&format!("{}/{key}", self.pointer), finding);
    }

    /// One of a closed list of words. What is put in later cannot be judged now.
    fn word(&mut self, key: &str, word: &str, known: &[&str], what: &str) {
        if !known.contains(&word) && !is_open(word) {
            let finding = Finding::new(format!("there is no {what} `{word}`"));
            let finding = finding.label_if(near::did_you_mean(word, known.iter().copied()));
            self.at(key, finding.help(format!("there are {}", known.join(", "))));
        }
    }

    fn path(&mut self, key: &str, path: &str) {
        if !path.starts_with('/') && !path.starts_with("${") {
            self.at(key, Finding::new(format!("`{path}` is no path")).label("expected a path that starts with `/`"));
        }
    }

    /// A glob can hold anything but nothing; one without a slash or star at its start matches no path.
    fn glob(&mut self, key: &str, glob: &str) {
        if !glob.starts_with(['/', '*']) && !is_open(glob) {
            let finding = Finding::new(format!("no path matches the glob `{glob}`"));
            self.at(key, finding.label("expected a glob that starts with `/` or `*`"));
        }
    }

    /// An argument that means nothing to anybody else.
    fn virtual_only(&mut self, key: &str, is_given: bool) {
        self.only(ActorKind::Virtual, key, is_given);
    }

    /// An argument that means something to one kind of actor only.
    fn only(&mut self, whom: ActorKind, key: &str, is_given: bool) {
        if let Some(kind) = self.kind.filter(|kind| is_given && *kind != whom) {
            let finding = Finding::new(format!("a {} has no use for `{key}`", kind.name()));
            let finding = finding.help(format!("`{key}` is for {}s", whom.name()));
            self.linter.at_key(&below(self.pointer, key), finding);
        }
    }

    /// An argument that a virtual server cannot do without: it has no homeserver of its own to go through.
    fn needed_by_virtual(&mut self, key: &str, value: Option<&str>) {
        if value.is_none() && self.kind == Some(ActorKind::Virtual) {
            let finding =
                Finding::new(format!("`{key}` is missing: a virtual server must say which server it turns to"));
            self.linter.at_key(self.pointer, finding);
        }
    }

    /// A server name or a user id, where it is easy to write the actor instead.
    fn no_actor(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text
            && self.linter.scenario().actors.contains_key(text)
        {
            let finding = Finding::new(format!("`{text}` is an actor; here a name or an id is needed"));
            self.at(key, finding.label(format!("did you mean `${{{text}}}`?")));
        }
    }

    fn condition(&mut self, condition: &Condition) {
        use ActorKind::{Agent, Client, Front, Virtual};
        let (name, seen_by): (_, &[ActorKind]) = match condition {
            Condition::Event { .. } => ("event", &[Client]),
            Condition::Typing { .. } => ("typing", &[Client]),
            Condition::Receipt { .. } => ("receipt", &[Client]),
            Condition::State { .. } => ("state", &[Client]),
            Condition::Invite { .. } => ("invite", &[Client]),
            Condition::Presence { .. } => ("presence", &[Client]),
            Condition::ToDevice { .. } => ("to_device", &[Client]),
            Condition::Keys { .. } => ("keys", &[Client]),
            Condition::Signed { .. } => ("signed", &[Client]),
            Condition::Reads { .. } => ("reads", &[Agent]),
            Condition::Answers { .. } => ("answers", &[Agent]),
            Condition::Pdu { .. } => ("pdu", &[Virtual]),
            Condition::Edu { .. } => ("edu", &[Virtual]),
            Condition::Push { .. } => ("push", &[Virtual]),
            Condition::Request { .. } => ("request", &[Virtual, Front]),
        };
        if let Some(kind) = self.kind
            && !seen_by.contains(&kind)
            && kind != ActorKind::Homeserver
        {
            let finding = Finding::new(format!("a {} does not see `{name}`", kind.name()));
            let seers: Vec<_> = seen_by.iter().map(|kind| format!("a {}", kind.name())).collect();
            let finding = finding.label(format!("only {} does", seers.join(" or ")));
            self.linter.at_key(&below(self.pointer, name), finding);
        }
        match condition {
            Condition::Typing { user, .. } => self.no_actor("typing/user", Some(user)),
            Condition::Receipt { user, .. } => self.no_actor("receipt/user", Some(user)),
            Condition::Invite { by, .. } => self.no_actor("invite/by", Some(by)),
            Condition::Presence { user, .. } => self.no_actor("presence/user", Some(user)),
            Condition::Keys { user, .. } => self.no_actor("keys/user", Some(user)),
            Condition::Signed { user, .. } => self.no_actor("signed/user", Some(user)),
            Condition::Answers { to, .. } if !LOOKS.contains(&to.name()) => {
                let finding = Finding::new(format!("`{}` is no question: it would be done again and again", to.name()));
                self.linter.at_key(
                    &below(self.pointer, "answers/to"),
                    finding.help(format!("there are {}", LOOKS.join(", "))),
                );
            }
            Condition::Request { method, path, except, after } => {
                if method != "*" {
                    self.word("request/method", method, terms::METHODS, "method");
                }
                self.glob("request/path", path);
                for (index, path) in except.iter().enumerate() {
                    self.glob(&format!("request/except/{index}"), path);
                }
                self.only(Front, "request/except", !except.is_empty());
                self.only(Front, "request/after", after.is_some());
            }
            _ => {}
        }
    }

    fn barrier(&mut self, barrier: &Barrier) {
        let (from, to) = (self.party("from", &barrier.from), self.party("to", &barrier.to));
        let (Some(from), Some(to)) = (from, to) else { return };
        let is_inbound = match (from, to) {
            (ActorKind::Virtual, ActorKind::Client) => true,
            (ActorKind::Client, ActorKind::Virtual) => false,
            _ => {
                let finding = Finding::new(format!("a barrier cannot go from a {} to a {}", from.name(), to.name()));
                let help = "it goes from a virtual server to a client, or from a client to a virtual server";
                self.linter.at_key(self.pointer, finding.help(help));
                return;
            }
        };
        use BarrierKind::{Encrypted, Message, Receipt, ToDevice, Typing};
        let (possible, direction): (&[BarrierKind], _) = if is_inbound {
            (&[Message, Encrypted, Typing, Receipt], "message, encrypted, typing, receipt")
        } else {
            (&[Message, Encrypted, ToDevice], "message, encrypted, to_device")
        };
        if !possible.contains(&barrier.by) {
            let finding = Finding::new(format!("a barrier towards a {} is not of this kind", to.name()));
            self.at("by", finding.label(format!("expected one of {direction}")));
        }
        if barrier.room.is_none() && barrier.by != ToDevice {
            self.linter.at_key(self.pointer, Finding::new("`room` is missing: a barrier is for one room"));
        }
    }

    /// A party of a barrier, which is an actor and not the id it has.
    fn party(&mut self, key: &str, name: &str) -> Option<ActorKind> {
        let actors = &self.linter.scenario().actors;
        let kind = actors.get(name).map(Actor::kind);
        if kind.is_none() {
            let finding = Finding::new(format!("there is no actor `{name}`"));
            let bare = name.trim_start_matches("${").trim_end_matches('}');
            let finding = finding.label_if(near::did_you_mean(bare, actors.keys().map(String::as_str)));
            self.at(key, finding.help(format!("there are {}", listed(actors.keys().map(String::as_str)))));
        }
        kind
    }
}

/// Whether something is put into it later.
fn is_open(text: &str) -> bool {
    text.contains("${")
}
