//! Arguments of `dashboard`.

use super::history::At;
use clap::Args as ClapArgs;
use std::{net::SocketAddr, path::PathBuf};

#[derive(Debug, ClapArgs)]
pub(crate) struct Dashboard {
    #[command(flatten)]
    pub(crate) at: At,
    /// Where to listen; beyond this machine only with --token-file, and behind something that speaks TLS
    #[arg(long, default_value = "127.0.0.1:8790", value_name = "ADDRESS:PORT")]
    pub(crate) bind: SocketAddr,
    /// File with the token that whoever reads has to know, 16 characters or more
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Folder of results folders: a run in progress below it is shown live
    #[arg(long, default_value = "fedproof-results", value_name = "DIR")]
    pub(crate) results: PathBuf,
    /// Where commits are shown, with {build} in it: https://git.example.org/synapse/-/commit/{build}
    #[arg(long, env = "FEDPROOF_BUILD_LINK", value_name = "URL")]
    pub(crate) build_link: Option<String>,
}
