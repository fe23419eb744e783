//! What can arrive: the operations of a workload.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// One kind of work for a homeserver.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        pub enum Operation {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)+
        }

        impl Operation {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As workloads and reports call it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

operations! {
    /// A user logs in by password.
    Login = "login",
    /// `/sync` without `since`: what a new device asks.
    InitialSync = "initial_sync",
    /// `/sync` with the last `since` and no waiting.
    IncrementalSync = "incremental_sync",
    /// Simplified sliding sync (MSC4186) over the first rooms.
    SlidingSync = "sliding_sync",
    /// A message into a room of real members.
    Send = "send",
    /// A typing notice.
    Typing = "typing",
    /// A read receipt for the newest event that the user knows.
    Receipt = "receipt",
    /// The fully-read marker.
    ReadMarker = "read_marker",
    /// Uploads 16 KiB of media.
    MediaUpload = "media_upload",
    /// Downloads media that was uploaded before.
    MediaDownload = "media_download",
    /// A message into a room with virtual members, to all of whose servers it must go.
    FanOut = "fan_out",
    /// A virtual server sends a signed transaction of one event.
    Transaction = "transaction",
    /// A user of a new virtual server joins: make_join and send_join.
    RemoteJoin = "remote_join",
    /// A virtual server backfills 100 events.
    Backfill = "backfill",
    /// A virtual server asks for the ids of a room's state.
    StateIds = "state_ids",
    /// A virtual server asks for the device keys of 10 users.
    KeyQuery = "key_query",
}

impl Operation {
    /// Whether a virtual server performs it.
    pub fn is_federated(self) -> bool {
        matches!(self, Self::Transaction | Self::RemoteJoin | Self::Backfill | Self::StateIds | Self::KeyQuery)
    }

    pub(crate) fn needs_room(self) -> bool {
        matches!(self, Self::Send | Self::Typing | Self::Receipt | Self::ReadMarker | Self::RemoteJoin)
            || self.needs_virtual_room()
    }

    pub(crate) fn needs_virtual_room(self) -> bool {
        matches!(self, Self::FanOut | Self::Transaction | Self::Backfill | Self::StateIds)
    }

    pub(crate) fn needs_virtual_server(self) -> bool {
        self.is_federated() || self == Self::FanOut
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
