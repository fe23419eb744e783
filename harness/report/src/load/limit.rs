//! A search for the limit as a table.

use super::summary::threshold_value;
use fedproof_results::load::{Limit, LimitStep};
use maud::{Markup, html};
use std::fmt::Write;

/// The steps, and what they say.
pub(super) fn text(limit: &Limit) -> String {
    let mut text = String::from("\nthe figures above are those of the highest rate that held, or of the first\n\n");
    let _ = writeln!(text, "{:>9} {:>9}", "rate", "achieved");
    for step in &limit.steps {
        let mark = if step.held { "held  " } else { "BROKEN" };
        let _ = writeln!(text, "{:>7.1}/s {:>7.1}/s  {mark}  {}", step.rate, step.achieved, why(step));
    }
    let _ = writeln!(text, "limit: {}", found(limit));
    if let Some(profile) = &limit.profile {
        let _ = writeln!(text, "what the homeserver did at a rate that broke: {profile}");
    }
    if let Some(statements) = &limit.statements {
        let _ = writeln!(text, "what its PostgreSQL did: {statements}");
    }
    if !limit.no_profile_because.is_empty() {
        let _ = writeln!(text, "no profile of the homeserver: {}", limit.no_profile_because);
    }
    text.push('\n');
    text
}

/// The same for the page.
pub(super) fn html(limit: &Limit) -> Markup {
    html! {
        p { strong { (found(limit)) } ". What follows this section is about the highest rate that held, or about the first." }
        div.wide tabindex="0" { table {
            thead { tr { th.n { "rate" } th.n { "achieved" } th { "" } th { "" } } }
            tbody { @for step in &limit.steps {
                tr {
                    td.n { (format!("{:.1}/s", step.rate)) }
                    td.n { (format!("{:.1}/s", step.achieved)) }
                    td { span class=(if step.held { "v pass" } else { "v fail" }) { (if step.held { "✓ held" } else { "✗ broken" }) } }
                    td { (why(step)) }
                }
            } }
        } }
        @if let Some(profile) = &limit.profile {
            p { "What the homeserver did at a rate that broke: " a href=(profile) { (profile) } }
        }
        @if let Some(statements) = &limit.statements {
            p { "What its PostgreSQL did: " a href=(statements) { (statements) } }
        }
        @if !limit.no_profile_because.is_empty() { p.quiet { "No profile of the homeserver: " (limit.no_profile_because) } }
    }
}

/// What broke in a step, and what else is to be said of it.
fn why(step: &LimitStep) -> String {
    let broken = step.thresholds.iter().filter(|threshold| !threshold.ok).map(|threshold| {
        let seen =
            threshold.value.map_or_else(|| "nothing".to_owned(), |value| threshold_value(&threshold.expression, value));
        format!("{} (seen: {seen})", threshold.expression)
    });
    let stopped = Some(step.stopped_because.clone()).filter(|why| !why.is_empty());
    broken.chain(stopped).chain(step.doubts.iter().cloned()).collect::<Vec<_>>().join(", ")
}

/// The limit in a sentence.
fn found(limit: &Limit) -> String {
    match (limit.held, limit.broke) {
        (Some(held), Some(broke)) => format!("{held:.1}/s held, {broke:.1}/s did not"),
        (Some(held), None) => format!("not found; {held:.1}/s, the highest that was tried, held"),
        (None, Some(broke)) => format!("below {broke:.1}/s, the lowest that was tried"),
        (None, None) => "not found, nothing was tried".to_owned(),
    }
}
