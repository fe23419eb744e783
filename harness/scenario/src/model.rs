//! The vocabulary. To add a verb: a struct for its arguments and one line in `verbs!`.
//!
//! Every text may hold `${name}` or `${name.path.to.field}`; a text that is just one such reference takes
//! the value's JSON type. Names are saved variables, `vars`, actors (`${denied}` is a server name,
//! `${denied.user}` its default user, `${alice}` a user id, `${alice.server}` its server's name, `${S}` a server
//! name) and the built-in `${case}` (last segment of the row's id, in a case's steps and vars), `${phase}` (in
//! steps) and `${version}` (the room version). `vars` are bound before the first phase, from top to bottom.

use crate::{
    span::At,
    template::{self, TemplateError},
};
use fedproof_results::{Level, Role};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One scenario file: what it is about, who takes part, what happens, which cases it decides.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Id of the scenario, `area/section`: prefix of its cases' ids.
    pub scenario: String,
    /// One line in plain words.
    pub title: String,
    /// Prose: what is shown, and why this shows it.
    pub about: String,
    /// Specification section, MSC or profile rule.
    pub requirement: String,
    /// Level of its cases, unless a case says otherwise.
    pub level: Level,
    /// Priority of its cases, unless a case says otherwise; 0 is first.
    pub priority: u8,
    /// Specification version since which the requirement stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// For selectors such as `@smoke`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// One instance per room version, which `${version}` names. Empty: one instance, and no `${version}`.
    #[serde(default)]
    pub room_versions: Vec<String>,
    /// Why its checks need no control (R1): there is nothing that could be allowed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uncontrolled: Option<String>,
    /// Runs with nothing beside it: it restarts or reconfigures a homeserver (R6).
    #[serde(default)]
    pub exclusive: bool,
    /// Who takes part.
    pub actors: IndexMap<String, Actor>,
    /// Values by name.
    #[serde(default)]
    pub vars: IndexMap<String, Value>,
    /// What happens, in order.
    pub phases: Vec<Phase>,
    /// What is decided: the rows of the scenario's table.
    pub cases: Vec<Case>,
}

/// Who takes part.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Actor {
    /// A real homeserver of the deployment.
    Homeserver(Part),
    /// A user with a client, freshly registered on the homeserver actor of this name.
    Client(String),
    /// A simulated homeserver. The text is its name; `*` in it stands for a part that is unique per instance
    /// (`*.denied.example`). Keep the `*` wherever a literal name is not the point.
    Virtual(String),
}

/// What sort of actor: decides which verbs it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A real homeserver.
    Homeserver,
    /// A user with a client.
    Client,
    /// A simulated homeserver.
    Virtual,
}

impl ActorKind {
    /// As one would say it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Homeserver => "homeserver",
            Self::Client => "client",
            Self::Virtual => "virtual server",
        }
    }

    /// What `${actor.FIELD}` can name beside `${actor}` itself.
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Homeserver => &[],
            Self::Client => &["user", "server"],
            Self::Virtual => &["user"],
        }
    }
}

impl Actor {
    /// Its sort.
    pub fn kind(&self) -> ActorKind {
        match self {
            Self::Homeserver(_) => ActorKind::Homeserver,
            Self::Client(_) => ActorKind::Client,
            Self::Virtual(_) => ActorKind::Virtual,
        }
    }
}

/// Which homeserver of the deployment an actor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The server under test: the scenario runs once for each distinct version in the deployment.
    Subject,
    /// Another one, of whatever version.
    Other,
}

/// A stretch of the scenario with one purpose.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its name (`control`, `denied`, `lifted` are columns of the endpoint matrix).
    pub phase: String,
    /// What a failing step means.
    pub role: Role,
    /// Steps of the instance, shared by all cases.
    #[serde(default)]
    pub steps: Vec<At<Step>>,
    /// Then, for each case, side by side: the steps the case has under these names, in order.
    #[serde(default)]
    pub each: Vec<String>,
    /// Expected of the last step of each case's steps, unless that step says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expect>,
}

/// A row of the table: one case per room version.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Stable id, a row of the catalogue. With room versions, `/v10` and so on is appended.
    pub id: At<String>,
    /// One line in plain words.
    pub title: String,
    /// Overrides the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Overrides the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Overrides the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// In these room versions only; elsewhere not applicable, for the reason given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
    /// If the control is answered like this, the server does not offer it (R7): not applicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_applicable_if: Option<Expect>,
    /// Values by name, seen by this case's steps only.
    #[serde(default)]
    pub vars: IndexMap<String, Value>,
    /// Step lists by name, called by phases through `each`.
    #[serde(default)]
    pub steps: IndexMap<String, Vec<At<Step>>>,
}

/// Where a case applies.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Only {
    /// Room versions in which it applies.
    pub room_versions: Vec<String>,
    /// Why not in the others.
    pub reason: String,
}

/// What is bound after a step: one name for the verb's own result, or names for pieces of the answer.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Save {
    /// The verb's result: room id, event id, built event, response body.
    Result(String),
    /// JSON pointers into the response body.
    Pieces(IndexMap<String, String>),
}

/// What an answer must be; with nothing in it (`expect: {}`) any answer will do, where else 200 would be asked for.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Matrix error code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errcode: Option<String>,
    /// Checks of the body.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub body: Vec<BodyCheck>,
}

/// One check of a response body.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BodyCheck {
    /// JSON pointer; `${…}` in it is escaped as the pointer needs.
    pub at: String,
    /// Whether something stands there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is: Option<Presence>,
    /// Exactly this value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Value>,
    /// An array that holds this value, or a text that holds this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<Value>,
}

/// Whether something stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Something other than null.
    Present,
    /// Nothing, or null.
    Absent,
}

/// Declares the verbs: the step as it is written (`Step`, one optional key per verb) and as the runner takes
/// it ([`Verb`]).
macro_rules! verbs {
    ($($(#[$doc:meta])* $key:ident: $variant:ident($args:ty) by [$($kind:ident),*],)*) => {
        /// One step as written: who, exactly one verb, and what of the answer matters.
        #[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct Step {
            /// The actor; verbs of the instance itself have none.
            #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
            pub actor: Option<String>,
            /// What is bound afterwards.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub save: Option<Save>,
            /// What the answer must be; in setup and control phases 200 unless said otherwise.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            pub expect: Option<Expect>,
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
    /// virtual: sends one transaction. Result: response body.
    transaction: Transaction(Transaction) by [Virtual],
    /// client, virtual: any request; a virtual server signs it. Result: response body.
    request: Request(Request) by [Client, Virtual],
    /// virtual: replaces its behaviour at one endpoint, from now on.
    behave: Behave(Behave) by [Virtual],
    /// homeserver: start, stop, restart, kill, pause or resume it.
    lifecycle: Lifecycle(Lifecycle) by [Homeserver],
    /// instance: a fault in the gateway, until healed. Result: its handle.
    fault: Fault(Fault) by [],
    /// instance: heals a fault.
    heal: Heal(String) by [],
    /// client, virtual: waits until this has been observed (R2); the wait is bounded, its end is a failed expectation.
    eventually: Eventually(Condition) by [Client, Virtual],
    /// client, virtual: this has not been observed. Only after a barrier in the same phase (R2).
    never: Never(Condition) by [Client, Virtual],
    /// instance: something later of the same kind, in the same room, arrives (R2). If it does not, nothing can be said.
    barrier: Barrier(Barrier) by [],
    /// instance: runs these step lists side by side.
    parallel: Parallel(Vec<Vec<At<Step>>>) by [],
    /// instance: a check written in Rust, by name (`harness/runner/src/native/`).
    native: Native(Native) by [],
}

/// Arguments of `create_room`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRoom {
    /// Room version.
    #[serde(default = "instance_version")]
    pub version: String,
    /// `public`, `invite` or `knock`.
    #[serde(default = "public")]
    pub join_rule: String,
    /// Power levels of users beyond the creator's.
    #[serde(default)]
    pub powers: IndexMap<String, i64>,
    /// Further initial state events (`type`, `state_key`, `content`).
    #[serde(default)]
    pub initial_state: Vec<Value>,
}
fn instance_version() -> String {
    "${version}".into()
}
fn public() -> String {
    "public".into()
}

/// Arguments of `join`, `leave` and `knock`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// Room id.
    pub room: String,
    /// virtual: which of its users; its default user if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Through which server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}

/// Arguments of `invite`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Room id.
    pub room: String,
    /// Who is invited, a user id.
    pub target: String,
    /// virtual: the server it is sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// virtual: which of its users; its default user if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// Arguments of `kick` and `ban`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Room id.
    pub room: String,
    /// User id.
    pub target: String,
}

/// Arguments of `send`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// Room id.
    pub room: String,
    /// Event type.
    #[serde(default = "message", rename = "type")]
    pub kind: String,
    /// Makes it a state event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_key: Option<String>,
    /// Event content; a text message that names its case if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
    /// virtual: the homeserver it is sent to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// virtual: which of its users; its default user if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// virtual: no later event refers to it, so nobody fetches it.
    #[serde(default)]
    pub detached: bool,
}
fn message() -> String {
    "m.room.message".into()
}

/// Arguments of `build`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// Room id.
    pub room: String,
    /// Event type.
    #[serde(default = "message", rename = "type")]
    pub kind: String,
    /// Makes it a state event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state_key: Option<String>,
    /// Event content; a text message that names its case if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Value>,
    /// Sender; the server's default user if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Previous events by id, to fork the room; the room's heads if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev_events: Option<Vec<String>>,
    /// Auth events by id; the right ones if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_events: Option<Vec<String>>,
    /// No later event refers to it.
    #[serde(default)]
    pub detached: bool,
}

/// Arguments of `typing`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Typing {
    /// Room id.
    pub room: String,
    /// Starts or stops.
    pub typing: bool,
}

/// Arguments of `receipt`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Room id.
    pub room: String,
    /// Event id.
    pub event: String,
    /// `m.read` or `m.read.private`.
    #[serde(default = "read", rename = "type")]
    pub kind: String,
}
fn read() -> String {
    "m.read".into()
}

/// Arguments of `to_device`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ToDevice {
    /// Event type.
    #[serde(rename = "type")]
    pub kind: String,
    /// User id; all devices.
    pub to: String,
    /// Message content.
    #[serde(default)]
    pub content: Value,
}

/// Arguments of `template`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// Which membership.
    pub membership: MembershipKind,
    /// Room id.
    pub room: String,
    /// Which user; the server's default user if missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The resident server asked.
    pub via: String,
}

/// Memberships that are asked for by template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MembershipKind {
    /// make_join, send_join.
    Join,
    /// make_leave, send_leave.
    Leave,
    /// make_knock, send_knock.
    Knock,
}

/// Arguments of `submit`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// Which membership.
    pub membership: MembershipKind,
    /// A built event: `"${template}"`, or its pieces changed by hand.
    pub event: Value,
    /// The resident server.
    pub via: String,
    /// `v1` or `v2` of the endpoint; `v2` if missing (send_knock has v1 only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
}

/// Arguments of `transaction`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transaction {
    /// The homeserver.
    pub to: String,
    /// Events (`${built.event}`).
    #[serde(default)]
    pub pdus: Vec<Value>,
    /// EDUs (`edu_type`, `content`).
    #[serde(default)]
    pub edus: Vec<Value>,
}

/// Arguments of `request`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// virtual: the server asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// HTTP method.
    pub method: String,
    /// Path; values that are put in are percent-encoded.
    pub path: String,
    /// Query parameters, a list gives the key several times.
    #[serde(default)]
    pub query: IndexMap<String, Value>,
    /// JSON body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// Arguments of `behave`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Behave {
    /// Endpoint in snake case (`get_missing_events`).
    pub at: String,
    /// What it does there.
    pub like: Manner,
}

/// What a virtual server does at an endpoint.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Manner {
    /// As the specification says.
    Honest,
    /// Serves servers that the room's ACL denies.
    IgnoreAcl,
    /// Answers nothing until it is honest again.
    Stall,
    /// Answers this.
    Answer {
        /// HTTP status.
        status: u16,
        /// JSON body.
        #[serde(default)]
        body: Value,
    },
}

/// What is done to a homeserver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// Starts it and waits until it is ready.
    Start,
    /// Stops it in an orderly way.
    Stop,
    /// Stops and starts it.
    Restart,
    /// Ends it at once.
    Kill,
    /// Halts it.
    Pause,
    /// Lets it go on.
    Resume,
}

/// Arguments of `fault`: what does not match is not touched.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only requests of this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Only requests for this server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Only paths that match this glob.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What happens to them.
    pub effect: Effect,
}

/// What a fault does.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Effect {
    /// The connection is cut.
    Refuse,
    /// Nothing happens until healed.
    Stall,
    /// The answer ends in the middle of its body.
    Cut,
    /// This is answered.
    Answer {
        /// HTTP status.
        status: u16,
        /// JSON body.
        #[serde(default)]
        body: Value,
    },
}

/// Something that can be observed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// client: an event in the room's timeline or state, by id. `never` asks `/event/{id}` as well.
    Event {
        /// Room id.
        room: String,
        /// Event id.
        id: String,
    },
    /// client: a user shown as typing.
    Typing {
        /// Room id.
        room: String,
        /// User id.
        user: String,
    },
    /// client: a receipt.
    Receipt {
        /// Room id.
        room: String,
        /// User id.
        user: String,
        /// Event id.
        event: String,
    },
    /// client: a state event's content.
    State {
        /// Room id.
        room: String,
        /// Event type.
        #[serde(rename = "type")]
        kind: String,
        /// State key.
        #[serde(default)]
        state_key: String,
        /// The whole content.
        content: Value,
    },
    /// virtual: a PDU in a transaction for it, by event id.
    Pdu {
        /// Event id.
        id: String,
    },
    /// virtual: an EDU in a transaction for it.
    Edu {
        /// EDU type.
        #[serde(rename = "type")]
        kind: String,
        /// A text that stands in its content (an id).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mentions: Option<String>,
    },
    /// virtual: a request for it.
    Request {
        /// HTTP method.
        method: String,
        /// Glob over the path.
        path: String,
    },
}

/// Arguments of `barrier`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Barrier {
    /// Who sends: a virtual server (towards a client) or a client (towards a virtual server).
    pub from: String,
    /// Who must see it.
    pub to: String,
    /// Room id; none for to-device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// What is sent.
    pub by: BarrierKind,
}

/// What a barrier sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BarrierKind {
    /// A message event.
    Message,
    /// A typing notification.
    Typing,
    /// A read receipt (of the newest event the sender knows).
    Receipt,
    /// A to-device message (client to virtual server).
    ToDevice,
}

/// Arguments of `native`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Native {
    /// Name of the check.
    pub check: String,
    /// Its arguments.
    #[serde(default)]
    pub with: IndexMap<String, Value>,
}

impl Request {
    /// With every reference replaced; what is put into the path is percent-encoded.
    ///
    /// # Errors
    /// As [`template::substitute`].
    pub fn completed(&self, lookup: template::Lookup) -> Result<Self, TemplateError> {
        Ok(Self { path: template::substitute_path(&self.path, lookup)?, ..template::substitute(self, lookup)? })
    }
}

impl Expect {
    /// With every reference replaced; what is put into JSON pointers is escaped.
    ///
    /// # Errors
    /// As [`template::substitute`].
    pub fn completed(&self, lookup: template::Lookup) -> Result<Self, TemplateError> {
        let mut completed = template::substitute(self, lookup)?;
        for (check, written) in completed.body.iter_mut().zip(&self.body) {
            check.at = template::substitute_pointer(&written.at, lookup)?;
        }
        Ok(completed)
    }
}
