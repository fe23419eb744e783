//! The closed lists of words that scenarios draw on, beside the verbs in [`model`](crate::model).

/// Room versions that exist.
pub const ROOM_VERSIONS: &[&str] = &["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];

/// Endpoints at which a virtual server's behaviour can be switched (`behave`), by the names that
/// `fedproof_virtual::Endpoint` reads.
pub const ENDPOINTS: &[&str] = &[
    "keys",
    "keys_notary",
    "version",
    "make_join",
    "send_join",
    "make_leave",
    "send_leave",
    "make_knock",
    "send_knock",
    "invite",
    "state",
    "state_ids",
    "backfill",
    "event",
    "event_auth",
    "get_missing_events",
    "send",
    "keys_query",
    "keys_claim",
    "devices",
    "profile",
    "directory",
    "policy_sign",
    "push",
];

/// What a deployment can be like beyond its homeservers.
pub const FEATURES: &[&str] = &[ALLOW_LIST, SHUT, UPGRADE, OPERATED, ADMINISTERED, ENCRYPTED_ONLY, CONTAINERS, WORKERS];
/// Its homeservers speak to listed names only: its own, and `INSTANCE.listed.example`. Scenarios that do not ask for
/// it cannot be played there, since the names of their virtual servers are not listed.
pub const ALLOW_LIST: &str = "allow_list";
/// Its homeservers run in containers, with a network of their own (`lifecycle: cut_off`): so it is with the backend
/// `compose`, whatever the deployment.
pub const CONTAINERS: &str = "containers";
/// Its homeservers refuse what is not encrypted. Scenarios that neither need nor tolerate it cannot be played there, since
/// they speak in plain text.
pub const ENCRYPTED_ONLY: &str = "encrypted_only";
/// Its homeservers have the settings of an operator and not those of a test: what is configured can be decided.
pub const OPERATED: &str = "operated";
/// Who is called `admin-…` administers its homeservers.
pub const ADMINISTERED: &str = "administered";
/// One of its homeservers has an empty allow-list (`homeserver: shut`).
pub const SHUT: &str = "shut";
/// One of its homeservers can be started with a later release on its database (`lifecycle: upgrade`): scenarios that
/// need this have such a one under test.
pub const UPGRADE: &str = "upgrade";
/// One of its homeservers consists of several processes (`native: {check: each_process}`): scenarios that need this have
/// such a one under test.
pub const WORKERS: &str = "workers";

/// What an operator may have switched off: a deployment says so (`lacks`), and a case that uses it is skipped there.
pub const SERVICES: &[&str] = &["presence", "public_rooms_over_federation"];

/// HTTP methods.
pub const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// Names that are bound without anybody binding them; [`CASE`] and [`PHASE`] not everywhere.
pub const BUILT_IN: &[&str] = &[CASE, PHASE, VERSION, UNIQUE, NUMBER, IP, CANARY, PROFILE];
/// Last segment of the row, in steps and variables of a case.
pub const CASE: &str = "case";
/// Name of the phase, in steps.
pub const PHASE: &str = "phase";
/// The room version.
pub const VERSION: &str = "version";

/// Part of every name that the instance makes.
pub const UNIQUE: &str = "unique";
/// Digits that the instance has for itself.
pub const NUMBER: &str = "number";
/// IP literals that the instance has for itself, by [`IP_FIELDS`].
pub const IP: &str = "ip";
/// A text that must be readable nowhere but in clients; the whole run is searched for it. `${canary.sealed}` is it in base64,
/// for what stands for an encrypted message.
pub const CANARY: &str = "canary";
/// What `${canary.FIELD}` can name.
pub const CANARY_FIELDS: &[&str] = &["sealed"];
/// The settings of the profile, by their names (`${profile.NAME}`).
pub const PROFILE: &str = "profile";
/// What `${ip.FIELD}` can name.
pub const IP_FIELDS: &[&str] = &["v4", "v6"];

/// Join rules that `create_room` knows.
pub const JOIN_RULES: &[&str] = &["public", "invite", "knock"];
/// Receipts.
pub const RECEIPTS: &[&str] = &["m.read", "m.read.private"];
/// Versions of an endpoint that `submit` knows.
pub const SUBMIT_APIS: &[&str] = &["v1", "v2"];
