//! Who watches: users chosen so that somebody sees what happens in rooms of every kind.

use crate::{
    operation::Operation,
    series::Series,
    threshold::Metric,
    workload::{Population, RoomGroup, Workload},
};
use std::{cmp::Reverse, collections::BTreeSet};

/// A room that is to be.
pub(crate) struct Planned<'a> {
    /// What it is one of.
    pub(crate) group: &'a RoomGroup,
    /// Position of the group.
    kind: usize,
    /// Members, by position among the users, who are in turn from all homeservers.
    pub(crate) members: Vec<usize>,
}

/// The rooms of a population on so many homeservers.
pub(crate) fn rooms(population: &Population, homeservers: usize) -> Vec<Planned<'_>> {
    let groups = population.rooms.iter().enumerate();
    let each = groups.flat_map(|(kind, group)| std::iter::repeat_n((kind, group), group.count)).enumerate();
    each.map(|(n, (kind, group))| {
        // Rooms of the virtual side are joined by the homeserver under test only, which is the first.
        let step = if group.virtual_members > 0 { homeservers } else { 1 };
        let possible = population.users * homeservers / step;
        let members = (0..group.members.min(possible)).map(|m| (n * 7 + m) % possible * step);
        Planned { group, kind, members: members.collect() }
    })
    .collect()
}

/// So many watchers on each homeserver as the population says: each the one who sees most that nobody sees yet, from a room
/// of each kind in turn.
pub(crate) fn choose(population: &Population, rooms: &[Planned<'_>], homeservers: usize) -> BTreeSet<usize> {
    let mut rooms_of = vec![Vec::new(); population.users * homeservers];
    for (n, room) in rooms.iter().enumerate() {
        room.members.iter().for_each(|member| rooms_of[*member].push(n));
    }
    let on_each = |home| choose_on(home, population, rooms, &rooms_of, homeservers);
    (0..homeservers).flat_map(on_each).collect()
}

fn choose_on(
    home: usize,
    population: &Population,
    rooms: &[Planned<'_>],
    rooms_of: &[Vec<usize>],
    homeservers: usize,
) -> BTreeSet<usize> {
    let mut chosen = BTreeSet::new();
    // By room.
    let mut watching = vec![0; rooms.len()];
    let mut kinds = (0..population.rooms.len()).cycle();
    let mut in_vain = 0;
    while chosen.len() < population.watchers && in_vain < population.rooms.len() {
        let Some(kind) = kinds.next() else { break };
        let can = |member: &&usize| **member % homeservers == home && !chosen.contains(*member);
        let of_kind =
            rooms.iter().enumerate().filter(|(_, room)| room.kind == kind && room.members.iter().any(|m| can(&m)));
        let least = of_kind.min_by_key(|(n, _)| watching[*n]);
        let sees = |member: usize| rooms_of[member].iter().filter(|room| watching[**room] == 0).count();
        let best = least.and_then(|(_, room)| room.members.iter().filter(can).min_by_key(|one| Reverse(sees(**one))));
        let Some(best) = best.copied() else {
            in_vain += 1;
            continue;
        };
        in_vain = 0;
        chosen.insert(best);
        rooms_of[best].iter().for_each(|room| watching[*room] += 1);
    }
    // Who is in no room has a client, too.
    let all = (0..population.users).map(|n| n * homeservers + home);
    let missing = population.watchers.saturating_sub(chosen.len());
    let rest: Vec<usize> = all.filter(|user| !chosen.contains(user)).take(missing).collect();
    chosen.extend(rest);
    chosen
}

/// Thresholds of a workload that are about what nobody would see.
pub(crate) fn problems(workload: &Workload) -> Vec<String> {
    // Where the deployment says how many there are, it is not known here: two, as most have.
    let homeservers = workload.population.homeservers.unwrap_or(2).max(1);
    let rooms = rooms(&workload.population, homeservers);
    let watchers = choose(&workload.population, &rooms, homeservers);
    let measured = workload.phases.iter().filter(|phase| phase.measured);
    let weights = measured.flat_map(|phase| workload.operations(phase).iter());
    let operations: Vec<Operation> = weights.filter(|(_, weight)| **weight > 0).map(|(one, _)| *one).collect();
    let seen_after = |room: &Planned<'_>, from: &[(Operation, bool)], at_home: bool| {
        let is_virtual = room.group.virtual_members > 0;
        let comes = from.iter().any(|(one, wants_virtual)| *wants_virtual == is_virtual && operations.contains(one));
        let pairs = room.members.iter().flat_map(|sender| room.members.iter().map(move |other| (sender, other)));
        let mut watched = pairs.filter(|(sender, other)| sender != other && watchers.contains(other));
        comes && watched.any(|(sender, other)| (sender % homeservers == other % homeservers) == at_home)
    };
    let messages = [(Operation::Send, false), (Operation::FanOut, true)];
    let local = || rooms.iter().any(|room| seen_after(room, &messages, true));
    let remote = || rooms.iter().any(|room| seen_after(room, &messages, false));
    let inbound = || {
        let is_seen = |room: &Planned<'_>| {
            room.group.virtual_members > 0 && room.members.iter().any(|member| watchers.contains(member))
        };
        operations.contains(&Operation::Transaction) && rooms.iter().any(is_seen)
    };
    let is_vain = workload.thresholds.iter().filter(|threshold| match (threshold.metric, threshold.of) {
        (_, Some(Series::SeenLocal)) => !local(),
        (_, Some(Series::SeenRemote)) => !remote(),
        (_, Some(Series::SeenInbound)) => !inbound(),
        // What virtual servers do not receive is lost, too.
        (Metric::Lost, _) => !(operations.contains(&Operation::FanOut) || local() || remote() || inbound()),
        _ => false,
    });
    is_vain
        .map(|threshold| format!("{threshold}: no watcher is in a room where there is anything to see of it"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(population: &str, operations: &str, threshold: &str) -> Workload {
        let text = format!(
            "{{workload: t, about: t, population: {{{population}}}, operations: {operations}, \
             phases: [{{phase: only, seconds: 10, rate: 1}}], thresholds: [\"{threshold}\"]}}"
        );
        serde_saphyr::from_str(&text).unwrap()
    }

    #[test]
    fn watchers_are_in_rooms_of_every_kind_on_every_homeserver() {
        let text = "users: 500, watchers: 9, virtual_servers: 2, rooms: [{count: 100, members: 4}, \
                    {count: 10, members: 20}, {count: 5, members: 3, virtual_members: 2}]";
        let population = workload(text, "{send: 1}", "lost < 1").population;
        let rooms = rooms(&population, 2);
        let watchers = choose(&population, &rooms, 2);
        assert_eq!(watchers.iter().filter(|user| **user % 2 == 0).count(), 9);
        assert_eq!(watchers.len(), 18);
        for home in [0, 1] {
            let watched = |kind: usize| {
                let sees = |room: &&Planned<'_>| {
                    room.kind == kind && room.members.iter().any(|one| one % 2 == home && watchers.contains(one))
                };
                rooms.iter().filter(sees).count()
            };
            assert!(watched(0) >= 3 && watched(1) >= 3, "{} {}", watched(0), watched(1));
            assert!(if home == 0 { watched(2) >= 3 } else { watched(2) == 0 }, "{}", watched(2));
        }
    }

    #[test]
    fn a_threshold_about_what_nobody_sees_is_a_problem() {
        let is_fine =
            |population, operations, threshold| problems(&workload(population, operations, threshold)).is_empty();
        let two = "users: 10, watchers: 2, rooms: [{count: 3, members: 2}]";
        assert!(is_fine(two, "{send: 1}", "p95(seen_remote) < 1s"));
        assert!(!is_fine(two, "{send: 1}", "p95(seen_local) < 1s"), "one member on each homeserver");
        assert!(!is_fine(two, "{typing: 1}", "lost < 1"), "nothing is sent");
        let three = "users: 10, watchers: 2, rooms: [{count: 3, members: 3}]";
        assert!(is_fine(three, "{send: 1}", "p95(seen_local) < 1s"));
        assert!(!is_fine(three, "{send: 1}", "p95(seen_inbound) < 1s"));
        let nobody = "users: 10, virtual_servers: 1, rooms: [{count: 1, members: 2, virtual_members: 1}]";
        assert!(!is_fine(nobody, "{transaction: 1}", "lost < 1"));
        assert!(is_fine(nobody, "{fan_out: 1}", "lost < 1"), "virtual servers receive it");
    }
}
