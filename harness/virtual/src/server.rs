//! A virtual server: its name, its key, what it sends.

use crate::{Behaviour, Draft, Endpoint, World, behaviour::Behaviours, path, world::now_ms};
use bytes::Bytes;
use fedproof_core::{
    ServerName,
    event::{Built, EventError, sign},
    keys::{KeyError, SigningKey},
    room::{Basis, RoomError},
    xmatrix::Signed,
};
use fedproof_gateway::{PROCESS, Reply, SendError};
use http::HeaderValue;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Why a virtual server could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum VirtualError {
    /// No answer came.
    #[error(transparent)]
    Send(#[from] SendError),
    /// The request cannot be written as HTTP.
    #[error("write the request: {0}")]
    Request(#[from] http::Error),
    /// The room graph refused.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// Another server's keys cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The answer was a success, but is not what the specification says.
    #[error("read the answer of {endpoint}: {problem}")]
    Answer {
        /// The endpoint asked.
        endpoint: &'static str,
        /// What is wrong with it.
        problem: String,
        /// The answer.
        reply: Box<Reply>,
    },
}

impl From<EventError> for VirtualError {
    fn from(error: EventError) -> Self {
        Self::Room(error.into())
    }
}

/// The part of a policy server's key id after `ed25519:`, whichever server it is (MSC4284).
const POLICY_KEY_VERSION: &str = "policy_server";

/// What one virtual server is, apart from the world it lives in.
pub(crate) struct ServerState {
    name: ServerName,
    spelling: String,
    key: SigningKey,
    policy_key: SigningKey,
    behaviours: Behaviours,
    turns: Turns,
    /// When the newest event was made, in Unix milliseconds.
    clock: Mutex<u64>,
}

/// Whose turn it is to send a transaction, by destination.
#[derive(Default)]
struct Turns(Mutex<HashMap<ServerName, Arc<tokio::sync::Mutex<()>>>>);

impl Turns {
    fn of(&self, destination: &ServerName) -> Arc<tokio::sync::Mutex<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(destination.clone()).or_default().clone()
    }
}

impl ServerState {
    pub(crate) fn new(spelling: &str, seed: u64) -> Self {
        let (name, spelling) = (ServerName::new(spelling), spelling.to_owned());
        let key = SigningKey::derive(seed, &name, "virtual");
        let policy_key = SigningKey::derive(seed, &name, POLICY_KEY_VERSION);
        let (behaviours, turns, clock) = Default::default();
        Self { name, spelling, key, policy_key, behaviours, turns, clock }
    }

    /// When the next event is made, in Unix milliseconds: later than the one before. An event that differs from another in
    /// nothing has its id, so that two cases which said the same in one millisecond would have one event between them.
    fn event_time(&self) -> u64 {
        let mut clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        *clock = now_ms().max(*clock + 1);
        *clock
    }
}

/// A simulated homeserver. Cheap to clone; clones are the same server.
#[derive(Clone)]
pub struct VirtualServer {
    world: World,
    state: Arc<ServerState>,
}

impl VirtualServer {
    pub(crate) fn new(world: World, state: Arc<ServerState>) -> Self {
        Self { world, state }
    }

    /// The server's name.
    pub fn name(&self) -> &ServerName {
        &self.state.name
    }

    /// The name as the server itself writes it: in the requests it signs, in its key document, in its users' ids. Host
    /// names do not differ by case, but a server may spell its own in capitals. (Events it signs in small letters.)
    pub fn spelling(&self) -> &str {
        &self.state.spelling
    }

    /// The id of a user of this server.
    pub fn user(&self, localpart: &str) -> String {
        format!("@{localpart}:{}", self.spelling())
    }

    /// Changes how the server answers at an endpoint, from the next request on.
    pub fn behave(&self, endpoint: Endpoint, behaviour: Behaviour) {
        self.state.behaviours.set(endpoint, behaviour);
    }

    pub(crate) fn behaviours(&self) -> &Behaviours {
        &self.state.behaviours
    }

    /// The world that it lives in.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// The key it signs with.
    pub fn key(&self) -> &SigningKey {
        &self.state.key
    }

    /// The key it signs with as a policy server, which is not in its key document. MSC4284: its id is always
    /// `ed25519:policy_server`.
    pub fn policy_key(&self) -> &SigningKey {
        &self.state.policy_key
    }

    /// Sends a signed request. `path` is percent-encoded already and has its query.
    pub async fn request(
        &self,
        to: &ServerName,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Reply, VirtualError> {
        let request = self.signed(to, method, path, body)?;
        Ok(self.world.gateway().send(self.name(), to, request).await?)
    }

    /// The same, to be answered by one process of a homeserver that has several: its name is no part of what is signed.
    pub async fn request_of(
        &self,
        process: &str,
        to: &ServerName,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<Reply, VirtualError> {
        let mut request = self.signed(to, method, path, body)?;
        let process = HeaderValue::from_str(process).map_err(http::Error::from)?;
        request.headers_mut().insert(PROCESS, process);
        Ok(self.world.gateway().send(self.name(), to, request).await?)
    }

    /// A signed request, to be sent later.
    fn signed(
        &self,
        to: &ServerName,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Result<http::Request<Bytes>, http::Error> {
        let signed =
            Signed { method, uri: path, origin: self.spelling(), destination: to.as_str(), content: body.as_ref() };
        let mut request =
            http::Request::builder().method(method).uri(path).header("authorization", signed.header(self.key()));
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        request.body(body.map_or_else(Bytes::new, |body| body.to_string().into()))
    }

    /// Sends one transaction with a fresh transaction id, after those before it to the same server were answered:
    /// the specification allows one at a time. Specification: server-server API, "Transactions".
    pub async fn send(&self, to: &ServerName, pdus: Vec<Value>, edus: Vec<Value>) -> Result<Reply, VirtualError> {
        self.send_ahead(to, self.transaction(to, pdus, edus)?).await
    }

    /// A transaction with a fresh id, signed and ready to be sent: so that signing is in no latency.
    pub fn transaction(
        &self,
        to: &ServerName,
        pdus: Vec<Value>,
        edus: Vec<Value>,
    ) -> Result<http::Request<Bytes>, VirtualError> {
        let path = format!("/_matrix/federation/v1/send/{}", path::encode(&self.world.unique()));
        let body = json!({"origin": self.name(), "origin_server_ts": now_ms(), "pdus": pdus, "edus": edus});
        Ok(self.signed(to, "PUT", &path, Some(body))?)
    }

    /// Sends a [`transaction`](Self::transaction) when it is this server's turn, as [`send`](Self::send) does.
    pub async fn send_ahead(&self, to: &ServerName, transaction: http::Request<Bytes>) -> Result<Reply, VirtualError> {
        let turn = self.state.turns.of(to);
        let _turn = turn.lock().await;
        Ok(self.world.gateway().send(self.name(), to, transaction).await?)
    }

    /// Completes, hashes and signs an event as this server and puts it into the graph. An event that the
    /// authorization rules refuse is built as well, but has no effect in the graph.
    pub fn build(&self, draft: Draft) -> Result<Built, VirtualError> {
        // Under one lock, so that events built at the same time follow each other instead of forking the room.
        self.world.rooms().write(&draft.room, |room| {
            let event = room.complete(&draft, self.state.event_time())?;
            let (event_id, event) = sign(&event, room.rules(), self.name(), self.key())?;
            match room.add(event.clone(), Basis::CurrentIfMissing, draft.detached) {
                // A malformed event can be sent but not kept.
                Ok(_) | Err(RoomError::Event(_)) => {}
                Err(error) => return Err(error.into()),
            }
            let (room_id, room_version) = (room.id().to_owned(), room.version().to_owned());
            Ok(Built { event_id, event, room_id, room_version })
        })?
    }
}

impl fmt::Debug for VirtualServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VirtualServer({})", self.name())
    }
}
