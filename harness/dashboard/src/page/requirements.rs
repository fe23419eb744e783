//! From the specification to the evidence: requirement, the cases that ask it, what they came to the last time.

use crate::{
    part::{self, href},
    spec,
    view::{Body, View, Wrong},
};
use fedproof_history::{Kind, MatrixCell};
use fedproof_results::{CaseInfo, Verdict};
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Tracks of which the latest run counts.
const TRACKS: usize = 12;

/// The latest of a case on a kind of homeserver.
struct Latest {
    cell: MatrixCell,
    build: String,
    started_at: String,
}

pub(crate) async fn requirements(view: View) -> Result<Body, Wrong> {
    let words = view.words;
    let store = &view.shared.store;
    let cases = store.cases().await?;
    if cases.is_empty() {
        return Ok(super::empty(&view, words.requirements));
    }
    let latest = latest(&view).await?;
    let mut sections: BTreeMap<&str, BTreeMap<&str, Vec<&CaseInfo>>> = BTreeMap::new();
    for case in &cases {
        let (section, rest) = case.requirement_parts();
        sections.entry(section).or_default().entry(rest).or_default().push(case);
    }
    let markup = html! {
        h1 { (words.requirements) }
        p.quiet { (words.requirements_hint) }
        @for (section, rests) in &sections {
            @let cells = rests.values().flatten().filter_map(|case| latest.get(&case.id)).flatten();
            @let verdicts = cells.map(|one| (one.cell.verdict, one.cell.accepted)).collect::<Vec<_>>();
            @let count = |verdict: Verdict| verdicts.iter().filter(|(one, _)| *one == verdict).count() as u64;
            @let accepted = verdicts.iter().filter(|one| **one == (Verdict::Fail, true)).count() as u64;
            details.group open[count(Verdict::Fail) > accepted] {
                summary { h3 { (part::text(section)) } (part::tally(words, count, accepted)) }
                div.inside {
                    p { (spec::read_on(section)) }
                    @for (rest, cases) in rests {
                        @if !rest.is_empty() { h4 { (part::text(rest)) } }
                        ul.found { @for case in cases { li { (row(&view, case, latest.get(&case.id).map(Vec::as_slice).unwrap_or_default())) } } }
                    }
                }
            }
        }
    };
    Ok(Body { title: words.requirements.to_owned(), markup })
}

/// By id of the case: of each kind of homeserver the latest, over the latest runs of all tracks.
async fn latest(view: &View) -> Result<BTreeMap<String, Vec<Latest>>, Wrong> {
    let store = &view.shared.store;
    let mut heads = Vec::new();
    for track in store.tracks().await?.into_iter().filter(|track| track.kind == Kind::Cases).take(TRACKS) {
        heads.extend(store.runs(Some(&track.branch), Some(&track.place), 1).await?);
    }
    let ids: Vec<String> = heads.iter().map(|head| head.run_id.clone()).collect();
    let heads: BTreeMap<&str, _> = heads.iter().map(|head| (head.run_id.as_str(), head)).collect();
    let mut latest: BTreeMap<String, Vec<Latest>> = BTreeMap::new();
    for cell in store.matrix(&ids).await? {
        let Some(head) = heads.get(cell.run_id.as_str()) else { continue };
        let known = latest.entry(cell.case.clone()).or_default();
        let one = Latest { build: head.build.clone(), started_at: head.started_at.clone(), cell };
        match known.iter_mut().find(|known| known.cell.server == one.cell.server) {
            Some(known) if known.started_at < one.started_at => *known = one,
            Some(_) => {}
            None => known.push(one),
        }
    }
    Ok(latest)
}

fn row(view: &View, case: &CaseInfo, latest: &[Latest]) -> Markup {
    let words = view.words;
    html! {
        a href=(part::case_path(&case.id)) { (part::id(&case.id)) } " " span.quiet { (case.level) }
        @for one in latest {
            " " a.evidence href=(href(&part::case_path(&case.id), &[("run", &one.cell.run_id)])) title=(part::text(&one.build)) {
                (part::verdict(words, one.cell.verdict)) " " (part::text(&one.cell.server))
            }
            @if one.cell.accepted { " " span.chip { (words.known_deviation) } }
        }
        @if latest.is_empty() { " " span.quiet { (words.no_outcome) } }
        div.quiet { (part::text(&case.title)) }
    }
}
