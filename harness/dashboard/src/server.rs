//! The table of routes, and listening.

use crate::{
    cached::Cached,
    error::DashboardError,
    guard::{self, LEAST, Token},
    live::Live,
    open_metrics, page,
    view::{Body, Tab, View, Wrong},
};
use axum::{
    Router,
    middleware::from_fn_with_state,
    response::IntoResponse,
    routing::{MethodRouter, get},
};
use fedproof_history::{Store, change::ChangePoint};
use fedproof_results::RunRecord;
use http::header;
use std::{future::Future, net::SocketAddr, path::PathBuf, sync::Arc};
use tokio::net::TcpListener;

/// Where, for whom, and what else is shown.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen. Beyond loopback only with a token.
    pub bind: SocketAddr,
    /// Who knows it may read; `None`: everybody on this machine.
    pub token: Option<String>,
    /// The folder that holds results folders, of which a run in progress is one.
    pub results: PathBuf,
    /// Where a build is shown, with `{build}` in it: `https://git.example.org/synapse/-/commit/{build}`.
    pub build_link: Option<String>,
}

/// What all requests share.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) token: Option<Token>,
    pub(crate) live: Live,
    pub(crate) build_link: Option<String>,
    /// By id of the run; a whole one with its evidence takes some ten megabytes.
    pub(crate) records: Cached<String, RunRecord>,
    /// By id of the run.
    pub(crate) deviations: Cached<String, Vec<page::deviations::Covered>>,
    /// By id of the latest run of a track, and how many it has.
    pub(crate) worse: Cached<(String, u64), Vec<page::performance::Worse>>,
    /// By the values of the series, and what was asked of them.
    pub(crate) changes: Cached<Vec<u64>, Vec<ChangePoint>>,
}

/// A dashboard that listens.
#[derive(Debug)]
pub struct Dashboard {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl Dashboard {
    /// Listens; nothing is answered before [`Dashboard::serve`].
    ///
    /// # Errors
    /// [`DashboardError::Open`] beyond loopback without a token, [`DashboardError::Short`], [`DashboardError::Bind`].
    pub async fn bind(store: Store, settings: Settings) -> Result<Self, DashboardError> {
        let Settings { bind: address, token, results, build_link } = settings;
        match &token {
            None if !address.ip().is_loopback() => return Err(DashboardError::Open { address }),
            Some(token) if token.len() < LEAST => {
                return Err(DashboardError::Short { length: token.len(), least: LEAST });
            }
            _ => {}
        }
        let failed = |source| DashboardError::Bind { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let shared = Shared {
            store,
            token: token.as_deref().map(Token::new),
            live: Live::new(results),
            build_link,
            records: Cached::new(4),
            deviations: Cached::new(100),
            worse: Cached::new(100),
            changes: Cached::new(10_000),
        };
        Ok(Self { address: listener.local_addr().map_err(failed)?, listener, router: router(Arc::new(shared)) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `end`.
    ///
    /// # Errors
    /// [`DashboardError::Serve`].
    pub async fn serve(self, end: impl Future<Output = ()> + Send + 'static) -> Result<(), DashboardError> {
        let serving = axum::serve(self.listener, self.router).with_graceful_shutdown(end);
        serving.await.map_err(DashboardError::Serve)
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", shown(Tab::Overview, page::overview::overview))
        .route("/run/{id}", shown(Tab::Overview, page::run::run))
        .route("/run/{id}/report", get(page::report::report))
        .route("/matrix", shown(Tab::Matrix, page::matrix::matrix))
        .route("/case/{*id}", shown(Tab::Requirements, page::case::case))
        .route("/requirements", shown(Tab::Requirements, page::requirements::requirements))
        .route("/performance", shown(Tab::Performance, page::performance::performance))
        .route("/series", shown(Tab::Performance, page::series::series))
        .route("/interop", shown(Tab::Interop, page::interop::interop))
        .route("/deviations", shown(Tab::Deviations, page::deviations::deviations))
        .route("/compare", shown(Tab::Compare, page::compare::compare))
        .route("/search", shown(Tab::None, page::search::search))
        .route("/live", shown(Tab::Live, page::live::live))
        .route("/live/part", get(page::live::part))
        .route("/login", get(page::login::page).post(guard::log_in))
        .route("/metrics", get(open_metrics::metrics))
        .route("/style.css", asset("text/css", STYLE))
        .route("/script.js", asset("text/javascript", include_str!("assets/script.js")))
        .route("/icon.svg", asset("image/svg+xml", include_str!("assets/icon.svg")))
        .fallback(|view: View| async move { view.answer(Tab::None, Err(Wrong::Missing(String::new()))) })
        .layer(from_fn_with_state(shared.clone(), guard::guard))
        .with_state(shared)
}

/// The look of reports, and what only pages of a history have.
const STYLE: &str = concat!(include_str!("../../report/src/html/style.css"), include_str!("assets/style.css"));

/// A page in its frame.
fn shown<F, Made>(tab: Tab, make: F) -> MethodRouter<Arc<Shared>>
where
    F: Fn(View) -> Made + Clone + Send + Sync + 'static,
    Made: Future<Output = Result<Body, Wrong>> + Send,
{
    get(move |view: View| async move { view.answer(tab, make(view.clone()).await) })
}

fn asset(kind: &'static str, text: &'static str) -> MethodRouter<Arc<Shared>> {
    get(move || async move {
        (
            [(header::CONTENT_TYPE, format!("{kind}; charset=utf-8")), (header::CACHE_CONTROL, "no-cache".to_owned())],
            text,
        )
            .into_response()
    })
}
