//! `hardening/files`: who can read keys and databases.

use super::{Check, Judged, POLICY, Rule, none};
use crate::model::Kind;

/// Rights of those who are neither the owner nor in the group.
const OTHERS: u32 = 0o007;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "hardening/files/secrets",
        title: "secrets that come as files are not for everybody",
        source: "SYS.1.6.A8",
        expected: "a mode without rights for others",
        help: "compose: `mode: 0440` of the secret, and of its file; Kubernetes: `defaultMode: 0440`",
        checks: &[Check::Containers(|container, _| {
            let mut known = container.secret_files.iter().filter(|file| file.value.1.is_some()).peekable();
            if known.peek().is_none() && !container.secret_files.is_empty() {
                return Judged::NotApplicable("the files' own permissions count: `--running`");
            }
            none(known, |(name, mode)| {
                mode.filter(|mode| mode & OTHERS != 0).map(|mode| format!("`{name}` with mode {mode:04o}"))
            })
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/files/data",
        title: "keys and databases are not for everybody",
        source: "SYS.1.6.A8",
        expected: "a mode without rights for others",
        help: "`umask 0077` of the process, and `chmod o-rwx` for what is there already",
        not_in: &[
            (Kind::Compose, "only what runs has made them: `--running`"),
            (Kind::Kubernetes, "only what runs has made them"),
            (Kind::Configuration, "only what runs has made them: `--running`"),
        ],
        checks: &[Check::Containers(|container, _| {
            none(&container.data_files, |(name, mode)| {
                (mode & OTHERS != 0).then(|| format!("`{name}` with mode {mode:04o}"))
            })
        })],
        ..POLICY
    },
];
