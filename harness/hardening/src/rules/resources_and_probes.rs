//! `hardening/resources-and-probes`: nobody starves the others, and what hangs is noticed.

use super::{Check, Judged, NOTHING, POLICY, Rule, broken, none};
use crate::{
    amount::is_amount,
    model::{Container, Kind, Place, Seen},
};

const ENDS: &str = "it ends by itself";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "hardening/resources-and-probes/memory-limit",
        title: "memory is limited",
        source: "IG BvC 001, SYS.1.6.A15",
        expected: "a limit",
        help: "compose: `mem_limit` or `deploy.resources.limits.memory`; Kubernetes: `resources.limits.memory`",
        checks: &[Check::Containers(|container, _| limit(&container.limits.memory, &container.at))],
        ..POLICY
    },
    Rule {
        id: "hardening/resources-and-probes/cpu-limit",
        title: "processor time is limited",
        source: "IG BvC 001, SYS.1.6.A15",
        expected: "a limit",
        help: "compose: `cpus` or `deploy.resources.limits.cpus`; Kubernetes: `resources.limits.cpu`",
        checks: &[Check::Containers(|container, _| limit(&container.limits.cpu, &container.at))],
        ..POLICY
    },
    Rule {
        id: "hardening/resources-and-probes/pids-limit",
        title: "the number of processes is limited",
        source: "SYS.1.6.A15",
        expected: "a limit",
        help: "compose: `pids_limit` or `deploy.resources.limits.pids`",
        not_in: &[(Kind::Kubernetes, "the kubelet limits it for all pods (`podPidsLimit`)")],
        checks: &[Check::Containers(|container, _| limit(&container.limits.pids, &container.at))],
        ..POLICY
    },
    Rule {
        id: "hardening/resources-and-probes/memory-request",
        title: "memory is reserved",
        source: "IG BvC 001, SYS.1.6.A15",
        expected: "a reservation",
        help: "compose: `mem_reservation` or `deploy.resources.reservations.memory`; Kubernetes: `resources.requests.memory`",
        checks: &[Check::Containers(|container, _| limit(&container.requests.memory, &container.at))],
        ..POLICY
    },
    Rule {
        id: "hardening/resources-and-probes/cpu-request",
        title: "processor time is reserved",
        source: "IG BvC 001, SYS.1.6.A15",
        expected: "a reservation",
        help: "Kubernetes: `resources.requests.cpu`",
        not_in: &[
            (Kind::Compose, "the engine reserves no processor time"),
            (Kind::Running, "the engine reserves no processor time"),
        ],
        checks: &[Check::Containers(|container, _| limit(&container.requests.cpu, &container.at))],
        ..POLICY
    },
    Rule {
        id: "hardening/resources-and-probes/liveness",
        title: "somebody asks whether it lives",
        source: "IG BvC 029, APP.4.4.A11",
        expected: "a health check",
        help: "compose: `healthcheck` with a `test`; Kubernetes: `livenessProbe`",
        checks: &[Check::Containers(|container, context| match &container.liveness {
            Some(check) if context.kind == Kind::Running && !check.value && !container.ends => {
                broken(&check.at, "one that does not pass, or has not yet")
            }
            check => asked(container, check),
        })],
        ..POLICY
    },
    Rule {
        id: "hardening/resources-and-probes/readiness",
        title: "nobody is sent there before it is ready",
        source: "IG BvC 029, APP.4.4.A11",
        expected: "a readiness probe",
        help: "Kubernetes: `readinessProbe`",
        not_in: &[(Kind::Compose, "a health check is both"), (Kind::Running, "a health check is both")],
        checks: &[Check::Containers(|container, _| asked(container, &container.readiness))],
        ..POLICY
    },
];

/// A check that must ask something.
fn asked(container: &Container, check: &Option<Seen<bool>>) -> Judged {
    match check {
        _ if container.ends => Judged::NotApplicable(ENDS),
        None => broken(&container.at, NOTHING),
        check => none(check, |asks| (!asks).then(|| "one that asks nothing".to_owned())),
    }
}

/// An amount that must be there.
fn limit(fact: &Option<Seen<String>>, at: &Place) -> Judged {
    match fact {
        None => broken(at, NOTHING),
        Some(seen) if !is_amount(&seen.value) => broken(&seen.at, format!("`{}`, which is none", seen.value)),
        Some(_) => Judged::Holds,
    }
}
