//! Who and what is there before the load begins: users, rooms, virtual servers.

use crate::{
    Home,
    watchers::{self, Planned},
    workload::Workload,
};
use fedproof_client::{Client, ClientError};
use fedproof_core::{ServerName, path};
use fedproof_virtual::{NewRoom, VirtualError, VirtualServer, World};
use futures::{StreamExt, TryStreamExt, stream};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};

/// Requests at once while setting up.
const AT_ONCE: usize = 8;

/// Why the population could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum PopulationError {
    /// A client's request failed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// A virtual server's did.
    #[error(transparent)]
    Virtual(#[from] VirtualError),
    /// A homeserver refused.
    #[error("{what}: {status} {body}")]
    Refused {
        /// What was asked.
        what: String,
        /// HTTP status.
        status: u16,
        /// What it said.
        body: String,
    },
}

/// A user with the homeserver it is on.
pub(crate) struct User {
    /// Position among the homeservers of the load.
    pub(crate) home: usize,
    /// The user.
    pub(crate) client: Client,
}

/// A room of the load.
pub(crate) struct Room {
    /// Its id.
    pub(crate) id: String,
    /// Members, by position among the users.
    pub(crate) members: Vec<usize>,
    /// Virtual servers with a member, by position among the virtual servers.
    pub(crate) virtual_members: Vec<usize>,
    /// An event that every server in it has; of rooms with virtual members only.
    pub(crate) known_event: String,
}

/// Everything there is.
pub(crate) struct Population {
    /// The homeservers that have users.
    pub(crate) homeservers: Vec<Home>,
    /// Users, in turn from all homeservers.
    pub(crate) users: Vec<User>,
    /// Positions of those who watch.
    pub(crate) watchers: BTreeSet<usize>,
    /// All rooms.
    pub(crate) rooms: Vec<Room>,
    /// Positions of the rooms without virtual members.
    pub(crate) real_rooms: Vec<usize>,
    /// Positions of the rooms with virtual members.
    pub(crate) virtual_rooms: Vec<usize>,
    /// The virtual servers.
    pub(crate) virtual_servers: Vec<VirtualServer>,
}

/// Localpart of the only user that a virtual server has.
pub(crate) const VIRTUAL_USER: &str = "member";

impl Population {
    /// Sets up everything. `label` is part of every name, so that two loads on one deployment stay apart; `progress` is
    /// told what there is.
    ///
    /// # Errors
    /// [`PopulationError`]: the first refusal.
    pub(crate) async fn set_up(
        workload: &Workload,
        homeservers: &[Home],
        world: &World,
        label: &str,
        progress: impl Fn(&str, usize, usize),
    ) -> Result<Self, PopulationError> {
        let wanted = &workload.population;
        let homeservers: Vec<Home> = homeservers
            .iter()
            .filter(|one| !one.is_shut())
            .take(wanted.homeservers.unwrap_or(usize::MAX))
            .cloned()
            .collect();
        let count = wanted.users * homeservers.len();
        let mut users = stream::iter(0..count)
            .map(|n| {
                let home = n % homeservers.len();
                let endpoint = homeservers[home].endpoint();
                async move {
                    let client = endpoint.register(&format!("u{n}-{label}")).await?;
                    Ok::<_, PopulationError>(User { home, client })
                }
            })
            .buffered(AT_ONCE);
        let mut ready = Vec::with_capacity(count);
        while let Some(user) = users.try_next().await? {
            ready.push(user);
            progress("users", ready.len(), count);
        }
        let virtual_servers: Vec<VirtualServer> = (0..wanted.virtual_servers)
            .map(|n| world.server(ServerName::new(format!("v{n}.{label}.example"))))
            .collect();
        drop(users);
        let planned = watchers::rooms(wanted, homeservers.len());
        let mut population = Self {
            watchers: watchers::choose(wanted, &planned, homeservers.len()),
            homeservers,
            users: ready,
            rooms: Vec::new(),
            real_rooms: Vec::new(),
            virtual_rooms: Vec::new(),
            virtual_servers,
        };
        let total = planned.len();
        let plans = stream::iter(planned.into_iter().enumerate());
        let mut made = plans.map(|(n, planned)| population.make_room(n, planned)).buffered(AT_ONCE);
        let mut rooms = Vec::with_capacity(total);
        while let Some(room) = made.try_next().await? {
            rooms.push(room);
            progress("rooms", rooms.len(), total);
        }
        drop(made);
        for (n, room) in rooms.iter().enumerate() {
            let list = if room.virtual_members.is_empty() {
                &mut population.real_rooms
            } else {
                &mut population.virtual_rooms
            };
            list.push(n);
        }
        population.rooms = rooms;
        Ok(population)
    }

    /// A room: hosted by a user, or by the virtual side if it has members there.
    async fn make_room(&self, n: usize, planned: Planned<'_>) -> Result<Room, PopulationError> {
        let Planned { group, members, .. } = planned;
        let virtual_members: Vec<usize> =
            (0..group.virtual_members).map(|m| (n * group.virtual_members + m) % self.virtual_servers.len()).collect();
        let (id, via) = match virtual_members.first() {
            Some(host) => (self.host_room(*host, &virtual_members)?, self.virtual_servers[*host].name().clone()),
            None => {
                let owner = &self.users[members[0]].client;
                let body = json!({"preset": "public_chat", "name": format!("room {n}")});
                let reply = asked(owner, Method::POST, "/_matrix/client/v3/createRoom", &body).await?;
                (text(&reply, "room_id"), owner.server().clone())
            }
        };
        let to_join = if virtual_members.is_empty() { &members[1..] } else { &members[..] };
        for member in to_join {
            let path = format!("/_matrix/client/v3/join/{}?via={via}", path::encode(&id));
            asked(&self.users[*member].client, Method::POST, &path, &json!({})).await?;
        }
        for message in 0..group.history {
            let sender = &self.users[members[message % members.len()]].client;
            let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/history{message}", path::encode(&id));
            let body = json!({"msgtype": "m.text", "body": format!("message {message} of the history")});
            asked(sender, Method::PUT, &path, &body).await?;
        }
        let known_event = match virtual_members.first() {
            Some(host) => newest(&self.virtual_servers[*host], &id)?,
            None => String::new(),
        };
        Ok(Room { id, members, virtual_members, known_event })
    }

    fn host_room(&self, host: usize, members: &[usize]) -> Result<String, VirtualError> {
        let host = &self.virtual_servers[host];
        let room = host.create_room(NewRoom { creator: VIRTUAL_USER.into(), ..NewRoom::default() })?;
        let others: Vec<String> =
            members[1..].iter().map(|member| self.virtual_servers[*member].user(VIRTUAL_USER)).collect();
        host.add_members(&room, &others)?;
        Ok(room)
    }
}

/// The newest event that a virtual server knows of a room.
fn newest(server: &VirtualServer, room: &str) -> Result<String, VirtualError> {
    let heads = server.world().rooms().read(room, |room| room.heads().last().map(ToString::to_string))?;
    Ok(heads.unwrap_or_default())
}

/// A request that must succeed.
pub(crate) async fn asked(
    client: &Client,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<Arc<Value>, PopulationError> {
    let reply = client.request(method, path, Some(body)).await?;
    if reply.status == 200 {
        return Ok(Arc::new(reply.body));
    }
    let body = reply.exchange.response.to_string();
    Err(PopulationError::Refused { what: format!("{} {path}", client.user_id()), status: reply.status, body })
}

fn text(body: &Value, key: &str) -> String {
    body[key].as_str().unwrap_or_default().to_owned()
}
