//! Verbs of a front end, and what it sees of its clients.

use super::{
    condition::{WAIT_LIMIT, seen_after_all, unmet},
    virtual_server::answer,
};
use crate::{
    outcome::{Done, StepError},
    step::Scene,
};
use fedproof_core::{acl::glob_matches, transcript::Begun};
use fedproof_gateway::{Document, Front};
use fedproof_scenario::model::{Condition, Serve, Service, Verb};

/// Carries out a front end's verb.
pub(crate) async fn act(scene: &Scene<'_>, front: &Front, verb: Verb<'_>) -> Result<Done, StepError> {
    match verb {
        Verb::Serve(args) => {
            let Serve { at, like } = scene.resolve(args)?;
            let arrived = front.requests().len();
            front.serve(&at, document(like));
            Ok(Done { result: arrived.into(), ..Done::default() })
        }
        Verb::Request(args) => {
            let (args, path) = scene.resolve_request(args)?;
            Ok(Done::body(answer(front.ask(&args.method, &path, args.body.as_ref()).await?)))
        }
        _ => Err(StepError::broken("a front end has no such verb")),
    }
}

fn document(service: Service) -> Document {
    match service {
        Service::Answer { status, body } => Document::Answer { status, body },
        Service::Amended(patch) => Document::Amended(patch),
        Service::Unreachable => Document::Unreachable,
        Service::Homeserver => Document::Homeserver,
    }
}

/// Waits for a request. Result: how many had arrived by then.
pub(super) async fn eventually(front: &Front, condition: &Condition) -> Result<Done, StepError> {
    let wanted = Wanted::of(condition)?;
    let mut arrived = wanted.after;
    let is_it = |begun: &Begun| {
        arrived += 1;
        wanted.is(begun).then_some(arrived)
    };
    match tokio::time::timeout(WAIT_LIMIT, front.requests().wait_for(wanted.after, is_it)).await {
        Ok(arrived) => Ok(Done { result: arrived.into(), ..Done::default() }),
        Err(_) => Err(unmet(condition, format!("not within {} s; {}", WAIT_LIMIT.as_secs(), all(front, &wanted)))),
    }
}

/// Makes sure that no such request has come.
pub(super) fn never(front: &Front, condition: &Condition) -> Result<Done, StepError> {
    let wanted = Wanted::of(condition)?;
    match front.requests().since(wanted.after).iter().find(|begun| wanted.is(begun)) {
        Some(begun) => {
            let seen = format!("{} asked for {} {}", begun.caller, begun.method, begun.path);
            Err(seen_after_all(condition, seen, Vec::new()))
        }
        None => Ok(Done::default()),
    }
}

/// Which requests a condition means.
struct Wanted<'a> {
    method: &'a str,
    path: &'a str,
    except: &'a [String],
    after: u64,
}

impl<'a> Wanted<'a> {
    fn of(condition: &'a Condition) -> Result<Self, StepError> {
        let Condition::Request { method, path, except, after } = condition else {
            return Err(StepError::broken("a front end sees requests and nothing else"));
        };
        let number =
            |text: &String| text.parse().map_err(|_| StepError::broken(format!("`after`: {text:?} is no number")));
        Ok(Self { method, path, except, after: after.as_ref().map(number).transpose()?.unwrap_or_default() })
    }

    fn is(&self, begun: &Begun) -> bool {
        let bare = begun.path.split('?').next().unwrap_or_default();
        let is_at = |glob: &str| glob_matches(glob, &begun.path) || glob_matches(glob, bare);
        (self.method == "*" || begun.method.eq_ignore_ascii_case(self.method))
            && is_at(self.path)
            && !self.except.iter().any(|glob| is_at(glob))
    }
}

/// What has come instead.
fn all(front: &Front, wanted: &Wanted<'_>) -> String {
    let came = front.requests().since(wanted.after);
    let said: Vec<String> = came.iter().map(|begun| format!("{} {}", begun.method, begun.path)).collect();
    if said.is_empty() { "no request came".to_owned() } else { format!("there came {}", said.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(path: &str, except: &[&str], method: &str, asked: &str) -> bool {
        let except = except.iter().map(|glob| (*glob).to_owned()).collect();
        let condition = Condition::Request { method: method.into(), path: path.into(), except, after: None };
        let begun =
            Begun { caller: "front".into(), destination: "s.example".into(), method: "GET".into(), path: asked.into() };
        Wanted::of(&condition).expect("a request").is(&begun)
    }

    #[test]
    fn requests_are_told_apart_with_and_without_their_queries() {
        assert!(is("/doc", &[], "GET", "/doc?x=1") && is("/doc?x=*", &[], "get", "/doc?x=1"));
        assert!(is("*", &[], "*", "/doc") && !is("*", &["/doc"], "*", "/doc?x=1") && !is("*", &[], "PUT", "/doc"));
    }

    #[test]
    fn a_place_that_is_no_number_is_no_place() {
        let after = Some("here".to_owned());
        let condition = Condition::Request { method: "*".into(), path: "*".into(), except: Vec::new(), after };
        assert!(matches!(Wanted::of(&condition), Err(StepError::Broken { .. })));
    }
}
