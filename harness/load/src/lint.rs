//! What the types of a workload do not say.

use crate::{
    inert,
    operation::Operation,
    workload::{Phase, Workload},
};
use std::path::Path;

/// Everything that is wrong with a workload that is written so; empty if nothing is.
pub(crate) fn problems(workload: &Workload, file: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let mut must = |holds: bool, problem: String| {
        if !holds {
            problems.push(problem);
        }
    };
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    must(
        workload.workload == stem,
        format!("workload is {:?}, and the file {stem:?}: they must agree", workload.workload),
    );
    must(workload.workers > 0, "workers must be at least 1".to_owned());
    must(
        workload.give_up_seconds > 0.0 && workload.give_up_seconds <= 3600.0,
        "give_up_seconds must be more than 0, and an hour at most".to_owned(),
    );
    must(!workload.phases.is_empty(), "phases: there must be one".to_owned());
    must(workload.phases.iter().any(|phase| phase.measured), "phases: one must be measured".to_owned());
    for (n, phase) in workload.phases.iter().enumerate() {
        let Phase { phase: name, seconds, rate, closed, .. } = phase;
        must(*seconds > 0.0, format!("phase {name}: seconds must be more than 0"));
        must(rate.is_some() != closed.is_some(), format!("phase {name}: it needs either rate or closed"));
        if let Some((from, to)) = rate.map(crate::workload::Rate::ends) {
            must(from >= 0.0 && to >= 0.0 && from + to > 0.0, format!("phase {name}: rates must be more than 0"));
            // The first comes when one is expected, and what comes at the end is not in it.
            let expected = (from + to) / 2.0 * seconds;
            let message = format!("phase {name}: nothing is due in it: {expected:.1} arrivals in {seconds} s");
            must(expected > 1.0, message);
        }
        if let Some(closed) = closed {
            must(closed.users > 0 && closed.think_seconds >= 0.0, format!("phase {name}: closed needs users"));
            let message = format!(
                "phase {name}: {} closed users need as many workers, there are {}",
                closed.users, workload.workers
            );
            must(closed.users <= workload.workers, message);
        }
        for problem in phase.faults.iter().filter_map(|fault| fault.problem(workload.population.virtual_servers)) {
            must(false, format!("phase {name}: {problem}"));
        }
        let weights: u32 = workload.operations(phase).values().sum();
        must(weights > 0, format!("phase {name}: there are no operations with a weight"));
        let again = workload.phases[..n].iter().any(|earlier| earlier.phase == *name);
        must(!again, format!("phase {name}: the name comes twice"));
    }
    for phase in workload.phases.iter().filter(|phase| phase.closed.is_some()) {
        let is_ahead = workload.operations(phase).contains_key(&Operation::Transaction);
        must(
            !is_ahead,
            format!("phase {}: transactions are signed ahead, so their times must be known: use rate", phase.phase),
        );
    }
    let population = &workload.population;
    must(population.users > 0, "population: there must be a user".to_owned());
    must(
        population.watchers <= population.users,
        "population: watchers are users, there cannot be more of them".to_owned(),
    );
    for (n, group) in population.rooms.iter().enumerate() {
        must(group.members > 0, format!("population: rooms[{n}] must have a member"));
        let message = format!("population: rooms[{n}] has more virtual members than there are virtual servers");
        must(group.virtual_members <= population.virtual_servers, message);
    }
    let all = workload.phases.iter().flat_map(|phase| workload.operations(phase).keys());
    for operation in all {
        if operation.needs_room() {
            must(population.rooms.iter().any(|group| group.count > 0), format!("{operation}: there is no room"));
        }
        if operation.needs_virtual_room() {
            let is_there = population.rooms.iter().any(|group| group.count > 0 && group.virtual_members > 0);
            must(is_there, format!("{operation}: there is no room with virtual members"));
        }
        if operation.needs_virtual_server() {
            must(population.virtual_servers > 0, format!("{operation}: there are no virtual servers"));
        }
    }
    if let Some(search) = &workload.search {
        let is_judged = !workload.thresholds.is_empty();
        must(is_judged, "search: without a threshold nothing breaks, and there is no limit to find".to_owned());
        let is_open = workload.phases.iter().all(|phase| phase.rate.is_some());
        must(is_open, "search: it is about the rate, so that every phase needs one".to_owned());
        problems.extend(search.problems());
    }
    problems.extend(inert::problems(workload, text));
    if problems.is_empty() {
        problems.extend(crate::watchers::problems(workload));
    }
    problems.dedup();
    problems
}
