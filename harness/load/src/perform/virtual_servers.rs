//! What virtual servers do.

use super::Job;
use crate::{
    http::{Reason, refusal},
    ledger::Entry,
    population::VIRTUAL_USER,
};
use fedproof_core::{ServerName, path};
use fedproof_gateway::Reply;
use fedproof_virtual::{VirtualError, VirtualServer};
use serde_json::{Value, json};
use std::collections::HashSet;

impl Job<'_> {
    /// What a virtual server asks the homeserver under test for.
    async fn asked_outside(self, work: impl Future<Output = Result<Reply, VirtualError>>) -> Result<Value, Reason> {
        let asked = self.context.stage.answers.ask(0);
        let answer = work.await;
        if answer.is_ok() {
            asked.answered();
        }
        succeeded(answer)
    }

    /// The first homeserver is the one under test.
    fn subject(self) -> Result<ServerName, Reason> {
        let first = self.context.stage.population.homeservers.first();
        first.map(|one| one.server_name().clone()).ok_or_else(|| "there is no homeserver".into())
    }

    pub(super) async fn transaction(self) -> Result<(), Reason> {
        let to = self.subject()?;
        let (prepared, turn) = self.context.transactions.take(self.number).await.ok_or("it was not signed ahead")?;
        let population = &self.context.stage.population;
        let members = population.rooms[prepared.room].members.iter();
        let watching = members.filter(|one| population.watchers.contains(one) && population.users[**one].home == 0);
        let entry = Entry {
            due: self.due,
            measured: self.measured,
            is_inbound: true,
            local: HashSet::new(),
            remote: watching.copied().collect(),
            room: String::new(),
            receivers: HashSet::new(),
            delivered: 0,
        };
        self.context.ledger.expect(self.number, entry);
        let sent = self.asked_outside(prepared.server.send_ahead(&to, prepared.request));
        let answer = self.in_time(sent).await.flatten();
        drop(turn);
        let refused = |answer: &Value| {
            let pdus = answer["pdus"].as_object()?;
            pdus.values().find_map(|answer| answer["error"].as_str()).map(str::to_owned)
        };
        answer.and_then(|answer| refused(&answer).map_or(Ok(()), |error| Err(error.into())))
    }

    pub(super) async fn remote_join(self) -> Result<(), Reason> {
        let to = self.subject()?;
        let rooms = &self.context.stage.population.real_rooms;
        let room = &self.context.stage.population.rooms[self.room(rooms)];
        let name = ServerName::new(format!("j{}.{}.example", self.number, self.context.label));
        let server = self.context.stage.world.server(name);
        self.asked_outside(server.join(&room.id, &server.user(VIRTUAL_USER), &to)).await.map(drop)
    }

    pub(super) async fn ask_about_room(self, endpoint: &str, query: impl Fn(&str) -> String) -> Result<(), Reason> {
        let to = self.subject()?;
        let population = &self.context.stage.population;
        let place = self.room(&population.virtual_rooms);
        let room = &population.rooms[place];
        let member = room.virtual_members[self.below("server", room.virtual_members.len())];
        let path = format!(
            "/_matrix/federation/v1/{endpoint}/{}?{}",
            path::encode(&room.id),
            query(&path::encode(&room.known_event))
        );
        let server: &VirtualServer = &population.virtual_servers[member];
        self.asked_outside(server.request(&to, "GET", &path, None)).await.map(drop)
    }

    pub(super) async fn key_query(self) -> Result<(), Reason> {
        let to = self.subject()?;
        let population = &self.context.stage.population;
        let at_home = population.users.iter().filter(|user| user.home == 0);
        let first = self.below("first", population.users.len());
        let asked = at_home.cycle().skip(first).take(10).map(|user| (user.client.user_id().to_owned(), json!([])));
        let body = json!({"device_keys": asked.collect::<serde_json::Map<_, _>>()});
        let server = &population.virtual_servers[self.below("server", population.virtual_servers.len())];
        let path = "/_matrix/federation/v1/user/keys/query";
        self.asked_outside(server.request(&to, "POST", path, Some(body))).await.map(drop)
    }
}

/// The body of a success.
fn succeeded(answer: Result<Reply, VirtualError>) -> Result<Value, Reason> {
    match answer {
        Ok(reply) if reply.status == 200 => Ok(reply.body),
        Ok(reply) => Err(refusal(reply.status, reply.body.to_string().as_bytes())),
        Err(error) => Err(error.to_string().into()),
    }
}
