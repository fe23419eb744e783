//! What an operation needs to be carried out.

use crate::{
    agenda::Agenda, ledger::Ledger, perform::lock, prepare::Transactions, recorder::Recorder, series::Series,
    stage::Stage, workload::Workload,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use tokio::time::Instant;

/// An operation that is due and has no answer yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    pub(crate) series: Series,
    pub(crate) due: Instant,
    pub(crate) measured: bool,
}

/// One play: what workers share while it is on.
pub(crate) struct Context {
    pub(crate) stage: Arc<Stage>,
    pub(crate) workload: Workload,
    pub(crate) agenda: Agenda,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) transactions: Transactions,
    pub(crate) seed: u64,
    /// Part of every mark of this play, and of the names it brings in.
    pub(crate) label: String,
    /// What workers do now, by number.
    pub(crate) under_way: Mutex<HashMap<u64, Waiting>>,
}

impl Context {
    /// Everything that is due and has no answer, whether it was begun or not.
    pub(crate) fn waiting(&self) -> Vec<Waiting> {
        let begun = lock(&self.under_way).values().copied().collect::<Vec<_>>();
        let backlog = self.agenda.backlog().into_iter().map(|arrival| Waiting {
            series: Series::Of(arrival.operation),
            due: self.agenda.due((arrival.phase, arrival.due)),
            measured: self.workload.phases[arrival.phase].measured,
        });
        begun.into_iter().chain(backlog).collect()
    }
}
