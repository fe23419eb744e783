//! Server ACLs on one page: what each row asks × homeserver, with the answers before, during and after the denial.

use super::{Page, anchor, part};
use crate::kinds::Kind;
use fedproof_results::{CaseResult, PhaseOutcome, Role, SubjectResult, Verdict};
use maud::{Markup, html};

/// The cases of one row and how they went on one kind of homeserver.
type Cell<'a> = Vec<(&'a CaseResult, &'a SubjectResult)>;

pub(super) fn guarded(page: &Page<'_>) -> Option<Markup> {
    let mut rows: Vec<(&str, Vec<&CaseResult>)> = Vec::new();
    for result in page.record.cases.iter().filter(|result| is_guarded(result)) {
        match rows.iter_mut().find(|(row, _)| *row == result.case.row()) {
            Some((_, cases)) => cases.push(result),
            None => rows.push((result.case.row(), vec![result])),
        }
    }
    if rows.is_empty() {
        return None;
    }
    Some(html! {
        p.quiet {
            "The same request before the rule stands, while it stands, and after it was lifted. A denial counts only between two "
            "answers that could have been it. All room versions together; where they differ, each difference has a line."
        }
        (part::wide("Endpoints and homeservers", html! {
            table.kinds {
                thead { tr { th scope="col" { "row" } @for kind in &page.kinds { th scope="col" { (part::kind(kind)) } } } }
                tbody {
                    @for (row, cases) in &rows {
                        tr {
                            th scope="row" { (part::text(row)) }
                            @for kind in &page.kinds { (cell(page, kind, cases)) }
                        }
                    }
                }
            }
        }))
    })
}

/// A case of the ACL chapters that asks, and asks for a control; patterns have a table of their own.
fn is_guarded(result: &CaseResult) -> bool {
    result.case.id.starts_with("acl/")
        && result.subjects.iter().any(|subject| {
            let has = |role| subject.phases.iter().any(|phase| phase.role == role && phase.status.is_some());
            !subject.facts.contains_key("name") && has(Role::Control) && has(Role::Check)
        })
}

fn cell(page: &Page<'_>, kind: &Kind, cases: &[&CaseResult]) -> Markup {
    let mut alike: Vec<(Vec<String>, Cell<'_>)> = Vec::new();
    for (result, subject) in cases.iter().filter_map(|result| Some((*result, kind.subject(result)?))) {
        let answers = answers(subject);
        match alike.iter_mut().find(|(known, some)| *known == answers && some[0].1.verdict == subject.verdict) {
            Some((_, some)) => some.push((result, subject)),
            None => alike.push((answers, vec![(result, subject)])),
        }
    }
    let worst = alike.iter().map(|(_, some)| some[0].1.verdict).max();
    html! {
        td class=[worst.map(|worst| format!("cell {worst}"))] {
            @for (_, some) in &alike { div { (line(page, some, alike.len() > 1)) } }
            @if alike.is_empty() { (part::sign("–")) span.hear { "not put to the test" } }
        }
    }
}

fn shown(subject: &SubjectResult) -> impl Iterator<Item = &PhaseOutcome> {
    subject.phases.iter().filter(|phase| phase.role != Role::Setup)
}

fn answers(subject: &SubjectResult) -> Vec<String> {
    shown(subject).map(|phase| format!("{}{:?}{}", phase.phase, phase.status, phase.ok)).collect()
}

/// `✓ control 200 → denied 403 → lifted 200`, each leading to its exchange.
fn line(page: &Page<'_>, some: &Cell<'_>, say_versions: bool) -> Markup {
    let Some((result, subject)) = some.first() else { return html! {} };
    let versions: Vec<&str> = some.iter().filter_map(|(result, _)| result.case.room_version.as_deref()).collect();
    html! {
        a class={ "v " (subject.verdict) } href={ "#" (anchor::case(&result.case.id)) } { (part::sign(crate::words::mark(subject.verdict))) span.hear { (crate::words::word(subject.verdict)) } }
        @if matches!(subject.verdict, Verdict::Skipped | Verdict::NotApplicable) { " " (crate::words::word(subject.verdict)) }
        @for (index, phase) in shown(subject).enumerate() {
            @if index > 0 { " →" }
            " " span.quiet { (part::text(&phase.phase)) } " "
            @let label = html! { @match phase.status { Some(status) => (status), None if phase.ok => "held", None => "did not hold" } };
            @match phase.exchange { Some(id) => (part::exchange(page, id, label)), None => (label) }
        }
        @if say_versions && !versions.is_empty() { span.quiet { " (room version " (part::text(&versions.join(", "))) ")" } }
    }
}
