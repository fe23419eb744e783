//! A case that went wrong, for a reader who has a minute: as a compiler would say it.

use super::paint::Paint;
use crate::{
    trouble::Trouble,
    wire::{course, request_line, short_body},
    words::{mark, one_line, replay, word},
};
use fedproof_core::transcript::Exchange;
use fedproof_results::{Identity, ServerInfo};
use std::collections::BTreeMap;

/// Bodies are shown up to so many characters; the page has more, the transcript most.
const BODY: usize = 240;

/// Everything.
pub(super) fn in_full(
    trouble: &Trouble<'_>,
    evidence: &BTreeMap<u64, Exchange>,
    identity: &Identity,
    servers: &[ServerInfo],
    paint: &Paint,
) -> String {
    let Trouble { case, subject } = trouble;
    let mut lines = vec![String::new(), heading(trouble, paint), format!("  {}", one_line(&case.title, 300))];
    let mut field = |label: &str, text: &str| {
        let label = if label.is_empty() { " ".repeat(9) } else { paint.quiet(&format!("{label:<9}")) };
        lines.push(format!("  {label} {text}"));
    };
    match &subject.failure {
        Some(failure) => {
            let at = format!("{}:{}, phase {}", failure.location.file, failure.location.line, failure.phase);
            field("at", &one_line(&at, 300));
            field("step", &one_line(&failure.step, 500));
            field("expected", &one_line(&failure.expected, 1_000));
            field("seen", &one_line(&failure.seen, 1_000));
        }
        None => {
            field("at", &one_line(&case.scenario, 300));
            field("seen", &one_line(&subject.reason, 1_000));
        }
    }
    field("asked by", &one_line(&case.requirement, 300));
    let exchanges = trouble.exchanges();
    let decisive = exchanges.last().and_then(|id| evidence.get(id));
    if let Some(exchange) = decisive {
        field("exchange", &format!("#{} {}", exchange.id, request_line(exchange, 500)));
        field("", &course(exchange));
        if let Some(body) = short_body(&exchange.request, BODY) {
            field("", &format!("sent {body}"));
        }
        if let Some(body) = short_body(&exchange.response, BODY) {
            field("", &format!("got  {body}"));
        }
    }
    field("hint", &one_line(&trouble.hint(decisive), 500));
    field("replay", &replay(identity, servers, &case.id));
    lines.push(String::new());
    lines.join("\n")
}

/// One line.
pub(super) fn in_brief(trouble: &Trouble<'_>, paint: &Paint) -> String {
    format!("{}: {}", heading(trouble, paint), one_line(&trouble.subject.reason, 160))
}

fn heading(Trouble { case, subject }: &Trouble<'_>, paint: &Paint) -> String {
    let verdict = subject.verdict;
    format!(
        "{} {} {}",
        paint.verdict(verdict, &format!("{} {}", mark(verdict), word(verdict))),
        paint.strong(&one_line(&case.id, 200)),
        paint.quiet(&format!("({} on {})", case.level, one_line(&subject.server, 60)))
    )
}
