//! The pattern table: a name under a list, what the rule says, what each homeserver did.
//!
//! It is made of the facts `acl`, `name` and `expected` of a case; a row of a scenario's table has them without asking.

use super::{Page, anchor, part};
use crate::words::{mark, word};
use fedproof_results::{CaseResult, Role, SubjectResult, Verdict};
use maud::{Markup, html};

/// One list with the names that were tried under it.
struct List<'a> {
    acl: &'a str,
    rows: Vec<(&'a CaseResult, &'a SubjectResult)>,
}

pub(super) fn patterns(page: &Page<'_>) -> Option<Markup> {
    let mut lists: Vec<List<'_>> = Vec::new();
    for result in page.record.cases.iter().filter(|result| is_pattern(result)) {
        let Some(first) = page.kinds.iter().find_map(|kind| kind.subject(result)) else { continue };
        let acl = first.facts.get("acl").map(String::as_str).unwrap_or_default();
        match lists.last_mut() {
            Some(list) if list.acl == acl => list.rows.push((result, first)),
            _ => lists.push(List { acl, rows: vec![(result, first)] }),
        }
    }
    if lists.is_empty() {
        return None;
    }
    Some(html! {
        p.quiet { "A name asks under a list. Where a homeserver differs from the rule, its answer is marked; what the specification leaves open is only told." }
        (part::wide("Patterns", html! {
            table.patterns {
                thead {
                    tr {
                        th scope="col" { "server name" } th scope="col" { "by the rule" }
                        @for kind in &page.kinds { th scope="col" { (part::kind(kind)) } }
                        th scope="col" { "case" }
                    }
                }
                @for list in &lists {
                    tbody {
                        tr.list { th scope="rowgroup" colspan=(page.kinds.len() + 3) { code { (part::text(list.acl)) } } }
                        @for (result, first) in &list.rows { (row(page, result, first)) }
                    }
                }
            }
        }))
    })
}

/// Whether a case is a row of this table, and of no other.
pub(super) fn is_pattern(result: &CaseResult) -> bool {
    let has = |subject: &SubjectResult| ["acl", "name"].iter().all(|fact| subject.facts.contains_key(*fact));
    result.case.id.starts_with("acl/match/") && result.subjects.iter().any(has)
}

fn row(page: &Page<'_>, result: &CaseResult, first: &SubjectResult) -> Markup {
    let fact = |name: &str| first.facts.get(name).map_or_else(String::new, |value| part::text(value));
    let expected = fact("expected");
    let short = result.case.id.strip_prefix("acl/match/").unwrap_or(&result.case.id);
    html! {
        tr {
            th scope="row" { code { (fact("name")) } }
            td { @if expected.is_empty() { span.quiet { "silent" } } @else { (expected) } }
            @for kind in &page.kinds { (seen(page, kind.subject(result))) }
            td { a href={ "#" (anchor::case(&result.case.id)) } title=(part::text(&result.case.title)) { (part::text(short)) } }
        }
    }
}

/// What one homeserver did: its answer in the phase that decides.
fn seen(page: &Page<'_>, subject: Option<&SubjectResult>) -> Markup {
    let Some(subject) = subject else { return html! { td.none { (part::sign("–")) } } };
    let check = subject.phases.iter().rfind(|phase| phase.role == Role::Check);
    let decided = matches!(subject.verdict, Verdict::Pass | Verdict::Fail | Verdict::Observed);
    html! {
        td class={ "cell " (subject.verdict) } title=[(!subject.reason.is_empty()).then(|| part::text(&subject.reason))] {
            (part::sign(mark(subject.verdict))) " "
            @match check.filter(|_| decided).and_then(|check| Some((check, check.status?))) {
                Some((check, status)) => {
                    @let label = html! { @match status { 200 => "allowed", 403 => "denied", other => (other) } };
                    @match check.exchange { Some(id) => (part::exchange(page, id, label)), None => (label) }
                    span.hear { ", " (word(subject.verdict)) }
                }
                None => (word(subject.verdict)),
            }
        }
    }
}
