//! What is set up once and played on as often as is wanted: the population, who watches it, and what it has spent.

use crate::{
    Home,
    answers::Answers,
    http::{self, Reason},
    perform::lock,
    population::Population,
    resources,
    run::{LoadError, Place},
    spent::{Heard, Spent, tap},
    workload::Workload,
};
use fedproof_gateway::Gateway;
use fedproof_results::load::InvariantResult;
use fedproof_virtual::World;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// Exchanges that are kept for the invariants, of all plays together.
const KEPT: u64 = 3_000;
/// How long watchers may take for their first sync.
pub(crate) const WATCHERS_LIMIT: Duration = Duration::from_secs(120);
/// Share of a core below which a homeserver counts as at rest.
const AT_REST: f64 = 0.2;

/// A message that receipts and markers may be about.
#[derive(Clone)]
pub(crate) struct Newest {
    /// Its room, by position.
    pub(crate) room: usize,
    /// Its id.
    pub(crate) event: String,
    /// Its sender's homeserver, whose users are the first to have it.
    pub(crate) home: usize,
}

/// A population on its homeservers.
pub(crate) struct Stage {
    pub(crate) population: Population,
    pub(crate) gateway: Gateway,
    pub(crate) world: World,
    pub(crate) http: reqwest::Client,
    /// All homeservers of the deployment, whether they have users or not.
    homeservers: Vec<Home>,
    /// By user: where its incremental syncs go on.
    pub(crate) since: Vec<Mutex<Option<String>>>,
    /// The newest message, for receipts.
    pub(crate) newest: Mutex<Option<Newest>>,
    /// Media that was uploaded, to be downloaded.
    pub(crate) media: Mutex<Vec<String>>,
    /// Watchers end when this becomes true.
    pub(crate) over: watch::Sender<bool>,
    /// How many watchers have begun.
    pub(crate) watching: watch::Sender<usize>,
    /// Polls that failed since the last play, by the homeserver's position and reason.
    pub(crate) watch_errors: Mutex<BTreeMap<(usize, Reason), u64>>,
    /// Whether the homeservers answer.
    pub(crate) answers: Answers,
    /// How long a request may take.
    pub(crate) give_up: Duration,
    /// Who is told of what others see.
    pub(crate) heard: Arc<Heard>,
    /// What the homeservers sent.
    pub(crate) spent: Arc<Spent>,
}

impl Stage {
    pub(crate) async fn set_up(
        workload: &Workload,
        place: Place,
        label: &str,
        progress: &(dyn Fn(&str, usize, usize) + Send + Sync),
    ) -> Result<Arc<Self>, LoadError> {
        let Place { homeservers, gateway, world } = place;
        let population = Population::set_up(workload, &homeservers, &world, label, progress).await?;
        // What setting up brought is kept whole, and so much of the load.
        let transcript = gateway.transcript();
        transcript.keep_at_most(transcript.len() + KEPT);
        let spent = Arc::new(Spent::new(&population.homeservers));
        let heard = Arc::new(Heard::default());
        if let Some((postgresql, _)) = homeservers.iter().find_map(Home::postgresql) {
            // That they are counted from an earlier moment on is no reason not to measure.
            let _ = postgresql.forget_statements().await;
        }
        tap(&gateway, &heard, &spent, &population.virtual_servers);
        Ok(Arc::new(Self {
            http: http::client()?,
            since: population.users.iter().map(|_| Mutex::default()).collect(),
            answers: Answers::new(population.homeservers.iter().map(|one| one.name().to_owned())),
            give_up: workload.give_up(),
            population,
            gateway,
            world,
            homeservers,
            newest: Mutex::default(),
            media: Mutex::default(),
            over: watch::Sender::new(false),
            watching: watch::Sender::new(0),
            watch_errors: Mutex::default(),
            heard,
            spent,
        }))
    }

    /// Whether traffic between homeservers passes through a gateway of ours.
    pub(crate) fn sees_federation(&self) -> bool {
        self.homeservers.iter().all(|one| matches!(one, Home::Booted(_)))
    }

    /// Waits until every watcher had its first `/sync`.
    pub(crate) async fn all_watch(&self) -> Result<(), LoadError> {
        let of = self.population.watchers.len();
        let mut begun = self.watching.subscribe();
        let all_begun = begun.wait_for(|begun| *begun >= of);
        match tokio::time::timeout(WATCHERS_LIMIT, all_begun).await {
            Ok(_) => Ok(()),
            Err(_) => Err(LoadError::Watchers { begun: *self.watching.borrow(), of }),
        }
    }

    /// Waits until the homeservers have nothing left to do, as their processors tell, or until `limit` has passed: what
    /// one play left must not be done in the next.
    pub(crate) async fn rest(&self, limit: Duration) {
        const STEP: Duration = Duration::from_millis(500);
        let used = || {
            self.population
                .homeservers
                .iter()
                .map(|one| resources::of(one).map_or(0, |reading| reading.cpu_ms))
                .collect::<Vec<_>>()
        };
        let (began, mut before) = (Instant::now(), used());
        while began.elapsed() < limit {
            tokio::time::sleep(STEP).await;
            let after = used();
            let busiest = before.iter().zip(&after).map(|(one, other)| other.saturating_sub(*one)).max();
            if busiest.unwrap_or_default() as f64 <= AT_REST * STEP.as_millis() as f64 {
                return;
            }
            before = after;
        }
    }

    /// Polls that failed since this was asked last: by the position of the homeserver, the reason, and how many.
    pub(crate) fn failed_polls(&self) -> Vec<(usize, Reason, u64)> {
        let failed = std::mem::take(&mut *lock(&self.watch_errors));
        failed.into_iter().map(|((home, reason), count)| (home, reason, count)).collect()
    }

    /// The always-on invariants over the traffic that was kept; none where it passes through somebody else's gateway.
    pub(crate) async fn invariants(&self) -> Vec<InvariantResult> {
        if !self.sees_federation() {
            return Vec::new();
        }
        crate::invariants::judge(&self.gateway, &self.homeservers).await
    }
}
