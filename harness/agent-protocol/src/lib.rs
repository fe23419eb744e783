//! What fedproof and a client agent say to each other: version 1.
//!
//! An agent is a program with a real client SDK in it: one user, one device. One JSON object to a line, UTF-8.
//!
//! - The agent's first line is its [`Said::Hello`]: who it is, and what it can do.
//! - fedproof gives an [`Order`] on the agent's stdin: `{"id": 1, "send": {"room": "!r:a", "body": "hello"}}`.
//! - The agent answers each order once, in any order: `{"answer": {"id": 1, "result": {"event": "$e"}}}` or
//!   `{"refusal": {"id": 1, "reason": "…"}}`.
//! - After each sync that it has taken in, the agent says so: `{"synced": {}}`. fedproof looks again then.
//! - At the end of its stdin the agent ends, at once. What it writes to stderr is kept as its log.
//!
//! What an agent says of itself decides no downstream case; what one device says of what *another* one sent does.

mod arguments;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use arguments::{Hours, Start};

/// Version of this protocol; an agent of another one is not spoken to.
pub const PROTOCOL: u32 = 1;

/// A line from the agent.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// The first line.
    Hello(Hello),
    /// An order was carried out.
    Answer {
        /// The order's.
        id: u64,
        /// What the [`Command`] says.
        result: Value,
    },
    /// An order was not carried out: the SDK or the homeserver would not have it.
    Refusal {
        /// The order's.
        id: u64,
        /// In words.
        reason: String,
    },
    /// All that one `/sync` brought was taken in.
    Synced {},
}

/// Who an agent is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Hello {
    /// [`PROTOCOL`].
    pub protocol: u32,
    /// Name of the SDK.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What it can do: names of [`Command`]s, and of features beyond them.
    pub capabilities: Vec<String>,
}

/// A line to the agent.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Order {
    /// Names the answer.
    pub id: u64,
    /// What to do.
    #[serde(flatten)]
    pub command: Command,
}

/// Declares the commands and their names.
macro_rules! commands {
    ($($(#[$doc:meta])* $key:ident: $variant:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* },)*) => {
        /// What an agent is told to do. The name of each is the capability that it takes.
        #[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "snake_case", deny_unknown_fields)]
        pub enum Command {
            $($(#[$doc])* $variant { $($(#[$field_doc])* $field: $type,)* },)*
        }

        impl Command {
            /// Every command there is.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($key)),*];

            /// Its name.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant { .. } => stringify!($key),)* }
            }
        }
    };
}

commands! {
    /// Logs in with a new device and syncs from then on. Result: `user`, `device`, and `recovery_key` where the
    /// client has set backup up of its own accord. What is left out fedproof puts in.
    log_in: LogIn {
        /// Base URL of the homeserver's client API.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        homeserver: String,
        /// Its full user id.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        user: String,
        /// A secret.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        password: String,
        /// Settings of the profile, by name: what a downstream's client is told of its deployment.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        settings: Value,
        /// Goes through what the client checks of a deployment first, as one of this version at this time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        start: Option<Start>,
    },
    /// Logs out: the device is gone.
    log_out: LogOut {},
    /// Creates a room as the client does when its user asks for one. Result: `room`.
    create_room: CreateRoom {
        /// Its name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        name: String,
        /// User ids.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        invite: Vec<String>,
        /// A conversation of two.
        #[serde(default)]
        direct: bool,
        /// May other homeservers take part, where the client offers the choice?
        #[serde(default = "yes")]
        federated: bool,
        /// The time by which an alias is named, where the client names one, in milliseconds since 1970.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        now_ms: Value,
    },
    /// Accepts an invitation, or joins.
    join: Join {
        /// Room id.
        room: String,
    },
    /// Leaves.
    leave: Leave {
        /// Room id.
        room: String,
    },
    /// Invites.
    invite: Invite {
        /// Room id.
        room: String,
        /// Whom, a user id.
        user: String,
    },
    /// Removes a member.
    kick: Kick {
        /// Room id.
        room: String,
        /// Whom, a user id.
        user: String,
    },
    /// Removes a member for good.
    ban: Ban {
        /// Room id.
        room: String,
        /// Whom, a user id.
        user: String,
    },
    /// Sends a text as the client does: encrypted where the room is. Result: `event`.
    send: Send {
        /// Room id.
        room: String,
        /// The text; if it is left out, fedproof puts in one with the run's canary.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        body: String,
    },
    /// Sends so many texts, one after the other: `body` with its number. Result: `events`, in the order of the numbers.
    send_many: SendMany {
        /// Room id.
        room: String,
        /// How they begin.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        body: String,
        /// How many.
        count: u32,
    },
    /// Sends an event as the client does: encrypted where the room is. Result: `event`.
    send_event: SendEvent {
        /// Room id.
        room: String,
        /// Event type.
        #[serde(rename = "type")]
        kind: String,
        /// Event content.
        content: Value,
    },
    /// Reads one message. Result: `body`, `sender`, `encrypted`, or `unreadable` with the SDK's reason.
    read: Read {
        /// Room id.
        room: String,
        /// Event id.
        event: String,
    },
    /// Opens the attachment of a message, as its user does who wants to see it. Result: the `text` in it.
    open_file: OpenFile {
        /// Room id.
        room: String,
        /// Event id.
        event: String,
        /// Base URL of the content scanner, for a client that asks one; the homeserver's if it is left out.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        scanner: String,
    },
    /// Reads a room's messages backwards until there are so many. Result: `readable` and `unreadable`, counts of
    /// messages, and the `bodies` of those that were readable.
    read_back: ReadBack {
        /// Room id.
        room: String,
        /// How many messages.
        count: u32,
    },
    /// Who takes part, as far as the SDK has taken it in. Result: `joined`, `invited`: user ids, sorted; `encrypted`.
    room: Room {
        /// Room id.
        room: String,
    },
    /// Devices of a user, as the SDK knows them. Result: `devices`: `device`, `verified`, `cross_signed`.
    devices: Devices {
        /// User id.
        user: String,
    },
    /// Sets secret storage and key backup up, and waits until every key is in the backup. Result: `recovery_key`.
    set_up_backup: SetUpBackup {
        /// Unlocks secret storage beside the recovery key.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        passphrase: String,
    },
    /// Waits until every key is in the backup.
    back_up: BackUp {},
    /// Unlocks secret storage, and uses the backup that it holds the key of.
    restore: Restore {
        /// Recovery key or passphrase. A secret.
        recovery_key: String,
    },
    /// Opens the room for notes to oneself; creates it where there is none. Result: `room`.
    my_notes: MyNotes {},
    /// Gives a member a role in a room; an empty one takes it away.
    set_role: SetRole {
        /// Room id.
        room: String,
        /// Whom, a user id.
        user: String,
        /// The role.
        role: String,
    },
    /// Sets when its user is notified: in these hours only. Without hours, at any time.
    set_notification_times: SetNotificationTimes {
        /// IANA time zone of the hours.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        zone: String,
        /// A list of [`Hours`].
        #[serde(default, skip_serializing_if = "Value::is_null")]
        hours: Value,
    },
    /// It is this time: the client does what it then does of its own accord. Notifications go off, or on.
    tell_time: TellTime {
        /// RFC 3339.
        now: String,
    },
    /// Replaces a room by one of another version, with what the client keeps in it. Result: `room`, the new one's id.
    upgrade: Upgrade {
        /// Room id.
        room: String,
        /// The new one's room version.
        version: String,
    },
    /// Asks a user to verify, compares emoji, confirms. Result: `emoji` and `verified`.
    verify: Verify {
        /// User id; one's own for another device of one's own.
        user: String,
    },
    /// Waits until a user asks to verify, compares emoji, confirms. Result: `emoji` and `verified`.
    accept_verification: AcceptVerification {
        /// User id.
        user: String,
    },
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests;
