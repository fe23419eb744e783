//! What the kernel says about a process: `/proc/PID` (proc(5)).

use std::path::PathBuf;

/// Clock ticks a second in `/proc/PID/stat`: `USER_HZ`, which Linux fixes at 100 for what user space sees.
const TICKS_PER_SECOND: u64 = 100;

/// A reading of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// `R`, `S`, `T` (stopped), `Z` (ended, not yet reaped), …
    pub(crate) state: char,
    /// Processor time so far, user and system, in milliseconds.
    pub(crate) cpu_ms: u64,
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
        let stat = "42 (a) b (c)) T 1 42 42 0 -1 4194560 1 0 0 0 120 30 0 0 20 0 1 0 987654 1 1";
        assert_eq!(Stat::parse(stat), Some(Stat { state: 'T', cpu_ms: 1500, start_time: 987_654 }));
        assert_eq!(Stat::parse("42 (cut off) R 1"), None);
    }

    #[test]
    fn this_process_is_alive_and_has_memory() {
        let pid = std::process::id();
        let stat = Stat::of(pid).unwrap();
        assert!(is_alive(pid, stat.start_time));
        assert!(!is_alive(pid, stat.start_time + 1));
        assert!(resident_bytes(pid) > 0);
    }
}
