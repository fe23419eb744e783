//! `hardening/capabilities`: no rights that a service does not need, and no way to more.

use super::{Check, Judged, NOTHING, POLICY, Rule, broken, no, none};
use crate::model::{Kind, Seen};

/// Kernel parameters that only concern the container itself.
const SAFE_SYSCTLS: &[&str] = &[
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range",
];

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "hardening/capabilities/drop-all",
        title: "all capabilities are dropped",
        source: "IG BvC 014, SYS.1.6.A17",
        expected: "`ALL` among the dropped ones",
        help: "compose: `cap_drop: [ALL]`; Kubernetes: `capabilities: {drop: [ALL]}`",
        checks: &[Check::Containers(|container, _| {
            let is_all = |name: &Seen<String>| name.value.eq_ignore_ascii_case("all");
            match container.dropped.first() {
                _ if container.dropped.iter().any(is_all) => Judged::Holds,
                Some(some) => broken(&some.at, "only some"),
                None => broken(&container.at, NOTHING),
            }
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/capabilities/none-added",
        title: "no capability is added",
        source: "IG BvC 014, SYS.1.6.A17",
        expected: "none",
        help: "take `cap_add` or `capabilities.add` out; ports below 1024 need no right, only another number in the container",
        checks: &[Check::Containers(|container, _| no(&container.added))],
        ..POLICY
    },
    Rule {
        id: "hardening/capabilities/not-privileged",
        title: "no container is privileged",
        source: "IG BvC 015 (deny), SYS.1.6.A17",
        expected: "`false`, or nothing",
        help: "take `privileged` out",
        denies: true,
        checks: &[Check::Containers(|container, _| {
            none(&container.privileged, |value| value.then(|| "`true`".to_owned()))
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/capabilities/no-escalation",
        title: "no program gets more rights than the one that started it",
        source: "IG BvC 016, SYS.1.6.A17",
        expected: "it to be ruled out",
        help: "compose: `security_opt: [\"no-new-privileges:true\"]`; Kubernetes: `allowPrivilegeEscalation: false`",
        checks: &[Check::Containers(|container, _| match &container.escalation {
            None => broken(&container.at, NOTHING),
            fact => none(fact, |allowed| allowed.then(|| "allowed".to_owned())),
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/capabilities/seccomp",
        title: "system calls are filtered",
        source: "IG BvC 027, SYS.1.6.A21, Pod Security Standards (restricted)",
        expected: "the runtime's profile, or one of its own",
        help: "compose: no `seccomp:unconfined`; Kubernetes: `seccompProfile: {type: RuntimeDefault}`",
        checks: &[Check::Containers(|container, context| match &container.seccomp {
            // Docker's own profile is on unless somebody takes it off; Kubernetes' is off unless somebody asks for it.
            None if context.kind == Kind::Kubernetes => broken(&container.at, NOTHING),
            profile => none(profile, |profile| unconfined(profile)),
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/capabilities/apparmor",
        title: "AppArmor and SELinux are not taken off",
        source: "IG BvC 026, SYS.1.6.A21, Pod Security Standards (baseline)",
        expected: "the runtime's profile, or one of its own",
        help: "compose: no `apparmor:unconfined`, no `label:disable`; Kubernetes: `appArmorProfile: {type: RuntimeDefault}`",
        checks: &[Check::Containers(|container, context| match &container.apparmor {
            None if context.kind == Kind::Running => Judged::NotApplicable("the host has no AppArmor"),
            profile => none(profile, |profile| unconfined(profile)),
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/capabilities/proc",
        title: "/proc is masked",
        source: "IG BvC 027, SYS.1.6.A17",
        expected: "the default",
        help: "compose: no `systempaths=unconfined`; Kubernetes: no `procMount: Unmasked`",
        checks: &[Check::Containers(|container, _| {
            none(&container.proc, |value| (value != "Default").then(|| format!("`{value}`")))
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/capabilities/sysctls",
        title: "no kernel parameter is set that others would feel",
        source: "IG BvC 027, SYS.1.6.A17",
        expected: "none, or safe ones",
        help: "take it out of `sysctls`",
        checks: &[Check::Containers(|container, _| {
            none(&container.sysctls, |name| (!SAFE_SYSCTLS.contains(&&**name)).then(|| format!("`{name}`")))
        })],
        ..POLICY
    },
];

fn unconfined(profile: &str) -> Option<String> {
    // A variable that has no value can be anything.
    let is_off = profile.eq_ignore_ascii_case("unconfined") || profile == "label:disable" || profile.contains('$');
    is_off.then(|| format!("`{profile}`"))
}
