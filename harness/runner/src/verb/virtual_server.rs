//! Verbs of a virtual server: the server-server API, signed by it.

use crate::{
    actor::{needed, user_of},
    outcome::{Answer, Done, StepError},
    step::Scene,
};
use fedproof_core::{ServerName, event};
use fedproof_gateway::Reply;
use fedproof_scenario::model::{self, Manner, MembershipKind, Verb};
use fedproof_virtual::{
    ApiVersion, Behaviour, Built, Draft, Endpoint, Membership, NewRoom, VirtualError, VirtualServer,
};
use serde_json::{Value, json};

/// Carries out a virtual server's verb.
pub(crate) async fn act(scene: &Scene<'_>, server: &VirtualServer, verb: Verb<'_>) -> Result<Done, StepError> {
    match verb {
        Verb::CreateRoom(args) => create_room(server, &scene.resolve(args)?),
        Verb::Join(args) => change(scene, server, Membership::Join, args).await,
        Verb::Leave(args) => change(scene, server, Membership::Leave, args).await,
        Verb::Knock(args) => change(scene, server, Membership::Knock, args).await,
        Verb::Invite(args) => {
            let args: model::Invite = scene.resolve(args)?;
            let sender = user_of(server, args.user.as_deref());
            let to = ServerName::new(needed(args.to.as_deref(), "to")?);
            done(server.invite(&args.room, &sender, &args.target, &to).await.map(|(reply, _)| reply))
        }
        Verb::Build(args) => {
            let args: model::Build = scene.resolve(args)?;
            let draft = Draft {
                sender: user_of(server, args.user.as_deref()),
                room: args.room,
                kind: args.kind,
                state_key: args.state_key,
                content: args.content.unwrap_or_else(|| scene.message()),
                prev_events: args.prev_events,
                auth_events: args.auth_events,
                detached: args.detached,
            };
            Ok(Done { result: serde_json::to_value(server.build(draft)?)?, answer: None, flaw: None })
        }
        Verb::Send(args) => {
            let args: model::Send = scene.resolve(args)?;
            let to = ServerName::new(needed(args.to.as_deref(), "to")?);
            let draft = Draft {
                sender: user_of(server, args.user.as_deref()),
                room: args.room,
                kind: args.kind,
                state_key: args.state_key,
                content: args.content.unwrap_or_else(|| scene.message()),
                detached: args.detached,
                ..Draft::default()
            };
            let built = server.build(draft)?;
            let reply = server.send(&to, vec![built.event.clone()], Vec::new()).await?;
            Ok(Done { result: serde_json::to_value(built)?, answer: Some(answer(reply)), flaw: None })
        }
        Verb::Template(args) => {
            let args: model::Template = scene.resolve(args)?;
            let user = user_of(server, args.user.as_deref());
            let (reply, built) =
                server.template(membership(args.membership), &args.room, &user, &ServerName::new(&args.via)).await?;
            Ok(Done { result: serde_json::to_value(built)?, answer: Some(answer(reply)), flaw: None })
        }
        Verb::Countersign(args) => {
            let args: model::Countersign = scene.resolve(args)?;
            let key = if args.policy { server.policy_key() } else { server.key() };
            let mut built = built_event(args.event)?;
            let rules = event::rules_of(&built.room_version).map_err(|error| StepError::broken(error.to_string()))?;
            built.event = event::countersign(&built.event, &rules, server.name(), key)
                .map_err(|error| StepError::broken(error.to_string()))?;
            Ok(Done { result: serde_json::to_value(built)?, answer: None, flaw: None })
        }
        Verb::Submit(args) => {
            let args: model::Submit = scene.resolve(args)?;
            let built = built_event(args.event)?;
            let version = if args.api.as_deref() == Some("v1") { ApiVersion::V1 } else { ApiVersion::V2 };
            let via = ServerName::new(&args.via);
            done(server.submit(membership(args.membership), &built.room_id, &built, &via, version).await)
        }
        Verb::Transaction(args) => {
            let args: model::Transaction = scene.resolve(args)?;
            done(server.send(&ServerName::new(&args.to), args.pdus, args.edus).await)
        }
        Verb::Request(args) => {
            let (args, path) = scene.resolve_request(args)?;
            let to = ServerName::new(needed(args.to.as_deref(), "to")?);
            done(server.request(&to, &args.method, &path, args.body).await)
        }
        Verb::Behave(args) => {
            let args: model::Behave = scene.resolve(args)?;
            let endpoint: Endpoint = serde_json::from_value(Value::from(args.at))?;
            server.behave(endpoint, behaviour(args.like));
            Ok(Done::default())
        }
        _ => Err(StepError::broken("a virtual server has no such verb")),
    }
}

/// Hosts a room. Result: room id.
fn create_room(server: &VirtualServer, args: &model::CreateRoom) -> Result<Done, StepError> {
    let text = |event: &Value, key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let state = args.initial_state.iter();
    let mut new = NewRoom {
        version: args.version.clone(),
        creator: "user".into(),
        join_rule: args.join_rule.clone(),
        creation_content: json!(args.creation_content),
        initial_state: state
            .map(|event| (text(event, "type"), text(event, "state_key"), event["content"].clone()))
            .collect(),
        ..NewRoom::default()
    };
    if !args.powers.is_empty() {
        let rules = event::rules_of(&args.version).map_err(|error| StepError::broken(error.to_string()))?;
        let mut users = json!(args.powers);
        if !rules.authorization.explicitly_privilege_room_creators {
            users[server.user("user")] = json!(100);
        }
        new.power_levels = Some(json!({"users": users, "invite": 0}));
    }
    Ok(Done { result: server.create_room(new)?.into(), answer: None, flaw: None })
}

async fn change(
    scene: &Scene<'_>,
    server: &VirtualServer,
    membership: Membership,
    args: &model::Membership,
) -> Result<Done, StepError> {
    let args = scene.resolve(args)?;
    let user = user_of(server, args.user.as_deref());
    let via = ServerName::new(needed(args.via.as_deref(), "via")?);
    done(match membership {
        Membership::Join => server.join(&args.room, &user, &via).await,
        Membership::Leave => server.leave(&args.room, &user, &via).await,
        Membership::Knock => server.knock(&args.room, &user, &via).await,
    })
}

fn built_event(event: Value) -> Result<Built, StepError> {
    serde_json::from_value(event).map_err(|error| StepError::broken(format!("`event` is no built event: {error}")))
}

fn membership(kind: MembershipKind) -> Membership {
    match kind {
        MembershipKind::Join => Membership::Join,
        MembershipKind::Leave => Membership::Leave,
        MembershipKind::Knock => Membership::Knock,
    }
}

fn behaviour(manner: Manner) -> Behaviour {
    match manner {
        Manner::Honest => Behaviour::Honest,
        Manner::IgnoreAcl => Behaviour::IgnoreAcl,
        Manner::Stall => Behaviour::Stall,
        Manner::OmitMembers => Behaviour::OmitMembers,
        Manner::Refuse { mentions } => Behaviour::Refuse { mentions },
        Manner::Answer { status, body } => Behaviour::Answer { status, body },
    }
}

fn done(reply: Result<Reply, VirtualError>) -> Result<Done, StepError> {
    match reply {
        Ok(reply) => Ok(Done::body(answer(reply))),
        Err(VirtualError::Answer { endpoint, problem, reply }) => {
            let flaw = Some(format!("the answer of {endpoint} cannot be read: {problem}"));
            Ok(Done { flaw, ..Done::body(answer(*reply)) })
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn answer(reply: Reply) -> Answer {
    Answer { status: reply.status, body: reply.body, exchange: reply.exchange }
}
