//! What the kernel says about a process: `/proc/PID` (proc(5)).

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// How often a process that must end is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Clock ticks a second in `/proc/PID/stat`: `USER_HZ`, which Linux fixes at 100 for what user space sees.
const TICKS_PER_SECOND: u64 = 100;

/// A reading of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// `R`, `S`, `T` (stopped), `Z` (ended, not yet reaped), …
    pub(crate) state: char,
    /// Processor time so far, user and system, in milliseconds.
    pub(crate) cpu_ms: u64,
    /// Processor time of its children that have ended and were reaped, in milliseconds.
    pub(crate) reaped_ms: u64,
    /// Start in ticks since boot: with the process id, it tells a process from a later one of the same id.
    pub(crate) start_time: u64,
}

impl Stat {
    /// Reads it; nothing if there is no such process.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(stat: &str) -> Option<Self> {
        // The command's name, in brackets, may hold anything: blanks and brackets too.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            state: fields.first()?.chars().next()?,
            cpu_ms: (number(11)? + number(12)?) * 1000 / TICKS_PER_SECOND,
            reaped_ms: (number(13)? + number(14)?) * 1000 / TICKS_PER_SECOND,
            start_time: number(19)?,
        })
    }
}

/// Whether the process `pid` that started at `start_time` runs still (one that only waits to be reaped does not).
pub(crate) fn is_alive(pid: u32, start_time: u64) -> bool {
    Stat::of(pid).is_some_and(|stat| stat.start_time == start_time && stat.state != 'Z')
}

/// Resident memory in bytes; 0 if the process is gone.
pub(crate) fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Memory of a process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Memory {
    /// Resident memory that is nobody else's, and of files, in bytes.
    pub(crate) own_bytes: u64,
    /// Resident memory that it may share with others, in bytes.
    pub(crate) shared_bytes: u64,
}

impl Memory {
    /// Reads it; nothing if the process is gone. Program text is left out: all processes of a program share it.
    pub(crate) fn of(pid: u32) -> Self {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).unwrap_or(0) * 1024
        };
        Self { own_bytes: bytes("RssAnon"), shared_bytes: bytes("RssShmem") }
    }
}

/// Process ids of the children of `pid`, which has one thread.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let listed = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    if let Ok(listed) = listed {
        return listed.split_whitespace().filter_map(|id| id.parse().ok()).collect();
    }
    // A kernel without that list: everybody is asked who its parent is.
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_child = |id: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_whitespace().nth(1).and_then(|parent| parent.parse().ok()) == Some(pid)
    };
    ids.filter(is_child).collect()
}

/// Ids of the threads of a process.
pub(crate) fn threads(pid: u32) -> Vec<u32> {
    let entries = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// What a process calls itself.
pub(crate) fn title(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let end = line.iter().position(|byte| *byte == 0).unwrap_or(line.len());
    String::from_utf8_lossy(line.get(..end).unwrap_or_default()).into_owned()
}

/// How many files a process has open.
pub(crate) fn descriptors(pid: u32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.count() as u64)
}

/// Waits, without a runtime, until a process has ended, and kills it after `limit`.
pub(crate) fn wait_for_end(pid: u32, start_time: u64, limit: Duration) {
    let began = Instant::now();
    while is_alive(pid, start_time) {
        if began.elapsed() > limit {
            if let Ok(id) = i32::try_from(pid).map(Pid::from_raw) {
                // It ended since the look above, or cannot be killed: nothing else is to be done.
                let _ = kill(id, Signal::SIGKILL);
            }
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The user's id, and the folder for what a run must leave on record while it runs:
/// `$XDG_RUNTIME_DIR`, or the temporary folder, with `fedproof-UID` below it.
pub(crate) fn runtime_folder() -> (u32, PathBuf) {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::metadata("/proc/self").map_or(u32::MAX, |own| own.uid());
    let base = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_dir());
    (uid, base.unwrap_or_else(std::env::temp_dir).join(format!("fedproof-{uid}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "42 (a) b (c)) T 1 42 42 0 -1 4194560 1 0 0 0 120 30 4 1 20 0 1 0 987654 1 1";
        let read = Stat { state: 'T', cpu_ms: 1500, reaped_ms: 50, start_time: 987_654 };
        assert_eq!(Stat::parse(stat), Some(read));
        assert_eq!(Stat::parse("42 (cut off) R 1"), None);
    }

    #[test]
    fn this_process_is_alive_and_has_memory() {
        let pid = std::process::id();
        let stat = Stat::of(pid).unwrap();
        assert!(is_alive(pid, stat.start_time));
        assert!(!is_alive(pid, stat.start_time + 1));
        assert!(resident_bytes(pid) > 0 && Memory::of(pid).own_bytes > 0 && descriptors(pid) > 2);
        assert!(!title(pid).is_empty());
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        // Only this thread's children are listed, and a test has a thread of its own.
        let start_time = Stat::of(child.id()).unwrap().start_time;
        wait_for_end(child.id(), start_time, Duration::ZERO);
        child.wait().unwrap();
    }
}
