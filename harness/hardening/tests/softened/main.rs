//! Each rule fails alone: one line of a hard file is softened, and nothing but that is found, where it is.

mod compose;
mod kubernetes;
#[path = "../support/mod.rs"]
mod support;

use compose::COMPOSE;
use fedproof_hardening::Kind;
use kubernetes::KUBERNETES;
use std::collections::BTreeSet;
use support::{broken, folder, judged, rules_of};

/// Rule; a text of the hard file; what stands there instead; a text of the line that is to be found (the new one if empty);
/// rules that the same line breaks by their nature.
type Softening = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

#[test]
fn each_rule_fails_alone_in_a_compose_file() {
    soften(Kind::Compose, "hard.compose.yaml", COMPOSE);
}

#[test]
fn each_rule_fails_alone_in_a_manifest() {
    soften(Kind::Kubernetes, "hard.manifest.yaml", KUBERNETES);
}

fn soften(kind: Kind, name: &str, table: &[Softening]) {
    let tried: BTreeSet<String> = table.iter().map(|(rule, ..)| format!("hardening/{rule}")).collect();
    let applying: BTreeSet<String> = rules_of(kind).map(|rule| rule.id.to_owned()).collect();
    assert_eq!(tried, applying, "every rule that applies is softened once at least");

    let hard = std::fs::read_to_string(folder().join(name)).expect("it is there");
    let place = tempfile::tempdir().expect("a folder");
    std::fs::copy(folder().join("sygnal.yaml"), place.path().join("sygnal.yaml")).expect("it is there");
    let file = place.path().join(name);
    for (rule, from, to, found, others) in table {
        assert!(hard.contains(from), "{rule}: {from}");
        let soft = hard.replacen(from, to, 1);
        std::fs::write(&file, &soft).expect("it can be written");
        let judgements = judged(&file);
        let mut expected: Vec<String> = [*rule].iter().chain(*others).map(|rule| format!("hardening/{rule}")).collect();
        expected.sort_unstable();
        assert_eq!(broken(&judgements), expected, "{from} → {to}");

        let at = if found.is_empty() { hard.find(from) } else { soft.find(found) };
        let line = soft[..at.unwrap_or_else(|| panic!("{found} in {name}"))].matches('\n').count() + 1;
        let id = format!("hardening/{rule}");
        let of_rule = judgements.iter().filter(|one| one.rule == id).flat_map(|one| &one.findings);
        let lines: Vec<usize> = of_rule.map(|finding| finding.line).collect();
        assert_eq!(lines, [line], "{rule}: {from} → {to}");
    }
}
