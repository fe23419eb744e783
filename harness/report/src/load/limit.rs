//! A search for the limit as a table.

use super::summary::figure;
use fedproof_results::load::{Limit, LimitStep};
use std::fmt::Write;

/// The steps, and what they say.
pub(super) fn text(limit: &Limit) -> String {
    let mut text = String::from("\nthe figures above are those of the highest rate that held, or of the first\n\n");
    let _ = writeln!(text, "{:>9} {:>9}", "rate", "achieved");
    for LimitStep { rate, held, achieved, thresholds, stopped_because, doubts } in &limit.steps {
        let broken = thresholds.iter().filter(|threshold| !threshold.ok).map(|threshold| {
            let seen =
                threshold.value.map_or_else(|| "nothing".to_owned(), |value| figure(&threshold.expression, value));
            format!("{} (seen: {seen})", threshold.expression)
        });
        let stopped = Some(stopped_because.clone()).filter(|why| !why.is_empty());
        let why: Vec<String> = broken.chain(stopped).chain(doubts.iter().cloned()).collect();
        let mark = if *held { "held  " } else { "BROKEN" };
        let _ = writeln!(text, "{rate:>7.1}/s {achieved:>7.1}/s  {mark}  {}", why.join(", "));
    }
    let _ = match (limit.held, limit.broke) {
        (Some(held), Some(broke)) => writeln!(text, "limit: {held:.1}/s held, {broke:.1}/s did not"),
        (Some(held), None) => writeln!(text, "limit: not found; {held:.1}/s, the highest that was tried, held"),
        (None, Some(broke)) => writeln!(text, "limit: below {broke:.1}/s, the lowest that was tried"),
        (None, None) => writeln!(text, "limit: not found, nothing was tried"),
    };
    if let Some(profile) = &limit.profile {
        let _ = writeln!(text, "what the homeserver did at a rate that broke: {profile}");
    }
    if !limit.no_profile_because.is_empty() {
        let _ = writeln!(text, "no profile of the homeserver: {}", limit.no_profile_because);
    }
    text.push('\n');
    text
}
