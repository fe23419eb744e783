//! `hardening/root-read-only`: what runs cannot change itself, and fills no disk.

use super::{Check, POLICY, Rule, must_be, none};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "hardening/root-read-only/root",
        title: "the root file system is read-only",
        source: "IG BvC 012, SYS.1.6.A23",
        expected: "a read-only root",
        help: "compose: `read_only: true`; Kubernetes: `readOnlyRootFilesystem: true`; what must be written goes to a tmpfs or a volume",
        checks: &[Check::Containers(|container, _| must_be(true, &container.read_only, &container.at))],
        ..POLICY
    },
    Rule {
        id: "hardening/root-read-only/scratch",
        title: "space for temporary files is limited",
        source: "IG BvC 001, SYS.1.6.A15",
        expected: "a size",
        help: "compose: `tmpfs: [\"/tmp:size=64m\"]`; Kubernetes: `emptyDir: {sizeLimit: 64Mi}`",
        checks: &[Check::Containers(|container, _| {
            none(&container.scratch, |(path, is_limited)| (!is_limited).then(|| format!("`{path}` without one")))
        })],
        ..POLICY
    },
];
