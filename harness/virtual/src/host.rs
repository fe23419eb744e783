//! The way of a request into a virtual server: endpoint, behaviour, authentication, server ACL, answer.

use crate::{
    Behaviour, VirtualServer,
    answer::{self, Call, Refusal},
    endpoint::route,
    path,
};
use bytes::Bytes;
use fedproof_core::ServerName;
use fedproof_gateway::Host;
use futures::future::BoxFuture;
use serde_json::Value;

impl Host for VirtualServer {
    fn answer(&self, _caller: &ServerName, request: http::Request<Bytes>) -> BoxFuture<'_, http::Response<Bytes>> {
        Box::pin(async move {
            let (status, body) =
                self.respond(request).await.unwrap_or_else(|refusal| (refusal.status(), refusal.body()));
            let mut response = http::Response::new(body.to_string().into());
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::IM_A_TEAPOT);
            let json = http::HeaderValue::from_static("application/json");
            response.headers_mut().insert(http::header::CONTENT_TYPE, json);
            response
        })
    }
}

impl VirtualServer {
    async fn respond(&self, request: http::Request<Bytes>) -> Result<(u16, Value), Refusal> {
        let route = route(request.method().as_str(), request.uri().path())
            .ok_or_else(|| Refusal::new(404, "M_UNRECOGNIZED", "unrecognized request"))?;
        let behaviour = self.behaviours().settled(route.endpoint).await;
        if let Behaviour::Answer { status, body } = behaviour {
            return Ok((status, body));
        }
        let body = match request.body().as_ref() {
            b"" => None,
            bytes => Some(
                serde_json::from_slice(bytes).map_err(|error| Refusal::new(400, "M_NOT_JSON", error.to_string()))?,
            ),
        };
        let origin = match route.endpoint.is_authenticated() {
            true => self.authenticate(&request, body.as_ref()).await?,
            // Nobody in particular; these endpoints do not ask.
            false => self.name().clone(),
        };
        let enforces_acl = behaviour != Behaviour::IgnoreAcl;
        if enforces_acl && route.endpoint.is_guarded() {
            let room = route.parts.first().map_or("", String::as_str);
            if self.world().rooms().read(room, |room| room.denies(&origin)).unwrap_or(false) {
                return Err(Refusal::forbidden("the room's server ACL denies your server"));
            }
        }
        let refuses = match behaviour {
            Behaviour::Refuse { ref mentions } => Some(mentions.clone()),
            _ => None,
        };
        let query = path::query(request.uri().query());
        let may_omit_members = behaviour == Behaviour::OmitMembers;
        let body = body.unwrap_or(Value::Null);
        let call = Call { server: self, origin, route, query, body, enforces_acl, may_omit_members, refuses };
        Ok((200, answer::answer(call).await?))
    }
}
