//! `fedproof dashboard`: the history as web pages.

use crate::{args, error::CliError, interrupt, stdout};
use fedproof_dashboard::{Dashboard, DashboardError, Settings};
use fedproof_history::Store;
use std::fs;

/// Serves until it is interrupted.
pub(crate) async fn dashboard(args: args::Dashboard) -> Result<u8, CliError> {
    if args.build_link.as_ref().is_some_and(|link| {
        !["http://", "https://"].iter().any(|scheme| link.starts_with(scheme)) || !link.contains("{build}")
    }) {
        return Err(CliError::bad_input("--build-link has to be an http(s) URL with {build} in it"));
    }
    let token = args.token_file.as_ref().map(|path| {
        let read = fs::read_to_string(path).map(|token| token.trim().to_owned());
        read.map_err(|error| CliError::bad_input(format!("failed to read {}: {error}", path.display())))
    });
    let store = Store::open(&args.at.history).await?;
    let settings =
        Settings { bind: args.bind, token: token.transpose()?, results: args.results, build_link: args.build_link };
    let dashboard = Dashboard::bind(store, settings).await?;
    stdout::print(&format!("http://{}/ (Ctrl-C ends it)", dashboard.address()));
    let mut stop = interrupt::watch();
    let end = async move {
        // The sender lives as long as the process.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    dashboard.serve(end).await?;
    Ok(0)
}

impl From<DashboardError> for CliError {
    fn from(error: DashboardError) -> Self {
        let message = format!("failed to {error}");
        match error {
            DashboardError::Serve(_) => Self::environment(message),
            _ => Self::bad_input(message),
        }
    }
}
