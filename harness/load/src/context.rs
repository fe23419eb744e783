//! What an operation needs to be carried out.

use crate::{
    agenda::Agenda, ledger::Ledger, population::Population, prepare::Transactions, recorder::Recorder,
    workload::Workload,
};
use fedproof_virtual::World;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};
use tokio::sync::watch;

/// Everything that workers and watchers share.
pub(crate) struct Context {
    pub(crate) workload: Workload,
    pub(crate) population: Population,
    pub(crate) world: World,
    pub(crate) agenda: Arc<Agenda>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) transactions: Transactions,
    pub(crate) http: reqwest::Client,
    pub(crate) seed: u64,
    /// Part of every name and mark of this load.
    pub(crate) label: String,
    /// By user: where its incremental syncs go on.
    pub(crate) since: Vec<Mutex<Option<String>>>,
    /// By user: the newest event that it sent, with its room, for receipts.
    pub(crate) newest: Mutex<Option<(usize, String)>>,
    /// Media that was uploaded, to be downloaded.
    pub(crate) media: Mutex<Vec<String>>,
    /// Watchers end when this becomes true.
    pub(crate) over: watch::Sender<bool>,
    /// How many watchers have begun.
    pub(crate) watching: watch::Sender<usize>,
    /// Polls that failed, by reason.
    pub(crate) watch_errors: Mutex<BTreeMap<String, u64>>,
}
