//! The vocabulary. To add a verb: a struct for its arguments and one line in `verbs!`.
//!
//! Every text may hold `${name}` or `${name.path.to.field}`; a text that is just one such reference takes
//! the value's JSON type. Names are saved variables, `vars`, actors (`${denied}` is a server name,
//! `${denied.user}` its default user, `${denied.policy_key}` its public key as a policy server, `${alice}` a user id, `${alice.server}` its server's name, `${S}` a server
//! name, `${front}` the address that clients take for the homeserver's, `${front.host}` the host in it) and the built-in `${case}` (last segment of the row's id, in a case's steps and vars), `${phase}` (in
//! steps), `${version}` (the room version), `${unique}` (part of every name that the instance makes, good as a label of
//! a server name), `${number}` (digits of its own), `${ip.v4}` and `${ip.v6}` (IP literals of the instance's own; the latter without brackets),
//! `${canary}` (a text that must be readable nowhere but in clients) with `${canary.sealed}` (it in base64), and
//! `${profile.NAME}` (a setting of the profile, with its JSON type).
//! `vars` are bound before the first phase, from top to bottom.

mod actor;
mod event;
mod expect;
mod needs;
mod observe;
mod room;
mod step;
mod surroundings;
mod table;

use crate::span::At;
use fedproof_results::{Level, Role};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use actor::{Actor, ActorKind, Part};
pub use event::{Build, Receipt, Request, Send, ToDevice, Transaction, Typing};
pub use expect::{BodyCheck, Expect, Presence, Save};
pub use needs::Needs;
pub use observe::{Barrier, BarrierKind, Condition};
pub use room::{Countersign, CreateRoom, Invite, Membership, MembershipKind, Submit, Target, Template};
pub use step::{Step, Verb};
pub use surroundings::{Behave, Effect, Fault, Lifecycle, Manner, Native, Serve, Service};
pub use table::{Group, Round, Seat, Table, TableRow};

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
    /// What the deployment must be like.
    #[serde(default, skip_serializing_if = "Needs::is_empty")]
    pub needs: Needs,
    /// Judges the transcript of the whole run once everything else is over, for each homeserver, and is part of every
    /// run whatever is selected. Its own traffic is nothing to judge, so it has none.
    #[serde(default)]
    pub standing: bool,
    /// Who takes part.
    pub actors: IndexMap<String, Actor>,
    /// Values by name.
    #[serde(default)]
    pub vars: IndexMap<String, Value>,
    /// What happens, in order.
    pub phases: Vec<Phase>,
    /// What is decided: the rows of the scenario's table.
    #[serde(default)]
    pub cases: Vec<Case>,
    /// More cases, one for each row: what they have in common is written once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Table>,
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
    /// Plays the phase in rounds: for each group of the table the steps above, which see its `vars`, and then its rows;
    /// each row expects its `answer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<Round>,
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
    /// What it makes use of that an operator may have switched off ([`SERVICES`](crate::terms::SERVICES)): skipped where
    /// the deployment lacks it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uses: Vec<String>,
    /// If the control is answered like this, the server does not offer it (R7): not applicable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_applicable_if: Option<Expect>,
    /// Values by name, seen by this case's steps only.
    #[serde(default)]
    pub vars: IndexMap<String, Value>,
    /// Step lists by name, called by phases through `each`.
    #[serde(default)]
    pub steps: IndexMap<String, Vec<At<Step>>>,
    /// Where it stands in `for_each`, if it does.
    #[serde(skip)]
    pub seat: Option<Seat>,
    /// Expected in phases that are played in rounds.
    #[serde(skip)]
    pub answer: Option<Expect>,
}

impl Case {
    /// The group of the table that it belongs to.
    pub fn group(&self) -> Option<usize> {
        self.seat.map(|seat| seat.group)
    }
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
