//! What did not pass in a run, and since when. Room versions of a row fail together, and are told together.

use crate::{
    part,
    view::{View, Wrong},
    words::{Words, fill},
};
use fedproof_history::{Outcome, RunHead, Since};
use fedproof_results::Verdict;
use maud::{Markup, html};
use std::{cmp::Reverse, collections::BTreeMap};

/// Rows that the page of a run tells of: it has every case once more, by area.
const ROWS: usize = 50;
/// How far back it is looked for the first of them; less far where there are many lists.
const RUNS: u32 = 200;
const FEW_RUNS: u32 = 50;

/// Cases of a row that went the same way since the same run. Never empty.
struct Trouble<'a> {
    cases: Vec<&'a Outcome>,
    since: Option<Since>,
}

impl<'a> Trouble<'a> {
    fn first(&self) -> &'a Outcome {
        self.cases[0]
    }

    fn is_of(&self, other: &Outcome, since: Option<&Since>) -> bool {
        let (one, run) = (self.first(), |since: &Since| since.run_id.clone());
        (part::row(&one.case).0, &one.server, one.verdict, one.accepted)
            == (part::row(&other.case).0, &other.server, other.verdict, other.accepted)
            && self.since.as_ref().map(run) == since.map(run)
    }
}

/// The failed and the undecided among `outcomes` of a run, in a list for its page; at most `limit` entries and no more than a line of each,
/// if that is given. What is left out is counted, and where it stands.
pub(super) async fn list(
    view: &View,
    run: &RunHead,
    outcomes: &[Outcome],
    limit: Option<usize>,
) -> Result<Markup, Wrong> {
    let words = view.words;
    let mut wrong: Vec<&Outcome> =
        outcomes.iter().filter(|one| matches!(one.verdict, Verdict::Fail | Verdict::Inconclusive)).collect();
    if wrong.is_empty() {
        return Ok(html! {});
    }
    // What gates first, then what is accepted; failures before the undecided.
    wrong.sort_by_key(|one| (one.accepted, !one.level.gates(false), Reverse(one.verdict)));
    let ids: Vec<&str> = wrong.iter().map(|one| one.case.as_str()).collect();
    let since = view.shared.store.since(run, &ids, if limit.is_none() { RUNS } else { FEW_RUNS }).await?;
    let mut troubles: Vec<Trouble<'_>> = Vec::new();
    for one in wrong {
        let since = since.get(&(one.case.clone(), one.server.clone()));
        match troubles.iter_mut().find(|trouble| trouble.is_of(one, since)) {
            Some(trouble) => trouble.cases.push(one),
            None => troubles.push(Trouble { cases: vec![one], since: since.cloned() }),
        }
    }
    let shown = limit.unwrap_or(ROWS).min(troubles.len());
    let (told, rest) = troubles.split_at(shown);
    let ids: Vec<&str> = told.iter().map(|trouble| trouble.first().case.as_str()).collect();
    let cases = view.shared.store.cases_named(&ids).await?;
    let titles: BTreeMap<&str, &str> = cases.iter().map(|case| (case.id.as_str(), case.title.as_str())).collect();
    let elsewhere = if limit.is_none() { "#cases".to_owned() } else { part::run_path(&run.run_id) };
    Ok(html! {
        ul.troubles { @for one in told { (item(view, run, one, titles.get(one.first().case.as_str()).copied(), limit.is_none())) } }
        @if !rest.is_empty() { p { a href=(elsewhere) { (fill(words.and_more, &[&rest.len()])) } } }
    })
}

fn item(view: &View, run: &RunHead, trouble: &Trouble<'_>, title: Option<&str>, whole: bool) -> Markup {
    let (words, one) = (view.words, trouble.first());
    let (row, _) = part::row(&one.case);
    html! {
        li class=(one.verdict) {
            (part::verdict(words, one.verdict)) " "
            a href=(part::case_in(&one.case, &run.run_id)) { (part::id(row)) }
            @for (at, case) in trouble.cases.iter().enumerate() {
                @let version = part::row(&case.case).1;
                @if at == 0 { " " (version) } @else { " " a href=(part::case_in(&case.case, &run.run_id)) { (version) } }
            }
            span.quiet { " (" (part::text(&one.server)) ", " (one.level) ")" }
            @if one.accepted { " " span.chip { (words.known_deviation) } }
            @if let Some(title) = title { div { (part::text(without_version(title))) } }
            @if let Some(since) = &trouble.since { div.quiet { (told(view, words, run, since)) } }
            @if whole && !one.reason.is_empty() { div.quiet { (part::text(&one.reason)) } }
        }
    }
}

/// `since 1571cdf, 2026-04-07 08:10`, or that it is new.
fn told(view: &View, words: &Words, run: &RunHead, since: &Since) -> Markup {
    html! {
        @if since.run_id == run.run_id {
            @if since.changed { span.chip.fail { (words.new_in_this_run) } } @else { (words.in_first_run) }
        } @else {
            (if since.changed { words.since } else { words.since_at_least }) " " (part::build(view, &since.build)) ", "
            a href=(part::run_path(&since.run_id)) { (part::time(&since.started_at)) }
        }
    }
}

/// A title says the room version of its case; here it stands for several.
fn without_version(title: &str) -> &str {
    title.split_once(" (room version ").map_or(title, |(title, _)| title)
}
