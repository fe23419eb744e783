//! Goose drives: workers that take what is due, and watchers that poll.
//!
//! Each operation is one goose transaction and each poll another. Goose's own clock is not used: it stops at the first
//! byte, begins when the request does, and so hides what waits. Latencies count from when an operation was due to the
//! last byte of its answer, and are recorded beside goose.

use crate::{
    agenda::{self, Task, Turn},
    context::Context,
    perform::{Job, lock},
    schedule,
    series::Series,
    watch,
};
use goose::{
    GooseAttack,
    config::GooseConfiguration,
    goose::{GooseUser, Scenario, Transaction, TransactionResult},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::time::Instant;

/// Plays the agenda to its end.
pub(crate) async fn drive(context: &Arc<Context>) -> Result<(), goose::GooseError> {
    let (workers, watchers) = (context.workload.workers, context.population.watchers);
    let mut configuration = GooseConfiguration::default();
    configuration.users = Some(workers + watchers);
    configuration.increase_rate = Some(format!("{}", (workers + watchers).max(1) * 4));
    configuration.iterations = Some(usize::MAX);
    configuration.host = Some("http://127.0.0.1".to_owned());
    configuration.quiet = 3;
    configuration.no_print_metrics = true;
    configuration.no_error_summary = true;
    configuration.no_metrics = true;
    configuration.no_telnet = true;
    configuration.no_websocket = true;
    let mut attack = GooseAttack::initialize_with_config(configuration)?.register_scenario(worker(context, workers)?);
    if watchers > 0 {
        attack = attack.register_scenario(watcher(context, watchers)?);
    }
    attack.execute().await.map(drop)
}

fn worker(context: &Arc<Context>, weight: usize) -> Result<Scenario, goose::GooseError> {
    let shared = context.clone();
    let transaction = Transaction::new(Arc::new(move |user: &mut GooseUser| {
        let context = shared.clone();
        Box::pin(async move {
            match context.agenda.next().await {
                Some(task) => carry_out(&context, task).await,
                None => leave(user),
            }
            Ok(())
        })
    }));
    Scenario::new("workers").register_transaction(transaction).set_weight(weight)
}

fn watcher(context: &Arc<Context>, weight: usize) -> Result<Scenario, goose::GooseError> {
    let shared = context.clone();
    let number = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let transaction = Transaction::new(Arc::new(move |user: &mut GooseUser| {
        let context = shared.clone();
        let number = number.clone();
        Box::pin(async move { watch_once(&context, user, &number).await })
    }));
    Scenario::new("watchers").register_transaction(transaction).set_weight(weight)
}

/// Which user a goose user plays, and where its polls go on.
#[derive(Clone)]
struct Watching {
    user: usize,
    since: Option<String>,
}

async fn watch_once(
    context: &Context,
    goose: &mut GooseUser,
    number: &std::sync::atomic::AtomicUsize,
) -> TransactionResult {
    if goose.get_session_data::<Watching>().is_none() {
        goose.set_session_data(Watching { user: number.fetch_add(1, Ordering::Relaxed), since: None });
    }
    let Some(watching) = goose.get_session_data_mut::<Watching>() else { return Ok(()) };
    let mut over = context.over.subscribe();
    let is_first = watching.since.is_none();
    let polled = tokio::select! {
        biased;
        _ = over.wait_for(|over| *over) => None,
        polled = watch::poll(context, watching.user, watching.since.as_deref()) => Some(polled),
    };
    match polled {
        Some(Ok(next)) => {
            watching.since = Some(next);
            if is_first {
                context.watching.send_modify(|watching| *watching += 1);
            }
        }
        Some(Err(reason)) => {
            *lock(&context.watch_errors).entry(reason).or_default() += 1;
            // A server that refuses everything is not to be asked as fast as it can refuse.
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        None => leave(goose),
    }
    Ok(())
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
    let due = context.agenda.began() + task.due();
    let measured = context.workload.phases[phase].measured;
    let series = Series::Of(operation);
    match (Job { context, operation, number, draw, due, measured }).perform().await {
        Ok(()) => context.recorder.record(series, due.elapsed(), measured),
        Err(reason) => context.recorder.fail(series, &reason, measured),
    }
    let again = match task {
        Task::Closed(turn, _) => again(context, turn),
        Task::Open(_) => None,
    };
    context.agenda.over(again);
}

/// When a closed user comes again; never, once its phase is over.
fn again(context: &Context, turn: Turn) -> Option<Turn> {
    let phase = &context.workload.phases[turn.phase];
    let think = Duration::from_secs_f64(phase.closed?.think_seconds);
    let due = Instant::now().saturating_duration_since(context.agenda.began()) + think;
    let ends = schedule::begins(&context.workload)[turn.phase] + Duration::from_secs_f64(phase.seconds);
    (due < ends).then_some(Turn { due, ..turn })
}
