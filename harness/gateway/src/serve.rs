//! Requests inside the TLS of a proxy connection.

use crate::{
    answer::{self, AnswerBody},
    carry::{Carried, Fabric, path_of},
    connect::Target,
    headers,
    record::{Pending, json},
    route::Route,
    upstream::BODY_LIMIT,
};
use bytes::Bytes;
use fedproof_core::{ServerName, transcript::Outcome};
use http::{Method, Request, Response, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde_json::{Value, json};

/// Where a server says which host and port serve its name.
pub(crate) const WELL_KNOWN: &str = "/.well-known/matrix/server";

/// The connection is to end without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection ends here")]
pub(crate) struct Broken;

/// Answers one request that `caller` sent over its connection to `target`.
pub(crate) async fn serve(
    fabric: &Fabric,
    caller: &ServerName,
    target: &Target,
    request: Request<Incoming>,
) -> Result<Response<AnswerBody>, Broken> {
    // Looked up per request: a name may be retired, or a server move, while the connection stays.
    let route = fabric.routes.of_target(target);
    let name = route.as_ref().map_or_else(|| target.server_name(), |route| route.name.clone());
    let path = path_of(&request);
    let origin = headers::origin(request.headers());
    let mut pending = Pending::begin(&fabric.transcript, caller, &name, request.method().as_str(), &path, origin);
    pending.signed(headers::authorization(request.headers()));
    let Some(route) = route else {
        pending.finish(Outcome::UnknownName, Value::Null);
        return Err(Broken);
    };

    let (head, body) = request.into_parts();
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            let too_large = error.is::<LengthLimitError>();
            pending.finish(Outcome::Failed { error: format!("read the request's body: {error}") }, Value::Null);
            return if too_large { Ok(whole(refusal(413, "M_TOO_LARGE", "too large"))) } else { Err(Broken) };
        }
    };
    pending.request(body.clone());
    let own = own_answer(target, &route, &head.method, &path);
    let is_head = head.method == Method::HEAD;
    let carried = fabric.carry(&mut pending, caller, &route, Request::from_parts(head, body), own).await;
    match carried {
        Carried::Answered(mut response) => {
            pending.finish(Outcome::Answered { status: response.status().as_u16() }, json(response.body()));
            // hyper counts better than a host in process may; of a HEAD there is nothing to count.
            if !is_head {
                response.headers_mut().remove(header::CONTENT_LENGTH);
            }
            Ok(whole(response))
        }
        Carried::Retired(response) => {
            pending.finish(Outcome::Retired, json(response.body()));
            Ok(whole(response))
        }
        Carried::Refused(fault) => {
            pending.finish(Outcome::Faulted { fault }, Value::Null);
            Err(Broken)
        }
        Carried::Cut(fault, mut response) => {
            response.headers_mut().remove(header::CONTENT_LENGTH);
            pending.finish(Outcome::Faulted { fault }, json(response.body()));
            // There is no middle in an empty body.
            if response.body().is_empty() { Err(Broken) } else { Ok(response.map(AnswerBody::cut)) }
        }
        Carried::Failed(error) => {
            // What a front end says of a homeserver that does not answer.
            let response = refusal(502, "M_UNKNOWN", &error);
            pending.finish(Outcome::Failed { error }, Value::Null);
            Ok(whole(response))
        }
    }
}

/// What the gateway serves in the name of the destination: its well-known document. For a retired name, too, lest
/// the caller turn to DNS.
fn own_answer(target: &Target, route: &Route, method: &Method, path: &str) -> Option<Response<Bytes>> {
    let has_port = route.name.as_str() != route.name.host();
    let asked = target.port == 443 && method == Method::GET && path == WELL_KNOWN && !has_port;
    asked.then(|| answer::json(200, &json!({"m.server": format!("{}:8448", target.host)})))
}

fn whole(response: Response<Bytes>) -> Response<AnswerBody> {
    response.map(AnswerBody::whole)
}

fn refusal(status: u16, errcode: &str, error: &str) -> Response<Bytes> {
    answer::json(status, &json!({"errcode": errcode, "error": format!("fedproof gateway: {error}")}))
}
