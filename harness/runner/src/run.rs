//! Playing a plan.

use crate::{
    instance,
    plan::{Instance, Plan},
    standing::{self, Diary},
};
use fedproof_agent::Program;
use fedproof_agent_protocol::Hello;
use fedproof_deployment::{Description, Home, Recorded};
use fedproof_gateway::Gateway;
use fedproof_results::{Event, SubjectResult, Verdict, bounded};
use fedproof_virtual::World;
use futures::{StreamExt, stream};
use serde_json::Value;
use std::{collections::HashSet, path::PathBuf, sync::Arc};
use tokio::sync::watch;

/// Where events go.
pub type Sink = Arc<dyn Fn(Event) + Send + Sync>;

/// What instances are played on.
#[derive(Clone)]
pub struct Field {
    /// All traffic between servers passes it.
    pub gateway: Gateway,
    /// The virtual servers.
    pub world: World,
    /// The real ones.
    pub homeservers: Vec<Home>,
    /// Which instances were played on it.
    pub diary: Diary,
    /// The deployment as it is described.
    pub description: Description,
    /// The client under test, if the plan needs one.
    pub client: Option<ClientUnderTest>,
}

/// A client under test.
#[derive(Clone)]
pub struct ClientUnderTest {
    /// It, built.
    pub program: Program,
    /// Who it says it is.
    pub hello: Hello,
    /// Where each of its agents gets a folder.
    pub work: Arc<Recorded>,
    /// Where what is said to each and by each is recorded.
    pub records: PathBuf,
}

/// How a plan is played.
#[derive(Clone)]
pub struct Options {
    /// Instances at once; at least 1.
    pub jobs: usize,
    /// Stop at the first gating failure.
    pub fail_fast: bool,
    /// Whether SHOULD gates.
    pub strict: bool,
    /// Seed of everything random.
    pub seed: u64,
    /// How many pairs the property check draws; what its scenario says if not given.
    pub pairs: Option<u64>,
    /// Settings of the profile, by name.
    pub settings: Value,
    /// What the deployment lacks: cases that use it are skipped.
    pub lacks: Vec<String>,
    /// Becomes true when the run is to stop.
    pub interrupted: watch::Receiver<bool>,
}

/// What was decided of an instance's cases, by case id.
pub type Decided = Vec<(String, SubjectResult)>;

/// Plays a plan; every decided case is emitted. Gives the reason if the run stopped before its end.
pub async fn run(plan: Plan, field: &Field, options: &Options, sink: &Sink) -> Option<String> {
    let mut teller = Teller { sink: sink.clone(), told: HashSet::new(), gateway: field.gateway.clone() };
    play(&plan, field, options, |_, decided| decided.into_iter().for_each(|(case, result)| teller.tell(case, result)))
        .await
}

/// Plays a plan and hands over what was decided of each instance. Gives the reason if it stopped before its end.
pub(crate) async fn play(
    plan: &Plan,
    field: &Field,
    options: &Options,
    mut take: impl FnMut(&Instance, Decided),
) -> Option<String> {
    let mut interrupted = options.interrupted.clone();
    let play = async {
        standing::learn_keys(&field.homeservers).await;
        let results = stream::iter(plan.shared.iter().map(|instance| play_one(instance, field, options)))
            .buffer_unordered(options.jobs.max(1));
        let exclusive = stream::iter(plan.exclusive.iter()).then(|instance| play_one(instance, field, options));
        let standing = stream::iter(plan.standing.iter()).then(|instance| play_one(instance, field, options));
        let mut results = std::pin::pin!(results.chain(exclusive).chain(standing));
        while let Some((instance, decided)) = results.next().await {
            let stop = stop_reason(instance, &decided, field, options);
            take(instance, decided);
            if stop.is_some() {
                return stop;
            }
        }
        None
    };
    tokio::select! {
        stopped = play => stopped,
        _ = interrupted.wait_for(|interrupted| *interrupted) => Some("interrupted".to_owned()),
    }
}

async fn play_one<'a>(instance: &'a Instance, field: &Field, options: &Options) -> (&'a Instance, Decided) {
    let transcript = field.gateway.transcript();
    let cases = instance.cases.iter().map(|case| case.id.clone()).collect();
    field.diary.begin(&instance.id, cases, transcript.now_us());
    let decided = instance::play(instance, field, options).await;
    field.diary.end(&instance.id, transcript.now_us());
    (instance, decided)
}

fn stop_reason(instance: &Instance, decided: &Decided, field: &Field, options: &Options) -> Option<String> {
    if let Some((name, last)) = field.homeservers.iter().find_map(|server| Some((server.name(), server.died()?))) {
        return Some(format!(
            "homeserver {name} ended unexpectedly during {}; its last log lines:\n{last}",
            instance.scenario.file
        ));
    }
    let gates = |id: &str| instance.cases.iter().any(|case| case.id == id && case.level.gates(options.strict));
    let failed = decided.iter().find(|(id, result)| result.verdict == Verdict::Fail && gates(id));
    match failed {
        Some((id, _)) if options.fail_fast => Some(format!("--fail-fast: {id} failed")),
        _ => None,
    }
}

/// Emits verdicts, each after the exchanges it refers to.
struct Teller {
    sink: Sink,
    told: HashSet<u64>,
    gateway: Gateway,
}

impl Teller {
    fn tell(&mut self, id: String, result: SubjectResult) {
        let of_phases = result.phases.iter().filter_map(|phase| phase.exchange);
        let of_failure = result.failure.iter().flat_map(|failure| failure.exchanges.iter().copied());
        for exchange in of_phases.chain(of_failure) {
            if self.told.insert(exchange)
                && let Some(found) = self.gateway.transcript().since(exchange).first()
            {
                (self.sink)(Event::Evidence { exchange: Box::new(bounded(found)) });
            }
        }
        (self.sink)(Event::CaseDecided { id, result });
    }
}
