//! `each_process`: the same request to every process of a homeserver with workers. What each of them keeps in memory shows
//! only if each is asked.

use super::{With, text};
use crate::{
    actor::Player,
    outcome::{Answer, Done, StepError},
    step::Scene,
    verb::virtual_server::answer,
};
use fedproof_core::ServerName;
use fedproof_scenario::model::Request;
use serde_json::Value;

/// Stands in a path for the process's name: what may be sent once only, such as a transaction's id, is made of it.
const NAME: &str = "{process}";

/// `by` (a virtual server) sends `request` to each process of `of` (a homeserver) that can answer such a one: the workers
/// that the front would ask, and the main process. They must answer alike: the same status and error code and, if it says
/// `same` (a pointer), the same there. Result, and answer: the last one's, which is the main process's.
pub(super) async fn ask(scene: &Scene<'_>, with: &With) -> Result<Done, StepError> {
    let Player::Virtual(by) = scene.player(text(with, "by")?)? else {
        return Err(StepError::broken("`by` must name a virtual server"));
    };
    let Player::Homeserver(of) = scene.player(text(with, "of")?)? else {
        return Err(StepError::broken("`of` must name a homeserver"));
    };
    let request: Request = serde_json::from_value(with.get("request").cloned().unwrap_or_default())?;
    let (request, path) = scene.resolve_request(&request)?;
    let same = with.get("same").and_then(Value::as_str).unwrap_or("/errcode");
    let asked = path.split('?').next().unwrap_or_default();
    let processes = of.booted().map_or_else(Vec::new, |of| of.processes_that_answer(&request.method, asked));
    let to = ServerName::new(of.server_name().as_str());
    let mut answers: Vec<(String, Answer)> = Vec::new();
    for process in processes {
        let path = path.replace(NAME, &process);
        let reply = by.request_of(&process, &to, &request.method, &path, request.body.clone()).await?;
        answers.push((process, answer(reply)));
    }
    let Some((_, last)) = answers.last() else {
        return Err(StepError::broken(format!("{} is not known to be several processes", of.name())));
    };
    let alike = |one: &Answer| {
        one.status == last.status
            && one.errcode() == last.errcode()
            && one.body.pointer(same) == last.body.pointer(same)
    };
    if answers.iter().all(|(_, one)| alike(one)) {
        return Ok(Done::body(last.clone()));
    }
    let seen = answers.iter().map(|(process, one)| {
        let said = one.body.pointer(same).map_or(String::new(), |value| format!(" {value}"));
        format!("{process}: {}{said}", one.status)
    });
    Err(StepError::Unmet {
        expected: format!("all {} processes answer alike", answers.len()),
        seen: seen.collect::<Vec<_>>().join(", "),
        exchanges: answers.iter().map(|(_, one)| one.exchange.id).collect(),
    })
}
