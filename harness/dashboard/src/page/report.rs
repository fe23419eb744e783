//! The report of a run as it was written when it ran: one file with everything in it.

use crate::view::{Tab, View, Wrong};
use axum::response::{Html, IntoResponse, Response};
use fedproof_history::Kind;
use http::header;

/// Reports bring their style and one script inside, which their own policy names by its hash. Beyond that they may do
/// nothing, and belong to no site: `sandbox` takes them our cookies and our pages.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; sandbox allow-scripts; \
                      form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

pub(crate) async fn report(view: View) -> Response {
    match text(&view).await {
        Ok(text) => ([(header::CONTENT_SECURITY_POLICY, POLICY)], Html(text)).into_response(),
        Err(wrong) => view.answer(Tab::None, Err(wrong)),
    }
}

async fn text(view: &View) -> Result<String, Wrong> {
    let run = view.shared.store.run(view.param("id")).await?;
    let text = match run.kind {
        Kind::Cases => view.record(&run.run_id).await?.map(|record| fedproof_report::html(&record)),
        Kind::Load => {
            let record = view.shared.store.load_record(&run.run_id).await?;
            record.map(|record| fedproof_report::load::html(&record))
        }
    };
    text.ok_or_else(|| Wrong::Missing(view.words.pruned.to_owned()))
}
