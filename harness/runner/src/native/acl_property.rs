//! Whether a real server decides like the reference rule: drawn lists and names, asked by an idempotent request.

use super::{With, number, text};
use crate::{
    actor::Player,
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_core::{
    ServerName,
    acl::{Acl, glob_matches},
    path::encode,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};

/// Draws `lists` ACLs with `names` server names each, sets every ACL as the client `setter` in `room` and asks the
/// homeserver as every name, by make_join. Disagreements with [`Acl`] are the failure.
pub(crate) async fn check(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let room = text(with, "room")?;
    let Player::Client(setter) = scene.player(text(with, "setter")?)? else {
        return Err(StepError::broken("`setter` must be a client"));
    };
    let to = setter.server().clone();
    let mut seed = [0u8; 32];
    seed[..8].copy_from_slice(&scene.stage.seed.to_le_bytes());
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    let suffix = scene.stage.id.clone();
    for _ in 0..number(with, "lists", 5) {
        let acl = draw(&mut runner, acl_content())?;
        let (mut allow, mut deny) = (acl.0, acl.1);
        // The server itself stays allowed: it refuses anything else from its own clients.
        allow.push(to.to_string());
        deny.retain(|glob| !glob_matches(glob, to.host()));
        let content = json!({"allow": allow, "deny": deny, "allow_ip_literals": acl.2});
        let set = crate::verb::client::send(setter, room, "m.room.server_acl", Some(""), &content, "").await?;
        if let Some(answer) = set.answer.filter(|answer| answer.status != 200) {
            return Err(StepError::Broken {
                reason: format!("the ACL could not be set: {} {}", answer.status, answer.exchange.response),
                exchanges: vec![answer.exchange.id],
            });
        }
        let rule = Acl::from_content(&content);
        for _ in 0..number(with, "names", 10) {
            let name = ServerName::new(format!("{}.{suffix}.example", draw(&mut runner, label())?));
            compare(scene, room, &content, &rule, &name, &to).await?;
        }
    }
    Ok(Done::default())
}

async fn compare(
    scene: &Scene<'_>,
    room: &str,
    content: &Value,
    rule: &Acl,
    name: &ServerName,
    to: &ServerName,
) -> Result<(), StepError> {
    let server = scene.stage.world.server(name.clone());
    let path = format!(
        "/_matrix/federation/v1/make_join/{}/{}?ver=10&ver=11&ver=12",
        encode(room),
        encode(&server.user("user"))
    );
    let reply = server.request(to, "GET", &path, None).await?;
    let expected = if rule.decide(name.as_str()).is_allowed() { 200 } else { 403 };
    if reply.status == expected {
        return Ok(());
    }
    Err(StepError::Unmet {
        expected: format!("{expected} for {name} under {content}"),
        seen: format!("{} {}", reply.status, reply.exchange.response),
        exchanges: vec![reply.exchange.id],
    })
}

/// A few letters, so that patterns hit now and then.
fn label() -> impl Strategy<Value = String> {
    "[ab]{1,3}"
}

fn acl_content() -> impl Strategy<Value = (Vec<String>, Vec<String>, bool)> {
    let glob = || "[ab?*]{1,3}".prop_map(|label| format!("{label}.*"));
    (prop::collection::vec(glob(), 0..3), prop::collection::vec(glob(), 0..3), any::<bool>())
}

fn draw<T: std::fmt::Debug>(runner: &mut TestRunner, strategy: impl Strategy<Value = T>) -> Result<T, StepError> {
    let tree = strategy.new_tree(runner).map_err(|reason| StepError::broken(format!("draw a value: {reason}")))?;
    Ok(tree.current())
}
