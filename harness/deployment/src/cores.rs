//! Homeservers and fedproof on cores of their own.
//!
//! Where both compete for a core, the load's own work is part of what it measures. The kernel's word for it is affinity
//! (sched_setaffinity(2)), which each thread has for itself and hands on to what it starts.

use crate::{DeploymentError, proc};
use nix::{
    sched::{CpuSet, sched_getaffinity, sched_setaffinity},
    unistd::Pid,
};
use serde::Serialize;
use std::collections::BTreeSet;

/// Which cores are whose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Cores {
    /// For homeservers and their database.
    pub servers: BTreeSet<usize>,
    /// For fedproof: clients, virtual servers and the gateway.
    pub generator: BTreeSet<usize>,
}

impl Cores {
    /// Divides the cores that this process may use: a quarter for fedproof, at least one, and the rest for the servers.
    ///
    /// # Errors
    /// When there are fewer than two.
    pub fn divide() -> Result<Self, DeploymentError> {
        let allowed = sched_getaffinity(Pid::from_raw(0)).map_err(|error| failed(&error.to_string()))?;
        let allowed: Vec<usize> = (0..CpuSet::count()).filter(|core| allowed.is_set(*core).unwrap_or(false)).collect();
        Self::of(&allowed)
    }

    fn of(allowed: &[usize]) -> Result<Self, DeploymentError> {
        if allowed.len() < 2 {
            return Err(failed(&format!("there is {} to share", allowed.len())));
        }
        let (generator, servers) = allowed.split_at((allowed.len() / 4).max(1));
        Ok(Self { servers: servers.iter().copied().collect(), generator: generator.iter().copied().collect() })
    }
}

/// Keeps a process, all its threads and what they start from now on, on `cores`.
pub(crate) fn keep(pid: u32, cores: &BTreeSet<usize>) -> Result<(), DeploymentError> {
    let mut set = CpuSet::new();
    cores.iter().try_for_each(|core| set.set(*core)).map_err(|error| failed(&error.to_string()))?;
    // A thread that had not been placed may just have started another.
    let mut placed = BTreeSet::new();
    loop {
        let threads: Vec<u32> = proc::threads(pid).into_iter().filter(|thread| placed.insert(*thread)).collect();
        if threads.is_empty() {
            return Ok(());
        }
        for thread in threads {
            let id = i32::try_from(thread).map(Pid::from_raw).map_err(|error| failed(&error.to_string()))?;
            match sched_setaffinity(id, &set) {
                // It ended meanwhile.
                Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
                Err(error) => return Err(failed(&error.to_string())),
            }
        }
    }
}

/// Says which of a process's threads may leave `cores`, if any may.
pub(crate) fn strays(pid: u32, cores: &BTreeSet<usize>) -> Option<String> {
    let strays = proc::threads(pid).into_iter().filter(|thread| {
        let id = i32::try_from(*thread).map(Pid::from_raw).ok();
        let set = id.and_then(|id| sched_getaffinity(id).ok());
        set.is_some_and(|set| {
            (0..CpuSet::count()).any(|core| set.is_set(core).unwrap_or(false) && !cores.contains(&core))
        })
    });
    let strays: Vec<String> = strays.map(|thread| thread.to_string()).collect();
    (!strays.is_empty()).then(|| format!("threads {} of process {pid}", strays.join(", ")))
}

fn failed(message: &str) -> DeploymentError {
    DeploymentError::Cores { message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_gets_a_quarter_and_at_least_one() {
        for (allowed, generator) in [(2, 1), (3, 1), (4, 1), (8, 2), (16, 4)] {
            let cores = Cores::of(&(0..allowed).collect::<Vec<_>>()).unwrap();
            assert_eq!((cores.generator.len(), cores.servers.len()), (generator, allowed - generator));
            assert!(cores.generator.is_disjoint(&cores.servers));
        }
        assert!(Cores::of(&[3]).unwrap_err().to_string().ends_with("there is 1 to share"));
    }

    #[test]
    fn a_process_stays_where_it_is_kept() {
        let Ok(cores) = Cores::divide() else { return };
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        assert!(strays(child.id(), &cores.servers).is_some());
        keep(child.id(), &cores.servers).unwrap();
        assert_eq!(strays(child.id(), &cores.servers), None);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
