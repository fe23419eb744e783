//! The way of virtual servers' requests: straight to the destination, on the same record.

use crate::{
    Gateway,
    carry::{Carried, path_of},
    headers,
    record::{Pending, json},
    route::Route,
};
use bytes::Bytes;
use fedproof_core::{
    ServerName,
    transcript::{Exchange, Outcome},
};
use http::Request;
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// How long [`Gateway::send`] waits for an answer.
pub const SEND_LIMIT: Duration = Duration::from_secs(60);

/// An answer to a virtual server's request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// HTTP status code.
    pub status: u16,
    /// The JSON body, whole and with its secrets (`Null` if none; a string if it was no JSON).
    pub body: Value,
    /// The exchange as the transcript has it.
    pub exchange: Arc<Exchange>,
}

/// Why there is no answer to a virtual server's request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The destination is no part of the deployment.
    #[error("send to {0}: no such server in this deployment")]
    UnknownName(ServerName),
    /// A fault of the scenario refused or cut it.
    #[error("send to {to}: {fault}")]
    Faulted {
        /// The destination.
        to: ServerName,
        /// Which fault, in words.
        fault: String,
    },
    /// The destination gave no answer.
    #[error("send to {to}: {error}")]
    Failed {
        /// The destination.
        to: ServerName,
        /// What went wrong, in words.
        error: String,
    },
    /// No answer within [`SEND_LIMIT`].
    #[error("send {method} {path} to {to}: no answer within {} s", SEND_LIMIT.as_secs())]
    TimeLimit {
        /// The destination.
        to: ServerName,
        /// HTTP method.
        method: String,
        /// Path and query.
        path: String,
    },
    /// The gateway was closed.
    #[error("send to {0}: the gateway is closed")]
    Closed(ServerName),
}

impl Gateway {
    /// Sends a virtual server's request, signed or not as the scenario wants it, and waits for the answer.
    ///
    /// `from` is who really sends, whatever the request claims; the URI has path and query only.
    pub async fn send(&self, from: &ServerName, to: &ServerName, request: Request<Bytes>) -> Result<Reply, SendError> {
        let fabric = self.fabric();
        let route = fabric.routes.of_name(to);
        let name = route.as_ref().map_or(to, |route| &route.name);
        let (method, path) = (request.method().to_string(), path_of(&request));
        let origin = headers::origin(request.headers());
        let mut pending = Pending::begin(&fabric.transcript, from, name, &method, &path, origin);
        pending.signed(headers::authorization(request.headers()));
        pending.request(request.body().clone());
        if self.is_closed() {
            pending.finish(Outcome::Failed { error: "the gateway is closed".into() }, Value::Null);
            return Err(SendError::Closed(to.clone()));
        }
        let Some(route) = route else {
            pending.finish(Outcome::UnknownName, Value::Null);
            return Err(SendError::UnknownName(to.clone()));
        };
        let carried = tokio::select! {
            () = self.closed().wait() => {
                pending.finish(Outcome::Failed { error: "the gateway was closed".into() }, Value::Null);
                return Err(SendError::Closed(to.clone()));
            }
            carried = timeout(SEND_LIMIT, fabric.carry(&mut pending, from, &route, request, None)) => carried,
        };
        match carried {
            Ok(carried) => conclude(pending, &route, carried),
            Err(_) => {
                pending.finish_late(format!("no answer within {} s", SEND_LIMIT.as_secs()));
                Err(SendError::TimeLimit { to: route.name, method, path })
            }
        }
    }
}

fn conclude(pending: Pending, route: &Route, carried: Carried) -> Result<Reply, SendError> {
    let to = route.name.clone();
    let (outcome, response) = match carried {
        Carried::Answered(response) => (Outcome::Answered { status: response.status().as_u16() }, response),
        Carried::Retired(response) => (Outcome::Retired, response),
        Carried::Refused(fault) => {
            pending.finish(Outcome::Faulted { fault: fault.clone() }, Value::Null);
            return Err(SendError::Faulted { to, fault });
        }
        Carried::Cut(fault, response) => {
            pending.finish(Outcome::Faulted { fault: fault.clone() }, json(response.body()));
            return Err(SendError::Faulted { to, fault });
        }
        Carried::Failed(error) => {
            pending.finish(Outcome::Failed { error: error.clone() }, Value::Null);
            return Err(SendError::Failed { to, error });
        }
    };
    let body = json(response.body());
    let exchange = pending.finish(outcome, body.clone());
    Ok(Reply { status: response.status().as_u16(), body, exchange })
}
