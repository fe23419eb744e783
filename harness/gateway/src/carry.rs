//! One request past the faults to its destination, whichever direction it came from.

use crate::{
    answer,
    ca::Authority,
    fault::{Effect, Faults, Matter},
    headers,
    record::Pending,
    route::{Place, Route, Routes},
    upstream::Upstream,
};
use bytes::Bytes;
use fedproof_core::{
    ServerName,
    transcript::{Outcome, Transcript},
};
use http::{Request, Response, StatusCode, header};
use serde_json::{Value, json};

/// What proxy connections and virtual servers share.
pub(crate) struct Fabric {
    pub(crate) transcript: Transcript,
    pub(crate) authority: Authority,
    pub(crate) routes: Routes,
    pub(crate) faults: Faults,
    pub(crate) upstream: Upstream,
}

/// How a request ended at its destination, or before it.
pub(crate) enum Carried {
    /// With an answer, to be passed on whole.
    Answered(Response<Bytes>),
    /// Its name is retired; this is the neutral answer.
    Retired(Response<Bytes>),
    /// A fault refused it; in words.
    Refused(String),
    /// A fault lets only part of the answer through; in words.
    Cut(String, Response<Bytes>),
    /// The destination gave no answer; in words.
    Failed(String),
}

impl Fabric {
    /// Carries a request. `pending` is told what to record in case the future is dropped meanwhile.
    pub(crate) async fn carry(
        &self,
        pending: &mut Pending,
        caller: &ServerName,
        route: &Route,
        mut request: Request<Bytes>,
        own_answer: Option<Response<Bytes>>,
    ) -> Carried {
        if let Place::Retired = route.place {
            return Carried::Retired(own_answer.unwrap_or_else(|| answer::json(200, &json!({}))));
        }
        let (method, path) = (request.method().clone(), path_of(&request));
        let matter = Matter { from: caller, to: &route.name, method: method.as_str(), path: &path };
        let mut cut = None;
        while let Some(fault) = self.faults.on_request(&matter) {
            match &fault.effect {
                Effect::Refuse => return Carried::Refused(fault.words.clone()),
                Effect::Answer { status, body } => return Carried::Answered(answer::json(*status, body)),
                Effect::Stall => {
                    pending.presume(Some(Outcome::Faulted { fault: fault.words.clone() }));
                    fault.healed().await;
                    pending.presume(None);
                    continue;
                }
                Effect::Delay(time) => {
                    pending.presume(Some(Outcome::Faulted { fault: fault.words.clone() }));
                    // A fault that is healed meanwhile delays no longer.
                    let _ = tokio::time::timeout(*time, fault.healed()).await;
                    pending.presume(None);
                }
                Effect::Cut => cut = Some(fault.words.clone()),
                Effect::Rewrite { .. } => {}
            }
            break;
        }
        let answered = match (own_answer, &route.place) {
            (Some(answer), _) => Ok(answer),
            (None, Place::Real(listener)) => self.upstream.ask(listener, &route.name, request).await,
            (None, Place::Virtual(host)) => {
                headers::strip(request.headers_mut());
                Ok(host.answer(caller, request).await)
            }
            (None, Place::Retired) => Ok(answer::json(200, &json!({}))),
        };
        match (answered, cut) {
            (Ok(response), None) => Carried::Answered(self.rewrite(&matter, response)),
            (Ok(response), Some(words)) => Carried::Cut(words, self.rewrite(&matter, response)),
            (Err(error), _) => Carried::Failed(error),
        }
    }

    fn rewrite(&self, matter: &Matter<'_>, mut response: Response<Bytes>) -> Response<Bytes> {
        let Some(fault) = self.faults.on_answer(matter, response.status().as_u16()) else { return response };
        let Effect::Rewrite { status, body, .. } = &fault.effect else { return response };
        if let Some(status) = status.and_then(|status| StatusCode::from_u16(status).ok()) {
            *response.status_mut() = status;
        }
        if let Some(body) = body {
            replace(&mut response, body);
        }
        response
    }
}

fn replace(response: &mut Response<Bytes>, body: &Value) {
    let new = answer::json(200, body);
    for name in [header::CONTENT_LENGTH, header::CONTENT_ENCODING] {
        response.headers_mut().remove(name);
    }
    response.headers_mut().extend(new.headers().clone());
    *response.body_mut() = new.into_body();
}

/// Path and query as sent.
pub(crate) fn path_of<T>(request: &Request<T>) -> String {
    request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned()
}
