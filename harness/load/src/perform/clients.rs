//! What clients do.

use super::{Job, lock};
use crate::{
    http::{Reason, ask},
    ledger::{Entry, MARK},
    population::Room,
    ready::Synced,
    stage::{Newest, Stage},
};
use bytes::Bytes;
use fedproof_core::path;
use reqwest::Method;
use serde_json::{Value, json};

/// Size of what is uploaded, in bytes.
pub(crate) const MEDIA_BYTES: usize = 16 * 1024;
const JSON: &str = "application/json";

impl Job<'_> {
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

    pub(super) async fn login(self) -> Result<(), Reason> {
        let user = &self.context.stage.population.users[self.user()];
        let localpart = user.client.user_id().trim_start_matches('@').split(':').next().unwrap_or_default();
        let body = json!({
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": localpart},
            "password": format!("pw-{localpart}"), "device_id": "LOAD",
        });
        let url = self.context.stage.population.homeservers[user.home].url("/_matrix/client/v3/login");
        self.ask(user.home, Method::POST, &url, None, Some((body.to_string().into(), JSON))).await.map(drop)
    }

    pub(super) async fn initial_sync(self) -> Result<(), Reason> {
        let user = self.user();
        let body = self.client(user, Method::GET, "/_matrix/client/v3/sync?timeout=0", None).await?;
        self.remember_since(user, &body)
    }

    pub(super) async fn incremental_sync(self) -> Result<(), Reason> {
        let user = self.user();
        let since = lock(&self.context.stage.since[user]).clone();
        // An initial sync in its place would be another operation under its name.
        let since = since.ok_or("no earlier sync to go on from")?;
        let path = format!("/_matrix/client/v3/sync?timeout=0&since={since}");
        let body = self.client(user, Method::GET, &path, None).await?;
        self.remember_since(user, &body)
    }

    fn remember_since(self, user: usize, body: &[u8]) -> Result<(), Reason> {
        let body: Synced = serde_json::from_slice(body).map_err(|_| "not a /sync answer")?;
        *lock(&self.context.stage.since[user]) = Some(body.next_batch);
        Ok(())
    }

    pub(super) async fn sliding_sync(self) -> Result<(), Reason> {
        let body = json!({"lists": {"all": {
            "ranges": [[0, 19]], "timeline_limit": 10,
            "required_state": [["m.room.name", ""], ["m.room.encryption", ""], ["m.room.member", "$LAZY"]],
        }}});
        let path = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync?timeout=0";
        self.client(self.user(), Method::POST, path, Some((body.to_string().into(), JSON))).await.map(drop)
    }

    pub(super) async fn send(self, place: usize) -> Result<(), Reason> {
        let population = &self.context.stage.population;
        let room = &population.rooms[place];
        let sender = self.member(room);
        let home = population.users[sender].home;
        // The sender's own client tells nothing of how long others wait.
        let watching = |at_home: bool| {
            let others = room.members.iter().filter(|one| **one != sender && population.watchers.contains(one));
            others.copied().filter(|one| (population.users[*one].home == home) == at_home).collect()
        };
        let entry = Entry {
            due: self.due,
            measured: self.measured,
            is_inbound: false,
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

    pub(super) async fn typing(self) -> Result<(), Reason> {
        let room = &self.context.stage.population.rooms[self.room(&self.context.stage.population.real_rooms)];
        let user = self.member(room);
        let user_id = path::encode(self.context.stage.population.users[user].client.user_id());
        let path = format!("/_matrix/client/v3/rooms/{}/typing/{user_id}", path::encode(&room.id));
        let body = json!({"typing": self.number.is_multiple_of(2), "timeout": 30_000});
        self.client(user, Method::PUT, &path, Some((body.to_string().into(), JSON))).await.map(drop)
    }

    /// Something about the newest message.
    pub(super) async fn receipt(self, what: &str, body: String, method: Method) -> Result<(), Reason> {
        let (room, event, reader) = self.newest_read()?;
        let path = format!("/_matrix/client/v3/rooms/{}/{what}/{}", path::encode(&room.id), path::encode(&event));
        self.client(reader, method, &path, Some((body.into(), JSON))).await.map(drop)
    }

    pub(super) async fn read_marker(self) -> Result<(), Reason> {
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

    pub(super) async fn upload(self) -> Result<(), Reason> {
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

    pub(super) async fn download(self) -> Result<(), Reason> {
        let media = {
            let all = lock(&self.context.stage.media);
            all.get(self.below("media", all.len())).cloned()
        };
        let media = media.ok_or("there is no media")?;
        let path = format!("/_matrix/client/v1/media/download/{media}");
        self.client(self.user(), Method::GET, &path, None).await.map(drop)
    }
}
