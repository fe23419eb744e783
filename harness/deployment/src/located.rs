//! A process that somebody else may have started, told from later ones of the same id.

use crate::{Usage, proc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A process, and the machine that its id means something on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Located {
    /// The kernel's `boot_id` (random(4)): one start of one machine.
    pub boot_id: String,
    /// Its pid namespace (`/proc/self/ns/pid`, namespaces(7)): a container's process ids are its own.
    pub pid_namespace: String,
    /// The process id.
    pub pid: u32,
    /// When it started, in ticks since boot: tells it from a later process of the same id.
    pub start_time: u64,
}

impl Located {
    /// The process `pid` of this machine.
    pub(crate) fn here(pid: u32) -> Option<Self> {
        let (boot_id, pid_namespace) = machine()?;
        Some(Self { boot_id, pid_namespace, pid, start_time: proc::Stat::of(pid)?.start_time })
    }

    /// Whether it is on this machine, where its id means it, and runs.
    pub fn is_here(&self) -> bool {
        machine().is_some_and(|(boot_id, namespace)| boot_id == self.boot_id && namespace == self.pid_namespace)
            && proc::is_alive(self.pid, self.start_time)
    }

    /// Whether it has ended for certain, if it was on this machine: with the machine's last start, or as far as its id
    /// means anything here.
    pub(crate) fn is_gone(&self) -> bool {
        machine().is_some_and(|(boot_id, namespace)| {
            boot_id != self.boot_id || (namespace == self.pid_namespace && !proc::is_alive(self.pid, self.start_time))
        })
    }

    /// What it has used; nothing once it is gone. It is asked of a process that [is here](Self::is_here).
    pub fn usage(&self) -> Usage {
        let stat = proc::Stat::of(self.pid).filter(|stat| stat.start_time == self.start_time);
        stat.map_or_else(Usage::default, |stat| Usage {
            cpu_ms: stat.cpu_ms,
            rss_bytes: proc::resident_bytes(self.pid),
        })
    }
}

/// What tells this machine, and the pid namespace that we are in, from others.
fn machine() -> Option<(String, String)> {
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let namespace = std::fs::read_link("/proc/self/ns/pid").ok()?;
    Some((boot_id.trim().to_owned(), namespace.to_string_lossy().into_owned()))
}
