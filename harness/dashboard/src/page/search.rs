//! What has these words in it: cases by id, title, requirement; runs by id, build, branch, place.

use crate::{
    part,
    view::{Body, View, Wrong},
    words::fill,
};
use fedproof_results::CaseInfo;
use maud::html;

/// Runs, and cases, shown at most.
const SHOWN: usize = 100;

pub(crate) async fn search(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let asked = view.asked("q").unwrap_or_default().to_lowercase();
    let (mut cases, mut runs) = (Vec::new(), Vec::new());
    if !asked.is_empty() {
        cases = view.shared.store.cases().await?;
        cases.retain(|case| has(case, &asked));
        runs = view.shared.store.find_runs(&asked, SHOWN as u32).await?;
    }
    let markup = html! {
        h1 { (words.search) }
        @if asked.is_empty() { p { (words.search_hint) } } @else {
            h2 { (words.cases) " (" (cases.len()) ")" }
            @if cases.is_empty() { p.quiet { (words.nothing_found) } }
            ul.found { @for case in cases.iter().take(SHOWN) { li { a href=(part::case_path(&case.id)) { (part::id(&case.id)) } " " (part::text(&case.title)) span.quiet { " " (case.level) } } } }
            @if cases.len() > SHOWN { p.quiet { (fill(words.and_more, &[&(cases.len() - SHOWN)])) } }
            h2 { (words.runs) " (" (runs.len()) @if runs.len() == SHOWN { "+" } ")" }
            @if runs.is_empty() { p.quiet { (words.nothing_found) } }
            ul.found { @for run in &runs { li { (part::run_verdict(words, run)) " " a href=(part::run_path(&run.run_id)) { (part::text(&run.run_id)) } " " (part::build(&view, &run.build)) " · " (part::time(&run.started_at)) span.quiet { " " (part::text(&run.branch)) ": " (part::text(&run.place)) } } } }
        }
    };
    Ok(Body { title: words.search.to_owned(), markup })
}

/// Whether every word is in it.
fn has(case: &CaseInfo, asked: &str) -> bool {
    let text = format!("{} {} {}", case.id, case.title, case.requirement).to_lowercase();
    asked.split_whitespace().all(|word| text.contains(word))
}
