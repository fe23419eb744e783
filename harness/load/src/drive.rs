//! Goose drives: workers that take what is due, and watchers that poll.
//!
//! One attack lasts a whole session, since a process can have only one at a time and its users take time to begin: plays
//! follow each other on the [`Desk`] of their stage.
//!
//! Each operation is one goose transaction and each poll another. Goose's own clock is not used: it stops at the first
//! byte, begins when the request does, and so hides what waits. Latencies count from when an operation was due to the
//! last byte of its answer, and are recorded beside goose.

use crate::{
    agenda::{self, Agenda, Task, Turn},
    context::{Context, Waiting},
    desk::Desk,
    http::Reason,
    perform::{Job, lock},
    recorder::Recorder,
    schedule,
    series::Series,
    stage::Stage,
    watch,
};
use futures::future::BoxFuture;
use goose::{
    GooseAttack,
    config::GooseConfiguration,
    goose::{GooseUser, Scenario, Transaction},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// One poll of the watcher of that number; where the next goes on, or nothing when it is to leave.
type Poll = dyn Fn(usize, Option<String>) -> BoxFuture<'static, Option<String>> + Send + Sync;

/// One operation of the worker of that number; whether there may be more.
type Work = dyn Fn(usize) -> BoxFuture<'static, bool> + Send + Sync;

/// Who works: what a worker does when it is free, and a watcher with a poll.
pub(crate) struct Crew {
    workers: usize,
    /// The worker of that number waits for what is due and does it; false when there will be nothing more.
    work: Arc<Work>,
    watchers: usize,
    poll: Arc<Poll>,
}

impl Crew {
    /// Workers only, with one agenda.
    pub(crate) fn workers<F>(
        agenda: &Arc<Agenda>,
        workers: usize,
        carry_out: impl Fn(Task) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (agenda, carry_out) = (agenda.clone(), Arc::new(carry_out));
        let work = move |_| -> BoxFuture<'static, bool> {
            let (agenda, carry_out) = (agenda.clone(), carry_out.clone());
            Box::pin(async move {
                let task = agenda.next().await;
                let is_there = task.is_some();
                if let Some(task) = task {
                    carry_out(task).await;
                }
                is_there
            })
        };
        Self { workers, work: Arc::new(work), watchers: 0, poll: Arc::new(|_, _| Box::pin(std::future::ready(None))) }
    }

    /// What a session needs: for each stage so many workers, who look at its desk, and the watchers of all stages.
    pub(crate) fn of(desks: &[Arc<Desk>], stages: &[Arc<Stage>], workers: usize) -> Self {
        let desks = desks.to_vec();
        let workers = workers * desks.len();
        let work = move |number: usize| -> BoxFuture<'static, bool> {
            let desk = desks[number % desks.len()].clone();
            Box::pin(async move {
                match desk.next().await {
                    Some((context, task)) => carry_out(&context, task).await,
                    None => return false,
                }
                true
            })
        };
        let watching: Vec<(Arc<Stage>, usize)> = stages
            .iter()
            .flat_map(|stage| stage.population.watchers.iter().map(|user| (stage.clone(), *user)))
            .collect();
        let watchers = watching.len();
        let poll = move |number: usize, since| -> BoxFuture<'static, Option<String>> {
            let watching = watching.get(number).cloned();
            Box::pin(async move {
                let (stage, user) = watching?;
                watch_once(&stage, user, since).await
            })
        };
        Self { workers, work: Arc::new(work), watchers, poll: Arc::new(poll) }
    }
}

/// Drives until workers and watchers have left.
pub(crate) async fn drive(crew: Crew) -> Result<(), goose::GooseError> {
    let users = crew.workers + crew.watchers;
    let mut configuration = GooseConfiguration::default();
    configuration.users = Some(users);
    configuration.increase_rate = Some((users.max(1) * 4).to_string());
    // No iterations: goose would tell stdout, which is not its own, that all users are there. Each leaves on its own.
    configuration.host = Some("http://127.0.0.1".to_owned());
    configuration.quiet = 3;
    configuration.no_print_metrics = true;
    configuration.no_error_summary = true;
    configuration.no_metrics = true;
    configuration.no_telnet = true;
    let mut attack = GooseAttack::initialize_with_config(configuration)?.register_scenario(worker(&crew)?);
    if crew.watchers > 0 {
        attack = attack.register_scenario(watcher(&crew)?);
    }
    attack.execute().await.map(drop)
}

fn worker(crew: &Crew) -> Result<Scenario, goose::GooseError> {
    let (work, number) = (crew.work.clone(), Arc::new(AtomicUsize::new(0)));
    let transaction = Transaction::new(Arc::new(move |user: &mut GooseUser| {
        let work = work.clone();
        let known = user.get_session_data::<Working>().copied();
        let Working(own) = known.unwrap_or_else(|| Working(number.fetch_add(1, Ordering::Relaxed)));
        user.set_session_data(Working(own));
        Box::pin(async move {
            if !work(own).await {
                leave(user);
            }
            Ok(())
        })
    }));
    Scenario::new("workers").register_transaction(transaction).set_weight(crew.workers)
}

fn watcher(crew: &Crew) -> Result<Scenario, goose::GooseError> {
    let (poll, number) = (crew.poll.clone(), Arc::new(AtomicUsize::new(0)));
    let transaction = Transaction::new(Arc::new(move |user: &mut GooseUser| {
        let (poll, number) = (poll.clone(), number.clone());
        Box::pin(async move {
            if user.get_session_data::<Watching>().is_none() {
                user.set_session_data(Watching { number: number.fetch_add(1, Ordering::Relaxed), since: None });
            }
            let Some(watching) = user.get_session_data_mut::<Watching>() else { return Ok(()) };
            watching.since = poll(watching.number, watching.since.take()).await;
            if watching.since.is_none() {
                leave(user);
            }
            Ok(())
        })
    }));
    Scenario::new("watchers").register_transaction(transaction).set_weight(crew.watchers)
}

/// Which worker a goose user is.
#[derive(Clone, Copy)]
struct Working(usize);

/// Which watcher a goose user is, and where its polls go on.
#[derive(Clone)]
struct Watching {
    number: usize,
    since: Option<String>,
}

/// One poll; it is tried again until it succeeds. Nothing when the session is over.
async fn watch_once(stage: &Stage, user: usize, since: Option<String>) -> Option<String> {
    let mut over = stage.over.subscribe();
    loop {
        let polled = tokio::select! {
            biased;
            _ = over.wait_for(|over| *over) => return None,
            polled = watch::poll(stage, user, since.as_deref()) => polled,
        };
        match polled {
            Ok(next) => {
                if since.is_none() {
                    stage.watching.send_modify(|watching| *watching += 1);
                }
                return Some(next);
            }
            Err(reason) => {
                let home = stage.population.users[user].home;
                *lock(&stage.watch_errors).entry((home, reason)).or_default() += 1;
                // A server that refuses everything is not to be asked as fast as it can refuse.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// Ends a goose user after this transaction.
fn leave(user: &mut GooseUser) {
    user.config.iterations = Some(1);
}

async fn carry_out(context: &Context, task: Task) {
    let draw = agenda::draw(context.seed, &task);
    let (phase, number, operation) = match task {
        Task::Open(arrival) => (arrival.phase, arrival.number, Some(arrival.operation)),
        Task::Closed(turn, number) => (turn.phase, number, schedule::operation(&context.workload, turn.phase, draw)),
    };
    let Some(operation) = operation else { return context.agenda.over(None) };
    let due = context.agenda.due(task.drawn());
    let measured = context.workload.phases[phase].measured;
    let series = Series::Of(operation);
    let job = Job { context, operation, number, draw, due, measured };
    lock(&context.under_way).insert(number, Waiting { series, due, measured });
    let done = context.agenda.until_cut(job.perform()).await;
    lock(&context.under_way).remove(&number);
    book(&context.agenda, &context.recorder, &task, (series, measured), &done);
    if !matches!(done, Some(Ok(()))) {
        // Whether others will see it, nobody knows; it is an error already.
        context.ledger.forget(number);
    }
    let again = match task {
        Task::Closed(turn, _) => again(context, turn),
        Task::Open(_) => None,
    };
    context.agenda.over(again);
}

/// Records how a task went that was done, failed, or was cut off: its latency counts from when it was due.
pub(crate) fn book(
    agenda: &Agenda,
    recorder: &Recorder,
    task: &Task,
    (series, measured): (Series, bool),
    done: &Option<Result<(), Reason>>,
) {
    let waited = agenda.due(task.drawn()).elapsed();
    match done {
        Some(Ok(())) => recorder.record(series, waited, measured),
        Some(Err(reason)) if reason.is_given_up => recorder.give_up(series, waited, &reason.words, measured),
        Some(Err(reason)) => recorder.fail(series, &reason.words, measured),
        None => recorder.give_up(series, waited, "no answer when the load ended", measured),
    }
}

/// When a closed user comes again; never, once its phase is over.
fn again(context: &Context, turn: Turn) -> Option<Turn> {
    let phase = &context.workload.phases[turn.phase];
    let think = Duration::from_secs_f64(phase.closed?.think_seconds);
    let due = context.agenda.now_in(turn.phase) + think;
    let ends = schedule::begins(&context.workload)[turn.phase] + Duration::from_secs_f64(phase.seconds);
    (due < ends).then_some(Turn { due, ..turn })
}
