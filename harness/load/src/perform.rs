//! Carrying out one operation.

use crate::{
    context::Context,
    http::{Reason, ask, refusal},
    ledger::{Entry, MARK},
    operation::Operation,
    population::{Room, VIRTUAL_USER},
    schedule::Draw,
    stage::{Newest, Stage},
};
use bytes::Bytes;
use fedproof_core::{ServerName, path};
use fedproof_gateway::Reply;
use fedproof_virtual::{VirtualError, VirtualServer};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::time::Instant;

/// Size of what is uploaded, in bytes.
const MEDIA_BYTES: usize = 16 * 1024;
const JSON: &str = "application/json";

/// One operation that is due.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) context: &'a Context,
    pub(crate) operation: Operation,
    pub(crate) number: u64,
    pub(crate) draw: Draw,
    pub(crate) due: Instant,
    pub(crate) measured: bool,
}

impl Job<'_> {
    /// Does it, to the last byte of the answer, unless it takes too long.
    pub(crate) async fn perform(self) -> Result<(), Reason> {
        match self.operation {
            // They wait for their turn, which is no request yet.
            Operation::Transaction => self.transaction().await,
            _ => self.in_time(self.do_now()).await?,
        }
    }

    async fn in_time<T>(self, work: impl Future<Output = T>) -> Result<T, Reason> {
        let limit = self.context.stage.give_up;
        tokio::time::timeout(limit, work).await.map_err(|_| Reason::no_answer(limit))
    }

    async fn do_now(self) -> Result<(), Reason> {
        match self.operation {
            Operation::Login => self.login().await,
            Operation::InitialSync => self.initial_sync().await,
            Operation::IncrementalSync => self.incremental_sync().await,
            Operation::SlidingSync => self.sliding_sync().await,
            Operation::Send => self.send(self.room(&self.context.stage.population.real_rooms)).await,
            Operation::FanOut => self.send(self.room(&self.context.stage.population.virtual_rooms)).await,
            Operation::Typing => self.typing().await,
            Operation::Receipt => self.receipt("receipt/m.read", "{}".into(), Method::POST).await,
            Operation::ReadMarker => self.read_marker().await,
            Operation::MediaUpload => self.upload().await,
            Operation::MediaDownload => self.download().await,
            Operation::Transaction => self.transaction().await,
            Operation::RemoteJoin => self.remote_join().await,
            Operation::Backfill => self.ask_about_room("backfill", |head| format!("v={head}&limit=100")).await,
            Operation::StateIds => self.ask_about_room("state_ids", |head| format!("event_id={head}")).await,
            Operation::KeyQuery => self.key_query().await,
        }
    }

    fn below(self, purpose: &str, bound: usize) -> usize {
        usize::try_from(self.draw.below(purpose, bound as u64)).unwrap_or_default()
    }

    fn user(self) -> usize {
        self.below("user", self.context.stage.population.users.len())
    }

    fn room(self, of: &[usize]) -> usize {
        of.get(self.below("room", of.len())).copied().unwrap_or_default()
    }

    /// A member of a room, drawn.
    fn member(self, room: &Room) -> usize {
        room.members[self.below("member", room.members.len())]
    }

    async fn client(
        self,
        user: usize,
        method: Method,
        path: &str,
        body: Option<(Bytes, &str)>,
    ) -> Result<Bytes, Reason> {
        let user = &self.context.stage.population.users[user];
        let url = self.context.stage.population.homeservers[user.home].url(path);
        self.ask(user.home, method, &url, Some(user.client.token()), body).await
    }

    async fn ask(
        self,
        home: usize,
        method: Method,
        url: &str,
        token: Option<&str>,
        body: Option<(Bytes, &str)>,
    ) -> Result<Bytes, Reason> {
        let Stage { http, answers, give_up, .. } = &*self.context.stage;
        let asked = answers.ask(home);
        let answer = ask(http, method, url, token, body, *give_up).await;
        if answer.as_ref().map_or_else(|reason| reason.is_refusal, |_| true) {
            asked.answered();
        }
        answer
    }

    /// What a virtual server asks the homeserver under test for.
    async fn asked_outside(self, work: impl Future<Output = Result<Reply, VirtualError>>) -> Result<Value, Reason> {
        let asked = self.context.stage.answers.ask(0);
        let answer = work.await;
        if answer.is_ok() {
            asked.answered();
        }
        succeeded(answer)
    }

    async fn login(self) -> Result<(), Reason> {
        let user = &self.context.stage.population.users[self.user()];
        let localpart = user.client.user_id().trim_start_matches('@').split(':').next().unwrap_or_default();
        let body = json!({
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": localpart},
            "password": format!("pw-{localpart}"), "device_id": "LOAD",
        });
        let url = self.context.stage.population.homeservers[user.home].url("/_matrix/client/v3/login");
        self.ask(user.home, Method::POST, &url, None, Some((body.to_string().into(), JSON))).await.map(drop)
    }

    async fn initial_sync(self) -> Result<(), Reason> {
        let user = self.user();
        let body = self.client(user, Method::GET, "/_matrix/client/v3/sync?timeout=0", None).await?;
        self.remember_since(user, &body)
    }

    async fn incremental_sync(self) -> Result<(), Reason> {
        let user = self.user();
        let since = lock(&self.context.stage.since[user]).clone();
        let Some(since) = since else { return self.initial_sync().await };
        let path = format!("/_matrix/client/v3/sync?timeout=0&since={since}");
        let body = self.client(user, Method::GET, &path, None).await?;
        self.remember_since(user, &body)
    }

    fn remember_since(self, user: usize, body: &[u8]) -> Result<(), Reason> {
        let body: Synced = serde_json::from_slice(body).map_err(|_| "not a /sync answer")?;
        *lock(&self.context.stage.since[user]) = Some(body.next_batch);
        Ok(())
    }

    async fn sliding_sync(self) -> Result<(), Reason> {
        let body = json!({"lists": {"all": {
            "ranges": [[0, 19]], "timeline_limit": 10,
            "required_state": [["m.room.name", ""], ["m.room.encryption", ""], ["m.room.member", "$LAZY"]],
        }}});
        let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0";
        self.client(self.user(), Method::POST, path, Some((body.to_string().into(), JSON))).await.map(drop)
    }

    async fn send(self, place: usize) -> Result<(), Reason> {
        let population = &self.context.stage.population;
        let room = &population.rooms[place];
        let sender = self.member(room);
        let home = population.users[sender].home;
        let watching = |at_home: bool| {
            let watchers = room.members.iter().filter(|member| **member < population.watchers);
            watchers.filter(|member| (population.users[**member].home == home) == at_home).count()
        };
        let entry = Entry {
            due: self.due,
            measured: self.measured,
            home: Some(home),
            local: watching(true),
            remote: watching(false),
            room: room.id.clone(),
            receivers: room.virtual_members.iter().copied().collect(),
            delivered: 0,
        };
        self.context.ledger.expect(self.number, entry);
        let body = json!({
            "msgtype": "m.text", "body": "as long as people write on the average, which is some sixty letters",
            MARK: {"run": self.context.label, "n": self.number},
        });
        // Plays count from 0 each, and a homeserver answers a transaction id that it knows without doing anything.
        let transaction = format!("{}-{}", self.context.label, self.number);
        let path = format!("/_matrix/client/v3/rooms/{}/send/m.room.message/{transaction}", path::encode(&room.id));
        let answer = self.client(sender, Method::PUT, &path, Some((body.to_string().into(), JSON))).await;
        let body: Value = serde_json::from_slice(&answer?).unwrap_or_default();
        if let Some(event) = body["event_id"].as_str() {
            *lock(&self.context.stage.newest) = Some(Newest { room: place, event: event.to_owned(), home });
        }
        Ok(())
    }

    async fn typing(self) -> Result<(), Reason> {
        let room = &self.context.stage.population.rooms[self.room(&self.context.stage.population.real_rooms)];
        let user = self.member(room);
        let user_id = path::encode(self.context.stage.population.users[user].client.user_id());
        let path = format!("/_matrix/client/v3/rooms/{}/typing/{user_id}", path::encode(&room.id));
        let body = json!({"typing": self.number.is_multiple_of(2), "timeout": 30_000});
        self.client(user, Method::PUT, &path, Some((body.to_string().into(), JSON))).await.map(drop)
    }

    /// Something about the newest message.
    async fn receipt(self, what: &str, body: String, method: Method) -> Result<(), Reason> {
        let (room, event, reader) = self.newest_read()?;
        let path = format!("/_matrix/client/v3/rooms/{}/{what}/{}", path::encode(&room.id), path::encode(&event));
        self.client(reader, method, &path, Some((body.into(), JSON))).await.map(drop)
    }

    async fn read_marker(self) -> Result<(), Reason> {
        let (room, event, reader) = self.newest_read()?;
        let path = format!("/_matrix/client/v3/rooms/{}/read_markers", path::encode(&room.id));
        let body = json!({"m.fully_read": event, "m.read.private": event});
        self.client(reader, Method::POST, &path, Some((body.to_string().into(), JSON))).await.map(drop)
    }

    /// The newest message, its room, and a member on the sender's homeserver: others may not have it yet.
    fn newest_read(&self) -> Result<(&Room, String, usize), Reason> {
        let stage = &self.context.stage;
        let newest = lock(&stage.newest).clone().ok_or("there is no event yet")?;
        let room = &stage.population.rooms[newest.room];
        let at_home = |member: &usize| stage.population.users[*member].home == newest.home;
        let readers: Vec<usize> = room.members.iter().copied().filter(at_home).collect();
        let reader = readers.get(self.below("member", readers.len())).copied();
        Ok((room, newest.event, reader.ok_or("nobody to read it")?))
    }

    async fn upload(self) -> Result<(), Reason> {
        // Every upload differs, so that no server may keep it once only.
        let mut media = vec![0u8; MEDIA_BYTES];
        media[..8].copy_from_slice(&self.number.to_be_bytes());
        let path = "/_matrix/media/v3/upload?filename=load.bin";
        let body =
            self.client(self.user(), Method::POST, path, Some((media.into(), "application/octet-stream"))).await?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let uri = body["content_uri"].as_str().and_then(|uri| uri.strip_prefix("mxc://")).ok_or("no content_uri")?;
        lock(&self.context.stage.media).push(uri.to_owned());
        Ok(())
    }

    async fn download(self) -> Result<(), Reason> {
        let media = {
            let all = lock(&self.context.stage.media);
            all.get(self.below("media", all.len())).cloned()
        };
        let Some(media) = media else { return self.upload().await };
        let path = format!("/_matrix/client/v1/media/download/{media}");
        self.client(self.user(), Method::GET, &path, None).await.map(drop)
    }

    /// The first homeserver is the one under test.
    fn subject(self) -> Result<ServerName, Reason> {
        let first = self.context.stage.population.homeservers.first();
        first.map(|one| one.server_name().clone()).ok_or_else(|| "there is no homeserver".into())
    }

    async fn transaction(self) -> Result<(), Reason> {
        let to = self.subject()?;
        let (prepared, turn) = self.context.transactions.take(self.number).await.ok_or("it was not signed ahead")?;
        let population = &self.context.stage.population;
        let members = population.rooms[prepared.room].members.iter();
        let watching = members.filter(|member| **member < population.watchers && population.users[**member].home == 0);
        let entry = Entry {
            due: self.due,
            measured: self.measured,
            home: None,
            local: 0,
            remote: watching.count(),
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

    async fn remote_join(self) -> Result<(), Reason> {
        let to = self.subject()?;
        let rooms = &self.context.stage.population.real_rooms;
        let room = &self.context.stage.population.rooms[self.room(rooms)];
        let name = ServerName::new(format!("j{}.{}.example", self.number, self.context.label));
        let server = self.context.stage.world.server(name);
        self.asked_outside(server.join(&room.id, &server.user(VIRTUAL_USER), &to)).await.map(drop)
    }

    async fn ask_about_room(self, endpoint: &str, query: impl Fn(&str) -> String) -> Result<(), Reason> {
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

    async fn key_query(self) -> Result<(), Reason> {
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

/// Of a `/sync` answer, what has to be known.
#[derive(serde::Deserialize)]
struct Synced {
    next_batch: String,
}

/// The body of a success.
fn succeeded(answer: Result<Reply, VirtualError>) -> Result<Value, Reason> {
    match answer {
        Ok(reply) if reply.status == 200 => Ok(reply.body),
        Ok(reply) => Err(refusal(reply.status, reply.body.to_string().as_bytes())),
        Err(error) => Err(error.to_string().into()),
    }
}

pub(crate) fn lock<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
