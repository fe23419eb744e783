//! Pieces that several sections share.

use super::{Page, anchor};
use crate::{
    kinds::Kind,
    words::{mark, one_line, word},
};
use fedproof_core::transcript::Exchange;
use fedproof_results::{PhaseOutcome, Role, SubjectResult, Verdict};
use maud::{Markup, html};

/// Mark and word of a verdict. The colour of its class only repeats them.
pub(super) fn verdict(verdict: Verdict) -> Markup {
    html! { span class={ "v " (verdict) } { (sign(mark(verdict))) " " (word(verdict)) } }
}

/// A mark that is read out by the word beside it.
pub(super) fn sign(mark: &str) -> Markup {
    html! { span.mark aria-hidden="true" { (mark) } }
}

/// Foreign text in a line.
pub(super) fn text(text: &str) -> String {
    one_line(text, 2_000)
}

/// A link to an exchange of the appendix, or its number if it was not kept.
pub(super) fn exchange(page: &Page<'_>, id: u64, label: Markup) -> Markup {
    if page.record.evidence.contains_key(&id) {
        html! { a href={ "#" (anchor::exchange(id)) } title={ "exchange " (id) } { (label) } }
    } else {
        html! { (label) }
    }
}

/// What a phase came to: its mark, its word and its class.
///
/// A phase that is not to decide anything and did not hold leaves the case undecided, which is a question mark.
pub(super) fn phase_mark(phase: &PhaseOutcome) -> (&'static str, &'static str, Verdict) {
    match (phase.ok, phase.role) {
        (true, _) => ("✓", "as expected", Verdict::Pass),
        (false, Role::Check) => ("✗", "not as expected", Verdict::Fail),
        (false, _) => ("?", "not as expected, so nothing can be said", Verdict::Inconclusive),
    }
}

/// A phase in brief: `control 200 ✓`, linked to its exchange.
pub(super) fn phase(page: &Page<'_>, phase: &PhaseOutcome) -> Markup {
    let (mark, words, class) = phase_mark(phase);
    html! {
        span class={ "phase " (class) } { (answer(page, phase)) " " (sign(mark)) span.hear { (words) } }
    }
}

/// A phase that only tells what was seen, without a mark: `denied 403`. Not even "not as expected" is a verdict (R3).
pub(super) fn observed_phase(page: &Page<'_>, phase: &PhaseOutcome) -> Markup {
    html! { span.phase { (answer(page, phase)) } }
}

fn answer(page: &Page<'_>, phase: &PhaseOutcome) -> Markup {
    let label = html! {
        (text(&phase.phase))
        @if let Some(status) = phase.status { " " (status) }
        @if let Some(errcode) = &phase.errcode { " " (one_line(errcode, 60)) }
    };
    html! {
        @match phase.exchange {
            Some(id) => (exchange(page, id, label)),
            None => (label),
        }
    }
}

/// Heading of a column: the homeservers, and what runs there.
pub(super) fn kind(kind: &Kind) -> Markup {
    html! { (text(&kind.names())) @if !kind.version.is_empty() { br; span.quiet { (text(&kind.version)) } } }
}

/// Id of the exchange that decided: a failure's last, else that of the last phase that decides, else of the last phase.
pub(super) fn decisive_id(subject: &SubjectResult) -> Option<u64> {
    let of_failure = subject.failure.as_ref().and_then(|failure| failure.exchanges.last().copied());
    let mut phases = subject.phases.iter().rev();
    let of_check = || phases.find(|phase| phase.role == Role::Check).and_then(|phase| phase.exchange);
    of_failure.or_else(of_check).or_else(|| subject.phases.iter().rev().find_map(|phase| phase.exchange))
}

/// A word that leads to the exchange that decided.
pub(super) fn deciding(page: &Page<'_>, subject: &SubjectResult, label: &str) -> Markup {
    match decisive_id(subject) {
        Some(id) => exchange(page, id, html! { (label) }),
        None => html! { (label) },
    }
}

/// The decisive one of some exchanges, the last, if it was kept.
pub(super) fn decisive<'a>(page: &Page<'a>, exchanges: &[u64]) -> Option<&'a Exchange> {
    exchanges.last().and_then(|id| page.record.evidence.get(id))
}

/// A table that scrolls by itself on a narrow screen.
pub(super) fn wide(label: &str, table: Markup) -> Markup {
    html! { div.wide role="region" aria-label=(label) tabindex="0" { (table) } }
}
