//! `report.html`: one file that needs no network and no JavaScript.
//!
//! The order is that of a reader's questions: may it go out, what is wrong, where, what exactly was on the wire.
//! To add a section: a file with a `pub(super) fn NAME(page: &Page) -> Markup`, and a line in [`html`].

mod anchor;
mod areas;
mod cases;
mod changes;
mod exchanges;
mod figures;
mod guarded;
mod head;
mod interop;
mod invariants;
mod matrix;
mod observations;
mod part;
mod patterns;
mod requirements;
mod troubles;

use crate::{
    kinds::{Kind, kinds},
    tally::{Area, areas, judged},
    words::one_line,
};
use fedproof_results::RunRecord;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("filter.js");

/// Base64 of the SHA-256 of [`SCRIPT`]: the only script that the page's policy lets run. A test keeps it right.
const SCRIPT_HASH: &str = "Mlx0yQq1ke1doxPJOV56SsQoYOlJchOFVz7JYPXUYBQ=";

/// What every section reads.
struct Page<'a> {
    record: &'a RunRecord,
    areas: Vec<Area<'a>>,
    /// Homeservers that were judged, in deployment order.
    servers: Vec<&'a str>,
    /// They by kind: columns of the tables that compare.
    kinds: Vec<Kind>,
}

/// The run as a page.
pub fn html(record: &RunRecord) -> String {
    let servers = judged(record);
    let kinds = kinds(record, &servers);
    let page = Page { record, areas: areas(record), servers, kinds };
    let sections = [
        ("troubles", "Failed and inconclusive", troubles::troubles(&page)),
        ("changes", "Against the baseline", changes::changes(&page)),
        ("areas", "Areas", Some(areas::areas(&page))),
        ("guarded", "Server ACLs", guarded::guarded(&page)),
        ("patterns", "ACL patterns", patterns::patterns(&page)),
        ("invariants", "Invariants", invariants::invariants(&page)),
        ("interop", "Interoperation", interop::interop(&page)),
        ("matrix", "Endpoint matrix", matrix::matrix(&page)),
        ("observations", "Observations", observations::observations(&page)),
        ("requirements", "Requirements", Some(requirements::requirements(&page))),
        ("cases", "All cases", Some(cases::cases(&page))),
        ("figures", "Time and resources", Some(figures::figures(&page))),
        ("exchanges", "Exchanges", exchanges::exchanges(&page)),
    ];
    let sections: Vec<_> =
        sections.into_iter().filter_map(|(id, title, body)| body.map(|body| (id, title, body))).collect();
    whole(&page, &sections).into_string()
}

fn whole(page: &Page<'_>, sections: &[(&str, &str, Markup)]) -> Markup {
    let record = page.record;
    // Everything foreign is escaped; the policy is the second lock, should an escape ever be forgotten.
    let policy = format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{SCRIPT_HASH}'");
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (record.verdict.title()) " – fedproof " (one_line(&record.identity.run_id, 80)) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (head::head(page))
                nav aria-label="Sections" {
                    @for (id, title, _) in sections { a href={ "#" (id) } { (title) } }
                }
                main {
                    @for (id, title, body) in sections {
                        section id=(id) { h2 { (title) } (body) }
                    }
                }
                footer { "fedproof " (record.identity.suite_version) ", schema " (record.schema) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{Engine, engine::general_purpose::STANDARD};
    use sha2::{Digest, Sha256};

    #[test]
    fn the_policy_lets_just_our_script_run() {
        assert_eq!(SCRIPT_HASH, STANDARD.encode(Sha256::digest(SCRIPT)));
    }
}
