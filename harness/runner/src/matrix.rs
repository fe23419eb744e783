//! The kill matrix: every mutant against the scenarios that should notice it (docs/verdicts.md, R5).
//!
//! On one deployment all of it is one play: each mutant gets instances of its own, and is in force for their virtual
//! servers only. Beside them the same scenarios are played with no mutant, where nothing may fail. What was played on
//! several deployments is judged together.

use crate::{
    mutant::Mutant,
    plan::{Instance, Plan},
    run::{Field, Options, play},
    standing::{self, Court},
};
use fedproof_results::{Level, Verdict};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// What became of one mutant.
#[derive(Clone, Debug, Serialize)]
pub struct Kill {
    /// The mutant.
    pub id: String,
    /// What it does wrong.
    pub about: String,
    /// Rows whose cases should fail on it.
    pub expected: Vec<String>,
    /// Whether each of these did, and no other.
    pub killed: bool,
    /// Rows with a case that failed.
    pub killed_by: Vec<String>,
    /// Expected rows that no case of failed.
    pub missed: Vec<String>,
    /// Rows that failed although nothing says they should.
    pub unexpected: Vec<String>,
    /// Rows with a case about which nothing could be said, and why.
    pub inconclusive: BTreeMap<String, String>,
}

/// The whole matrix.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Matrix {
    /// One entry for each mutant, in the order of the files.
    pub mutants: Vec<Kill>,
    /// Cases that fail, or cannot be decided, with no mutant in force, and why.
    pub without_mutant: BTreeMap<String, String>,
    /// Gating rows that were played and kill nothing.
    pub kill_nothing: Vec<String>,
    /// Why it stopped early, or empty.
    pub stopped_because: String,
}

/// Everything that was decided on one deployment.
pub struct Played {
    deployment: String,
    ruled: Vec<Ruled>,
    stopped_because: Option<String>,
}

/// One case as one instance decided it.
struct Ruled {
    mutant: Option<String>,
    row: String,
    level: Level,
    verdict: Verdict,
    reason: String,
}

/// Plays what is planned once without any mutant, and instances with a row it should kill once for each mutant.
/// `on_instance` is called after each, with how many there are in all.
pub async fn play_mutants(
    mutants: &[Arc<Mutant>],
    planned: &Plan,
    deployment: &str,
    field: &Field,
    options: &Options,
    mut on_instance: impl FnMut(usize),
) -> Played {
    let mut plan = Plan::default();
    let mut count = 0;
    let lists = [(&planned.shared, &mut plan.shared), (&planned.exclusive, &mut plan.exclusive)];
    for (instances, with_mutants) in lists {
        with_mutants.clone_from(instances);
        for mutant in mutants {
            let notices = |instance: &&Instance| {
                mutant.fits(&instance.servers.subject)
                    && instance.cases.iter().any(|case| mutant.played().any(|row| row == case.row()))
            };
            for instance in instances.iter().filter(notices) {
                let id = format!("m{count}-{:04x}", options.seed & 0xffff);
                count += 1;
                with_mutants.push(Instance { id, mutant: Some(mutant.clone()), ..instance.clone() });
            }
        }
    }
    let total = plan.shared.len() + plan.exclusive.len();
    let mut ruled: Vec<Ruled> = Vec::new();
    let stopped = play(&plan, field, options, |instance, decided| {
        on_instance(total);
        let mutant = instance.mutant.as_ref().map(|mutant| mutant.id.clone());
        for (id, result) in decided {
            let case = instance.cases.iter().find(|case| case.id == id);
            let (row, level) = case.map_or((id.clone(), Level::Must), |case| (case.row().to_owned(), case.level));
            let (verdict, reason) = (result.verdict, result.reason);
            ruled.push(Ruled { mutant: mutant.clone(), row, level, verdict, reason });
        }
    })
    .await;
    if stopped.is_none() {
        ruled.extend(judge_invariants(&plan, field, options).await);
    }
    Played { deployment: deployment.to_owned(), ruled, stopped_because: stopped }
}

/// What was played, on all deployments, for these mutants.
pub fn judge(mutants: &[Arc<Mutant>], played: Vec<Played>) -> Matrix {
    let mut matrix = Matrix::default();
    for Played { deployment, ruled, stopped_because } in &played {
        for one in ruled.iter().filter(|one| one.mutant.is_none()) {
            if matches!(one.verdict, Verdict::Fail | Verdict::Inconclusive) {
                let reason = format!("{} on {deployment}: {}", one.verdict, one.reason);
                matrix.without_mutant.insert(one.row.clone(), reason);
            }
        }
        if let Some(reason) = stopped_because {
            matrix.stopped_because = format!("on {deployment}: {reason}");
        }
    }
    let ruled: Vec<Ruled> = played.into_iter().flat_map(|played| played.ruled).collect();
    matrix.mutants = mutants.iter().map(|mutant| kill(mutant, &ruled)).collect();
    let is_weight = |one: &&Ruled| {
        one.mutant.is_none()
            && one.level.gates(true)
            && !matches!(one.verdict, Verdict::NotApplicable | Verdict::Skipped)
    };
    let rows: BTreeSet<&String> = ruled.iter().filter(is_weight).map(|one| &one.row).collect();
    let kills = |row: &&&String| matrix.mutants.iter().any(|kill| kill.killed_by.contains(row));
    matrix.kill_nothing = rows.iter().filter(|row| !kills(row)).map(|row| (*row).clone()).collect();
    matrix
}

/// Judges the invariants over the traffic of all instances; a breach counts for the mutant of the instance that caused
/// it, or for the server as it is if that instance had none.
async fn judge_invariants(plan: &Plan, field: &Field, options: &Options) -> Vec<Ruled> {
    let court = Court::new(field, options);
    let transcript = field.gateway.transcript();
    let instances = plan.shared.iter().chain(&plan.exclusive);
    let with_mutant = instances.filter_map(|one| Some((one.id.as_str(), one.mutant.as_ref()?.id.as_str())));
    let mutants: BTreeMap<&str, &str> = with_mutant.collect();
    let mut ruled = Vec::new();
    for homeserver in &field.homeservers {
        for (rule, judgement) in court.judge_all(homeserver).await {
            let one = |mutant, verdict, reason| Ruled {
                mutant,
                row: standing::row(rule),
                level: Level::Must,
                verdict,
                reason,
            };
            if judgement.judged > 0 {
                ruled.push(one(None, Verdict::Pass, String::new()));
            }
            for breach in &judgement.breaches {
                let exchange = standing::evidence(transcript, breach);
                let causes = field.diary.causes(breach, exchange.as_deref());
                let causes: Vec<_> = causes.iter().map(|cause| mutants.get(cause.id.as_str()).copied()).collect();
                if let Some(mutant) = blamed(&causes) {
                    ruled.push(one(mutant.map(str::to_owned), Verdict::Fail, breach.what.clone()));
                }
            }
        }
    }
    ruled
}

/// What a breach counts for, by the mutants of the instances that may have caused it: one of them, or the server as it is. Traffic that
/// names nobody may be of any that were played at the time; where these were of several kinds, it counts for nothing.
fn blamed<'m>(mutants: &[Option<&'m str>]) -> Option<Option<&'m str>> {
    match mutants {
        [] => Some(None),
        [first, others @ ..] => others.iter().all(|other| other == first).then_some(*first),
    }
}

fn kill(mutant: &Mutant, ruled: &[Ruled]) -> Kill {
    let of_it =
        |verdict| ruled.iter().filter(move |one| one.mutant.as_deref() == Some(&mutant.id) && one.verdict == verdict);
    // What fails without any mutant, and passes nowhere without one, says nothing of this one.
    let stock =
        |row: &str, verdict| ruled.iter().any(|one| one.mutant.is_none() && one.verdict == verdict && one.row == row);
    let fails_anyway = |row: &str| stock(row, Verdict::Fail) && !stock(row, Verdict::Pass);
    let failed = of_it(Verdict::Fail).map(|one| one.row.clone());
    let killed_by: BTreeSet<String> = failed.filter(|row| !fails_anyway(row)).collect();
    let inconclusive = of_it(Verdict::Inconclusive).map(|one| (one.row.clone(), one.reason.clone())).collect();
    let missed: Vec<String> = mutant.kills.iter().filter(|row| !killed_by.contains(*row)).cloned().collect();
    let unexpected: Vec<String> = killed_by
        .iter()
        // Invariants see all traffic: they may notice what is another case's to name.
        .filter(|row| !mutant.kills.contains(row) && !standing::is_invariant(row))
        .cloned()
        .collect();
    Kill {
        id: mutant.id.clone(),
        about: mutant.about.clone(),
        expected: mutant.kills.clone(),
        killed: missed.is_empty() && unexpected.is_empty(),
        killed_by: killed_by.into_iter().collect(),
        missed,
        unexpected,
        inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_server_as_it_is_nor_a_mutant_is_blamed_for_what_the_other_may_have_caused() {
        assert_eq!(blamed(&[None, Some("acl/unchecked")]), None);
        assert_eq!(blamed(&[Some("acl/unchecked"), Some("acl/late")]), None);
        assert_eq!(blamed(&[Some("acl/unchecked"); 2]), Some(Some("acl/unchecked")));
        assert_eq!(blamed(&[None, None]), Some(None));
        assert_eq!(blamed(&[]), Some(None), "nobody was playing: the server did it by itself");
    }
}
