//! Carrying out one step: resolve its arguments, act, bind, compare.

use crate::{
    actor::{Cast, Player},
    expect,
    outcome::{Done, StepError},
    scope::Scope,
    standing::{Court, Diary},
    verb::{agent, barrier, client, condition, fault, front, homeserver, virtual_server},
};
use fedproof_agent_protocol::Hello;
use fedproof_core::{path::encode, transcript::Transcript};
use fedproof_gateway::{Fault, FaultId, Gateway};
use fedproof_scenario::{
    At,
    model::{Expect, Request, Save, Step, Verb},
    template,
};
use fedproof_virtual::World;
use futures::future::{BoxFuture, try_join_all};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Status of an answer by which a homeserver limits the rate.
const LIMITED: u16 = 429;
/// How often a step is tried that is told to come later, and how long it waits for that at most.
const TRIES: usize = 10;
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What the steps of an instance act on.
pub(crate) struct Stage {
    pub(crate) id: String,
    pub(crate) cast: Cast,
    pub(crate) world: World,
    pub(crate) gateway: Gateway,
    /// Judges what real homeservers did.
    pub(crate) court: Court,
    /// Which instances were played so far.
    pub(crate) diary: Diary,
    pub(crate) seed: u64,
    /// The client under test, if the run has one.
    pub(crate) client: Option<Hello>,
    /// Settings of the profile, by name.
    pub(crate) settings: Value,
    /// How many pairs the property check draws, if the command line says.
    pub(crate) pairs: Option<u64>,
    /// Length of the transcript when the instance began.
    pub(crate) mark: u64,
    /// How many requests had arrived when the instance began.
    pub(crate) mark_begun: u64,
    pub(crate) counter: AtomicU64,
    /// Faults in force, by the handle that scenarios know.
    pub(crate) faults: Mutex<HashMap<String, FaultId>>,
}

impl Stage {
    /// A text that no other call in this run gives; good as a transaction id and as a localpart.
    pub(crate) fn unique(&self) -> String {
        format!("{}-{}", self.id, self.counter.fetch_add(1, Ordering::Relaxed))
    }

    /// Puts a fault in force until it is healed or the instance ends. Gives the handle that scenarios know it by.
    pub(crate) fn hold(&self, fault: Fault) -> String {
        let handle = self.unique();
        let id = self.gateway.inject(fault);
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).insert(handle.clone(), id);
        handle
    }

    pub(crate) fn transcript(&self) -> &Transcript {
        self.gateway.transcript()
    }
}

/// A step's surroundings.
#[derive(Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) stage: &'a Stage,
    pub(crate) scope: Scope<'a>,
    pub(crate) case_id: &'a str,
}

impl Scene<'_> {
    /// Arguments with every `${…}` replaced.
    pub(crate) fn resolve<T: Serialize + DeserializeOwned>(&self, args: &T) -> Result<T, StepError> {
        Ok(template::substitute(args, &|reference| self.scope.lookup(reference))?)
    }

    /// A request with its path and query percent-encoded.
    pub(crate) fn resolve_request(&self, args: &Request) -> Result<(Request, String), StepError> {
        let args = args.completed(&|reference| self.scope.lookup(reference))?;
        let mut path = args.path.clone();
        let mut separator = if path.contains('?') { '&' } else { '?' };
        for (key, value) in &args.query {
            for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                path = format!("{path}{separator}{}={}", encode(key), encode(&text));
                separator = '&';
            }
        }
        Ok((args, path))
    }

    /// Content of a message that says which case it belongs to.
    pub(crate) fn message(&self) -> Value {
        json!({"msgtype": "m.text", "body": format!("{} ({})", self.case_id, self.scope.phase)})
    }

    /// The actor of that name.
    pub(crate) fn player(&self, name: &str) -> Result<&Player, StepError> {
        self.scope.player(name).ok_or_else(|| StepError::broken(format!("there is no actor {name:?}")))
    }
}

/// Carries out a step and holds its answer against what it expects, or against `usual` where it says nothing.
pub(crate) fn perform<'a>(
    scene: Scene<'a>,
    step: &'a Step,
    usual: Option<&'a Expect>,
) -> BoxFuture<'a, Result<Done, (StepError, Option<Done>)>> {
    Box::pin(async move {
        let expected = step.expect.as_ref().or(usual);
        let (done, took) = act_in_time(scene, step, expected).await.map_err(|error| (error, None))?;
        if let Some(save) = &step.save {
            save_result(scene, save, &done);
        }
        if let (Some(expected), Some(answer)) = (expected, &done.answer) {
            let completed = expected.completed(&|reference| scene.scope.lookup(reference));
            let held = completed.map_err(StepError::from).and_then(|expected| expect::check(&expected, answer));
            if let Err(error) = held {
                return Err((error, Some(done)));
            }
        }
        if let Some(flaw) = &done.flaw {
            let exchanges = done.answer.iter().map(|answer| answer.exchange.id).collect();
            return Err((StepError::Broken { reason: flaw.clone(), exchanges }, Some(done)));
        }
        if let Some(name) = &step.measure {
            scene.scope.measured(name, took);
        }
        Ok(done)
    })
}

/// Acts, and again as long as the homeserver limits the rate and says when to come again: that is a matter of whose
/// homeserver it is, and says nothing of what was asked. Gives also how long the last try took.
async fn act_in_time(scene: Scene<'_>, step: &Step, expected: Option<&Expect>) -> Result<(Done, Duration), StepError> {
    let is_meant = expected.is_some_and(|expected| expected.status == Some(LIMITED));
    let mut tries = 1;
    loop {
        let began = Instant::now();
        let done = act(scene, step).await?;
        let took = began.elapsed();
        let limited = done.answer.as_ref().filter(|answer| answer.status == LIMITED && !is_meant && tries < TRIES);
        match limited.and_then(|answer| answer.body["retry_after_ms"].as_u64()) {
            Some(pause) => tokio::time::sleep(Duration::from_millis(pause).min(LONGEST_PAUSE)).await,
            None => return Ok((done, took)),
        }
        tries += 1;
    }
}

async fn act(scene: Scene<'_>, step: &Step) -> Result<Done, StepError> {
    let Some((_, verb)) = step.verbs().into_iter().next() else {
        return Err(StepError::broken("the step has no verb"));
    };
    match verb {
        Verb::Fault(args) => return fault::inject(&scene, &scene.resolve(args)?),
        Verb::Heal(handle) => return fault::heal(&scene, &scene.resolve(handle)?),
        Verb::Barrier(args) => return barrier::pass(&scene, &scene.resolve(args)?).await,
        Verb::Parallel(branches) => return parallel(scene, branches).await,
        Verb::Native(args) => return crate::native::call(&scene, &scene.resolve(args)?).await,
        _ => {}
    }
    let actor = step.actor.as_deref().ok_or_else(|| StepError::broken("the step names no actor (`as`)"))?;
    let player = scene.player(&scene.resolve(&actor.to_owned())?)?;
    match (verb, player) {
        (Verb::Eventually(args), player) => condition::eventually(&scene, player, &scene.resolve(args)?).await,
        (Verb::Never(args), player) => condition::never(&scene, player, &scene.resolve(args)?).await,
        (Verb::Agent(command), Player::Agent(actor)) => agent::act(&scene, actor, scene.resolve(command)?).await,
        (_, Player::Agent(_)) => Err(StepError::broken("a client under test has no such verb")),
        (verb, Player::Client(actor)) => client::act(&scene, actor, verb).await,
        (verb, Player::Virtual(actor)) => virtual_server::act(&scene, actor, verb).await,
        (verb, Player::Homeserver(actor)) => homeserver::act(&scene, actor, verb).await,
        (verb, Player::Front(actor)) => front::act(&scene, actor, verb).await,
    }
}

/// Step lists side by side. Each step expects success unless it says otherwise.
async fn parallel(scene: Scene<'_>, branches: &[Vec<At<Step>>]) -> Result<Done, StepError> {
    let success = success();
    let branches = branches.iter().map(|steps| {
        let success = &success;
        async move {
            for step in steps {
                perform(scene, step, Some(success)).await.map_err(|(error, _)| error)?;
            }
            Ok::<_, StepError>(())
        }
    });
    try_join_all(branches).await?;
    Ok(Done::default())
}

/// What a step expects that says nothing: it went well.
pub(crate) fn success() -> Expect {
    Expect { status: Some(200), ..Expect::default() }
}

fn save_result(scene: Scene<'_>, save: &Save, done: &Done) {
    match save {
        Save::Result(name) => scene.scope.bind(name, done.result.clone()),
        Save::Pieces(pieces) => {
            let body = done.answer.as_ref().map_or(&done.result, |answer| &answer.body);
            for (name, pointer) in pieces {
                scene.scope.bind(name, body.pointer(pointer).cloned().unwrap_or(Value::Null));
            }
        }
    }
}
