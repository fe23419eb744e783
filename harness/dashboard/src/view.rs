//! What was asked, in which language, and the frame around every answer.

use crate::{
    part::{self, href},
    server::Shared,
    words::{ENGLISH, GERMAN, Words, of_header},
};
use axum::{
    extract::{FromRequestParts, Query, RawPathParams},
    response::{Html, IntoResponse, Response},
};
use fedproof_history::{HistoryError, RunHead};
use fedproof_results::RunRecord;
use http::{HeaderMap, StatusCode, header, request::Parts};
use maud::{DOCTYPE, Markup, html};
use std::{collections::BTreeMap, convert::Infallible, sync::Arc};

/// A request, as pages see it.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) shared: Arc<Shared>,
    pub(crate) words: &'static Words,
    pub(crate) is_behind_tls: bool,
    query: BTreeMap<String, String>,
    params: BTreeMap<String, String>,
}

/// What a page gives: its title and what is under it.
pub(crate) struct Body {
    pub(crate) title: String,
    pub(crate) markup: Markup,
}

/// Why there is no page.
#[derive(Debug)]
pub(crate) enum Wrong {
    /// The store does not answer.
    History(HistoryError),
    /// There is no such thing.
    Missing(String),
}

impl From<HistoryError> for Wrong {
    fn from(error: HistoryError) -> Self {
        match error {
            HistoryError::NoRun { run_id } => Self::Missing(run_id),
            other => Self::History(other),
        }
    }
}

const LANGUAGE: &str = "fedproof_language";

impl FromRequestParts<Arc<Shared>> for View {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shared: &Arc<Shared>) -> Result<Self, Infallible> {
        let query = Query::<BTreeMap<String, String>>::try_from_uri(&parts.uri);
        let query = query.map(|Query(query)| query).unwrap_or_default();
        let params = RawPathParams::from_request_parts(parts, shared).await.ok();
        let params = params.iter().flat_map(|params| params.iter());
        Ok(Self {
            shared: shared.clone(),
            words: language(&query, &parts.headers),
            is_behind_tls: parts.headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https"),
            params: params.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            query,
        })
    }
}

/// The language asked for here, else the one chosen before, else what the browser prefers.
fn language(query: &BTreeMap<String, String>, headers: &HeaderMap) -> &'static Words {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let cookies = text(header::COOKIE).split(';').filter_map(|cookie| cookie.trim().split_once('='));
    let chosen = cookies.filter(|(name, _)| *name == LANGUAGE).map(|(_, value)| value).next();
    match query.get("lang").map(String::as_str).or(chosen) {
        Some("de") => &GERMAN,
        Some("en") => &ENGLISH,
        _ => of_header(text(header::ACCEPT_LANGUAGE)),
    }
}

/// Places in the head of every page, in its order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Overview,
    Matrix,
    Requirements,
    Performance,
    Interop,
    Deviations,
    Compare,
    Live,
    None,
    /// Before the token was given: no place leads anywhere.
    Outside,
}

impl View {
    /// A part of the path, decoded.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// What was asked for by name; `None` if it is empty.
    pub(crate) fn asked(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// The record of a run with its evidence, from memory if it was read lately.
    pub(crate) async fn record(&self, run_id: &str) -> Result<Option<Arc<RunRecord>>, Wrong> {
        if let Some(record) = self.shared.records.get(run_id) {
            return Ok(Some(record));
        }
        let record = self.shared.store.record(run_id).await?.map(Arc::new);
        // One that is not complete may be replaced by what it becomes.
        if let Some(record) = record.as_ref().filter(|record| record.complete) {
            self.shared.records.put(run_id.to_owned(), record.clone());
        }
        Ok(record)
    }

    /// What a run is held against: the one before it on its track, or, if it was blocked, on the branch that it was built on; if nothing
    /// there was good yet, the latest good one of the same place on another branch.
    pub(crate) async fn before(&self, run: &RunHead) -> Result<Option<RunHead>, Wrong> {
        let store = &self.shared.store;
        if let Some(good) = store.good_elsewhere(run).await? {
            return Ok(Some(good));
        }
        let before = store.runs_before(run, run.line(), 1).await?.pop();
        Ok(match before {
            None if run.is_blocked() => store.runs_before(run, &run.branch, 1).await?.pop(),
            before => before,
        })
    }

    /// The page around a body, or around what went wrong.
    pub(crate) fn answer(&self, tab: Tab, made: Result<Body, Wrong>) -> Response {
        let (status, body) = match made {
            Ok(body) => (StatusCode::OK, body),
            Err(Wrong::Missing(what)) => (StatusCode::NOT_FOUND, self.sorry(self.words.not_found, &what)),
            Err(Wrong::History(error)) => {
                (StatusCode::INTERNAL_SERVER_ERROR, self.sorry(self.words.failed_to, &error.to_string()))
            }
        };
        let page = Html(self.frame(tab, &body).into_string());
        let mut response = (status, page).into_response();
        if self.asked("lang").is_some() {
            let cookie = format!("{LANGUAGE}={}; SameSite=Strict; Path=/; Max-Age=31536000", self.words.lang);
            if let Ok(cookie) = cookie.parse() {
                response.headers_mut().append(header::SET_COOKIE, cookie);
            }
        }
        response
    }

    fn sorry(&self, title: &str, what: &str) -> Body {
        Body {
            title: title.to_owned(),
            markup: html! { h1 { (title) } p { (part::text(what)) } p { a href="/" { (self.words.overview) } } },
        }
    }

    fn frame(&self, tab: Tab, body: &Body) -> Markup {
        let words = self.words;
        let tabs = [
            (Tab::Overview, "/", words.overview),
            (Tab::Matrix, "/matrix", words.matrix),
            (Tab::Requirements, "/requirements", words.requirements),
            (Tab::Performance, "/performance", words.performance),
            (Tab::Interop, "/interop", words.interop),
            (Tab::Deviations, "/deviations", words.deviations),
            (Tab::Compare, "/compare", words.compare),
            (Tab::Live, "/live", words.live),
        ];
        html! {
            (DOCTYPE)
            html lang=(words.lang) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (body.title) " – fedproof" }
                    link rel="icon" href="/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/style.css";
                    script src="/script.js" defer {}
                }
                body {
                    a.skip href="#main" { (words.skip) }
                    header.top {
                        a.brand href="/" { "fedproof" }
                        @if tab != Tab::Outside { form.search role="search" action="/search" {
                            input type="search" name="q" value=[self.asked("q")] placeholder=(words.search_hint) aria-label=(words.search);
                            button { (words.search) }
                        } }
                        (self.other_language())
                    }
                    @if tab != Tab::Outside {
                        nav aria-label=(words.pages) {
                            @for (one, path, name) in tabs {
                                a href=(path) aria-current=[(one == tab).then_some("page")] { (name) }
                            }
                        }
                    }
                    main id="main" tabindex="-1" { (body.markup) }
                    footer { "fedproof " (env!("CARGO_PKG_VERSION")) " · " (words.times_are_utc) }
                }
            }
        }
    }

    /// A link to the same page in the other language. It names no path: one that begins with `//` would lead to another host.
    fn other_language(&self) -> Markup {
        let (lang, name) = if self.words.lang == "en" { ("de", "Deutsch") } else { ("en", "English") };
        let mut query: Vec<(&str, &str)> =
            self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        query.retain(|(name, _)| *name != "lang");
        query.push(("lang", lang));
        html! { a.language href=(href("", &query)) lang=(lang) hreflang=(lang) { (name) } }
    }

    /// A page before the token was given.
    pub(crate) fn outside(&self, title: &str, markup: Markup) -> Markup {
        self.frame(Tab::Outside, &Body { title: title.to_owned(), markup })
    }
}
