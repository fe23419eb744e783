//! The highest rate that holds: one play after the other on the same population, each at a rate of its own.

mod profile;
mod search;

use crate::{
    Home,
    outcome::Outcome,
    play::{Play, Start},
    run::{LoadError, Setting, unless},
    session::Session,
    stage::Stage,
    workload::Workload,
};
use fedproof_results::load::{Limit, LimitStep, ThresholdResult};
use profile::Profiler;
use std::{path::Path, sync::Arc, time::Duration};

pub use search::{Search, Share};

/// How long homeservers may take to come to rest: what a rate that was too high has left must not weigh on the next.
const REST: Duration = Duration::from_secs(30);

/// Statements of PostgreSQL that are told: those that took most time.
const STATEMENTS: usize = 30;

/// Looks for the limit. The outcome is that of the highest rate that held, or of the first if it did not hold.
///
/// # Errors
/// [`LoadError`], if it could not begin.
pub async fn find_limit(
    workload: &Workload,
    search: Search,
    setting: Setting<'_>,
) -> Result<(Outcome, Limit), LoadError> {
    let Setting { place, seed, label, shard, out, interrupted, progress, .. } = setting;
    let (stage, session) = unless(&interrupted, async {
        let stage = Stage::set_up(workload, place, &label, progress).await?;
        let session = Session::begin(vec![stage.clone()], workload.workers).await?;
        Ok((stage, session))
    })
    .await?;
    let logs = out.join("steps");
    std::fs::create_dir_all(&logs)?;
    let mut limit = Limit {
        held: None,
        broke: None,
        broken: Vec::new(),
        steps: Vec::new(),
        profile: None,
        statements: None,
        no_profile_because: String::new(),
    };
    let mut outcomes: Vec<(f64, Outcome)> = Vec::new();
    let mut played = 0;
    let mut step = async |rate: f64, log: &Path| {
        let workload = workload.clone().at_rate(rate);
        let told = |phase: &str, done, all| progress(&format!("{rate:.1}/s {phase}"), done, all);
        played += 1;
        let play = Play {
            workload: &workload,
            seed: seed.wrapping_add(played),
            label: format!("{label}-{played}"),
            shard,
            start: Start::Soon,
            log,
            interrupted: interrupted.clone(),
            progress: &told,
        };
        let outcome = play.on(&stage, &session).await;
        stage.rest(REST).await;
        outcome
    };
    let mut stopped_because = String::new();
    while let Some(rate) = search::next(search, &limit.steps) {
        let mut outcome = step(rate, &logs.join(format!("{:02}.hlog", limit.steps.len()))).await?;
        if over(&stage, *interrupted.borrow()).is_none() && !outcome.doubts().is_empty() {
            // The machine may have been busy with something else: once more, and what that says counts.
            limit.steps.push(told(rate, &outcome));
            outcome = step(rate, &logs.join(format!("{:02}.hlog", limit.steps.len()))).await?;
        }
        if let Some(why) = over(&stage, *interrupted.borrow()) {
            stopped_because = why;
            outcomes.push((rate, outcome));
            break;
        }
        let held = held(&outcome);
        limit.steps.push(told(rate, &outcome));
        if held {
            outcomes.push((rate, outcome));
            continue;
        }
        limit.broken = broken(&outcome.thresholds);
        // Played again to be looked at, so that looking disturbs no figure: once, where it broke first.
        if limit.profile.is_none() && limit.no_profile_because.is_empty() {
            let homeserver = stage.population.homeservers.first();
            profile(&mut limit, homeserver, workload, out, step(rate, &logs.join("profiled.hlog"))).await?;
        }
        // If none held, its figures say why.
        outcome.stopped_because.clear();
        outcomes.push((rate, outcome));
    }
    session.end().await?;
    (limit.held, limit.broke) = search::ends(&limit.steps);
    let doubted = doubted(&limit);
    let is_best = |(rate, outcome): &&(f64, Outcome)| Some(*rate) == limit.held && held(outcome);
    let best = outcomes.iter().rfind(is_best).or(outcomes.first()).map(|(_, outcome)| outcome.clone());
    let mut outcome = best.ok_or_else(|| LoadError::NoPlay { why: stopped_because.clone() })?;
    outcome.stopped_because = stopped_because;
    outcome.invalid_because.extend(doubted);
    outcome.invariants = stage.invariants().await;
    Ok((outcome, limit))
}

/// Whether a rate held.
fn held(outcome: &Outcome) -> bool {
    outcome.stopped_because.is_empty() && outcome.thresholds.iter().all(|threshold| threshold.ok)
}

fn told(rate: f64, outcome: &Outcome) -> LimitStep {
    LimitStep {
        rate,
        held: held(outcome),
        achieved: outcome.achieved(),
        thresholds: outcome.thresholds.clone(),
        stopped_because: outcome.stopped_because.clone(),
        doubts: outcome.doubts(),
    }
}

/// Why the limit must not be believed: where it broke the generator was in doubt, played again and in doubt still. What is
/// wrong with the highest rate that held, its own figures say; lower ones are settled by it.
fn doubted(limit: &Limit) -> Vec<String> {
    let Some((broke, _)) = limit.broke.zip(limit.held) else { return Vec::new() };
    let last = limit.steps.iter().rfind(|step| step.rate == broke);
    let doubts = last.into_iter().flat_map(|step| &step.doubts);
    doubts.map(|doubt| format!("at {broke:.1}/s, which did not hold: {doubt}")).collect()
}

/// Why nothing more can be tried.
fn over(stage: &Arc<Stage>, interrupted: bool) -> Option<String> {
    let death = stage.population.homeservers.iter().find_map(Home::died);
    death.or_else(|| interrupted.then(|| "interrupted".to_owned()))
}

fn broken(thresholds: &[ThresholdResult]) -> Vec<ThresholdResult> {
    thresholds.iter().filter(|threshold| !threshold.ok).cloned().collect()
}

/// Plays a step and looks at the homeserver meanwhile, in its measured time, and at what its PostgreSQL was asked.
async fn profile(
    limit: &mut Limit,
    homeserver: Option<&Home>,
    workload: &Workload,
    out: &Path,
    step: impl Future<Output = Result<Outcome, LoadError>>,
) -> Result<(), LoadError> {
    let Some((homeserver, pid)) = homeserver.and_then(|one| Some((one, one.pid()?))) else {
        limit.no_profile_because = "the homeserver under test does not run".to_owned();
        return Ok(());
    };
    let profiler = Profiler::ready().await;
    let name = format!("profile-{}.svg", homeserver.name());
    let file = out.join(&name);
    let (before, seconds) = workload.measured_span();
    let database = homeserver.postgresql().map(|(database, _)| database);
    if let Some(database) = database {
        // What came before is not about this rate. A database that does not answer says so below.
        let _ = database.forget_statements().await;
    }
    let looking = async {
        tokio::time::sleep(before).await;
        profiler?.record(pid, seconds, &file).await
    };
    let (outcome, recorded) = tokio::join!(step, looking);
    outcome?;
    if let Some(database) = database
        && let Ok(statements) = database.statements(STATEMENTS).await
        && !statements.is_empty()
    {
        let name = "statements.json".to_owned();
        std::fs::write(out.join(&name), serde_json::to_string_pretty(&statements).unwrap_or_default())?;
        limit.statements = Some(name);
    }
    match recorded {
        Ok(()) => limit.profile = Some(name),
        Err(why) => limit.no_profile_because = why,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(rate: f64, held: bool, doubts: &[&str]) -> LimitStep {
        let doubts = doubts.iter().map(|doubt| (*doubt).to_owned()).collect();
        LimitStep { rate, held, achieved: rate, thresholds: Vec::new(), stopped_because: String::new(), doubts }
    }

    fn doubted_of(steps: Vec<LimitStep>) -> Vec<String> {
        let (held, broke) = (Some(20.0), Some(40.0));
        let (broken, no_profile_because) = (Vec::new(), String::new());
        doubted(&Limit { held, broke, broken, steps, profile: None, statements: None, no_profile_because })
    }

    #[test]
    fn a_limit_that_the_generator_set_is_told() {
        let steps = |again: &[&str]| {
            vec![
                step(10.0, true, &["late"]),
                step(20.0, true, &[]),
                step(40.0, false, &["late"]),
                step(40.0, false, again),
            ]
        };
        assert_eq!(doubted_of(steps(&["late"])), ["at 40.0/s, which did not hold: late"]);
        assert_eq!(
            doubted_of(steps(&[])),
            Vec::<String>::new(),
            "played again it was in time; and lower rates do not matter"
        );
    }
}
