//! What an operation needs to be carried out.

use crate::{
    agenda::Agenda, ledger::Ledger, prepare::Transactions, recorder::Recorder, stage::Stage, workload::Workload,
};
use std::sync::Arc;

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
}
