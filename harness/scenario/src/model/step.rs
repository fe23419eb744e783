//! Steps and the list of all verbs.

use super::{
    ActorKind, Barrier, Behave, Build, Condition, Countersign, CreateRoom, Expect, Fault, Invite, Lifecycle,
    Membership, Native, Receipt, Request, Save, Send, Serve, Submit, Target, Template, ToDevice, Transaction, Typing,
};
use crate::span::At;
use fedproof_agent_protocol::Command;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Declares the verbs: the step as it is written (`Step`, one optional key per verb) and as the runner takes
/// it ([`Verb`]).
macro_rules! verbs {
    ($($(#[$doc:meta])* $key:ident: $variant:ident($args:ty) by [$($kind:ident),*],)*) => {
        /// One step as written: who, exactly one verb, and what of the answer matters.
        #[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Step {
            /// The actor, or `${name}` where the rows of a table differ in who acts: the case's `vars` name the actor.
            /// Verbs of the instance itself have none.
            #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
            pub actor: Option<String>,
            /// What is bound afterwards.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub save: Option<Save>,
            /// What the answer must be; in setup and control phases 200 unless said otherwise.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub expect: Option<Expect>,
            /// Its wall time is recorded under this name, for reports (`join`, `event`); nothing is judged by it.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub measure: Option<String>,
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $key: Option<$args>,)*
        }

        /// What a step does.
        #[derive(Clone, Copy, Debug)]
        pub enum Verb<'a> { $($(#[$doc])* $variant(&'a $args),)* }

        impl Verb<'_> {
            /// The arguments as they would be written, for walks over every text in them.
            pub fn arguments(&self) -> Value {
                match self { $(Self::$variant(args) => serde_json::to_value(args).unwrap_or_default(),)* }
            }
        }

        impl Step {
            /// Every verb the step names; the linter demands exactly one.
            pub fn verbs(&self) -> Vec<(&'static str, Verb<'_>)> {
                let mut verbs = Vec::new();
                $(if let Some(args) = &self.$key { verbs.push((stringify!($key), Verb::$variant(args))); })*
                verbs
            }
            /// Names of all verbs.
            pub const VERBS: &'static [&'static str] = &[$(stringify!($key)),*];

            /// Which kinds of actors can do it; none: the instance itself does.
            pub fn kinds(verb: &str) -> &'static [ActorKind] {
                match verb {
                    $(stringify!($key) => &[$(ActorKind::$kind),*],)*
                    _ => &[],
                }
            }
        }
    };
}

verbs! {
    /// client, virtual: creates a room; a virtual server hosts it. Result: room id.
    create_room: CreateRoom(CreateRoom) by [Client, Virtual],
    /// client, virtual: joins. Result: response body.
    join: Join(Membership) by [Client, Virtual],
    /// client, virtual: leaves.
    leave: Leave(Membership) by [Client, Virtual],
    /// client, virtual: knocks.
    knock: Knock(Membership) by [Client, Virtual],
    /// client, virtual: invites `target`. Result: response body.
    invite: Invite(Invite) by [Client, Virtual],
    /// client: kicks `target`.
    kick: Kick(Target) by [Client],
    /// client: bans `target`.
    ban: Ban(Target) by [Client],
    /// client: sends an event, or a state event if it has a state key (result: event id).
    /// virtual: builds it and sends it to a homeserver in a transaction of its own (result: built event).
    send: Send(Send) by [Client, Virtual],
    /// client: starts or stops typing.
    typing: Typing(Typing) by [Client],
    /// client: marks an event read.
    receipt: Receipt(Receipt) by [Client],
    /// client: sends a to-device message.
    to_device: ToDevice(ToDevice) by [Client],
    /// virtual: fetches a template by make_join, make_leave or make_knock, completes and signs it. Result: built event.
    template: Template(Template) by [Virtual],
    /// virtual: submits a built membership event by send_join, send_leave or send_knock. Result: response body.
    submit: Submit(Submit) by [Virtual],
    /// virtual: builds and signs an event without sending it. Result: built event (`event_id`, `event`).
    build: Build(Build) by [Virtual],
    /// virtual: adds its signature to another server's built event, as the server that authorises a restricted join
    /// does. Result: built event.
    countersign: Countersign(Countersign) by [Virtual],
    /// virtual: sends one transaction. Result: response body.
    transaction: Transaction(Transaction) by [Virtual],
    /// client, virtual, front: any request; a virtual server signs it, a front end is asked it by nobody in particular.
    /// Result: response body.
    request: Request(Request) by [Client, Virtual, Front],
    /// agent: does as it is told (`harness/agent-protocol`); what the command needs and does not say is put in. Result: its
    /// answer.
    agent: Agent(Command) by [Agent],
    /// virtual: replaces its behaviour at one endpoint, from now on.
    behave: Behave(Behave) by [Virtual],
    /// front: what it does at a path from now on. Result: how many requests have arrived at it so far.
    serve: Serve(Serve) by [Front],
    /// homeserver: start, stop, restart, kill, pause, resume or upgrade it.
    lifecycle: Lifecycle(Lifecycle) by [Homeserver],
    /// instance: a fault in the gateway, until healed. Result: its handle.
    fault: Fault(Fault) by [],
    /// instance: heals a fault.
    heal: Heal(String) by [],
    /// client, agent, virtual, front: waits until this has been observed (R2); the wait is bounded, its end is a failed
    /// expectation. Result, of a front end: how many requests had arrived by then.
    eventually: Eventually(Condition) by [Client, Agent, Virtual, Front],
    /// client, agent, virtual, front: this has not been observed. Only after a barrier in the same phase (R2).
    never: Never(Condition) by [Client, Agent, Virtual, Front],
    /// instance: something later of the same kind, in the same room, arrives (R2). If it does not, nothing can be said.
    barrier: Barrier(Barrier) by [],
    /// instance: runs these step lists side by side.
    parallel: Parallel(Vec<Vec<At<Step>>>) by [],
    /// instance: a check written in Rust, by name (`harness/runner/src/native/`).
    native: Native(Native) by [],
}
