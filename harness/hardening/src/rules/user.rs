//! `hardening/user`: not root, and nobody that the host knows.

use super::{Check, Judged, NOTHING, POLICY, Rule, broken, must_be, none};
use crate::model::{Kind, Place, Seen};

/// The highest id that a host gives to anybody in the first 16 bits.
const HIGHEST: u64 = 65_535;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "hardening/user/not-root",
        title: "nobody runs as root",
        source: "IG BvC 013, SYS.1.6.A17",
        expected: "another user than root",
        help: "compose: `user: \"70000:70000\"`; Kubernetes: `runAsNonRoot: true`",
        checks: &[Check::Containers(|container, context| match (&container.non_root, &container.user) {
            // Kubernetes has a switch for it; elsewhere the user says it.
            (Some(is_other), Some(user)) if !is_other.value && context.kind != Kind::Kubernetes => {
                broken(&user.at, format!("`{}`", user.value))
            }
            (is_other, _) => must_be(true, is_other, &container.at),
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/user/high-uid",
        title: "the user's id is none that the host gives to anybody",
        source: "IG BvC 017, SYS.1.6.A17",
        expected: "a number above 65535",
        help: "compose: `user: \"70000:70000\"`; Kubernetes: `runAsUser: 70000`",
        checks: &[Check::Containers(|container, _| must_be_high(&container.user, &container.at))],
        ..POLICY
    },
    Rule {
        id: "hardening/user/high-gid",
        title: "the group's id is none that the host gives to anybody",
        source: "IG BvC 018, SYS.1.6.A17",
        expected: "a number above 65535",
        help: "compose: `user: \"70000:70000\"`; Kubernetes: `runAsGroup: 70000`",
        checks: &[Check::Containers(|container, _| must_be_high(&container.group, &container.at))],
        ..POLICY
    },
    Rule {
        id: "hardening/user/high-groups",
        title: "further groups' ids are none that the host gives to anybody",
        source: "IG BvC 018, SYS.1.6.A17",
        expected: "only numbers above 65535",
        help: "take lower ones out of `group_add`, `supplementalGroups`, `fsGroup`",
        checks: &[Check::Containers(|container, _| {
            none(&container.groups, |group| (!is_high(group)).then(|| format!("`{group}`")))
        })],
        ..POLICY
    },
];

fn is_high(id: &str) -> bool {
    id.parse::<u64>().is_ok_and(|id| id > HIGHEST)
}

fn must_be_high(fact: &Option<Seen<String>>, at: &Place) -> Judged {
    match fact {
        Some(seen) if is_high(&seen.value) => Judged::Holds,
        Some(seen) => broken(&seen.at, format!("`{}`", seen.value)),
        None => broken(at, NOTHING),
    }
}
