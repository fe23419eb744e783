//! Checks that need computation. To add one: a file here, and a line in [`CHECKS`].

mod acl_draw;
mod acl_property;
mod arrived;
mod burst;
mod classified;
mod conforms;
mod each_process;
mod invariant;
mod keys_claimed;
mod last_segment;
mod localised;
mod merged;
mod no_contact;
mod object;
mod offers;
mod ordered;
mod policy;
mod repeat;
mod resolved;
mod same_state;
mod token;
mod told;

use crate::{
    actor::Player,
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_client::Client;
use fedproof_scenario::model::Native;
use futures::future::BoxFuture;
use indexmap::IndexMap;
use serde_json::Value;

type With = IndexMap<String, Value>;
type Check = for<'a> fn(&'a Scene<'a>, &'a With) -> BoxFuture<'a, Result<Done, StepError>>;

const CHECKS: &[(&str, Check)] = &[
    ("acl_property", |scene, with| Box::pin(acl_property::check(scene, with))),
    ("arrived_in_order", |scene, with| Box::pin(arrived::in_order(scene, with))),
    ("burst", |scene, with| Box::pin(burst::send_all(scene, with))),
    ("each_process", |scene, with| Box::pin(each_process::ask(scene, with))),
    ("invariant", |scene, with| Box::pin(invariant::check(scene, with))),
    ("keys_claimed", |scene, with| Box::pin(async move { keys_claimed::check(scene, with) })),
    ("last_segment", |_, with| Box::pin(async move { last_segment::cut(with) })),
    ("classified", |scene, with| Box::pin(async move { classified::check(scene, with) })),
    ("conforms", |_, with| Box::pin(async move { conforms::check(with) })),
    ("localised", |_, with| Box::pin(async move { localised::check(with) })),
    ("merged", |_, with| Box::pin(async move { merged::of(with) })),
    ("no_contact", |scene, with| Box::pin(async move { no_contact::check(scene, with) })),
    ("object", |_, with| Box::pin(async move { object::of(with) })),
    ("offers", |scene, with| Box::pin(async move { offers::check(scene, with) })),
    ("ordered", |_, with| Box::pin(async move { ordered::check(with) })),
    ("policy_signed", |scene, with| Box::pin(async move { policy::signed(scene, with) })),
    ("policy_withheld", |scene, with| Box::pin(async move { policy::withheld(scene, with) })),
    ("repeat", |_, with| Box::pin(async move { repeat::repeat(with) })),
    ("resolved", |scene, with| Box::pin(async move { resolved::state(scene, with) })),
    ("same_state", |scene, with| Box::pin(same_state::compare(scene, with))),
    ("token", |_, with| Box::pin(async move { token::make(with) })),
    ("told", |scene, with| Box::pin(async move { told::check(scene, with) })),
];

/// Names of all checks.
pub(crate) fn names() -> Vec<&'static str> {
    CHECKS.iter().map(|(name, _)| *name).collect()
}

/// Calls a check by its name.
pub(crate) async fn call(scene: &Scene<'_>, native: &Native) -> Result<Done, StepError> {
    match CHECKS.iter().find(|(name, _)| *name == native.check) {
        Some((_, check)) => check(scene, &native.with).await,
        None => Err(StepError::broken(format!(
            "there is no native check {:?}; there are: {}",
            native.check,
            names().join(", ")
        ))),
    }
}

/// An argument that is a text.
fn text<'a>(with: &'a With, key: &str) -> Result<&'a str, StepError> {
    with.get(key).and_then(Value::as_str).ok_or_else(|| StepError::broken(format!("the check needs a text `{key}`")))
}

/// An argument that names a client among the actors.
fn client<'a>(scene: &'a Scene<'_>, with: &With, key: &str) -> Result<&'a Client, StepError> {
    match scene.player(text(with, key)?)? {
        Player::Client(client) => Ok(client),
        _ => Err(StepError::broken(format!("`{key}` must name a client"))),
    }
}

/// An argument that is a number, or a default.
fn number(with: &With, key: &str, default: u64) -> u64 {
    with.get(key).and_then(Value::as_u64).unwrap_or(default)
}
