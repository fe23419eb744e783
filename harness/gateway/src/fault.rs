//! Faults that a scenario injects.

use fedproof_core::{ServerName, acl::glob_matches};
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// What happens to the requests that a fault meets.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// No answer: the connection ends before the destination hears anything.
    Refuse,
    /// The request waits until the fault is healed, then goes on. It ends when its caller gives up.
    Stall,
    /// The request goes on after that time.
    Delay(Duration),
    /// The destination answers, but the connection ends in the middle of the answer's body.
    Cut,
    /// The gateway answers in place of the destination, which hears nothing.
    Answer {
        /// HTTP status code.
        status: u16,
        /// JSON body.
        body: Value,
    },
    /// The destination answers and the gateway changes its answer.
    Rewrite {
        /// Only answers with this status; `None` is any.
        when_status: Option<u16>,
        /// The new status; `None` keeps it.
        status: Option<u16>,
        /// The new JSON body; `None` keeps it.
        body: Option<Value>,
    },
}

/// A fault: which requests it meets, and what happens to them.
///
/// Conditions left out match everything. Server names may be globs. Of several faults that meet a request the one
/// injected last counts, except that rewrites come on top. Faults without a path spare the well-known document of
/// the destination unless they refuse, stall or delay: the API fails, not the name.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// Who calls, apart from any signature.
    pub from: Option<ServerName>,
    /// Whom the request is for.
    pub to: Option<ServerName>,
    /// HTTP method.
    pub method: Option<String>,
    /// Glob over path and query, percent-encoded as sent or decoded.
    pub path: Option<String>,
    /// Only every so manyth of them, the first one too; 1 for all.
    pub one_in: u32,
    /// What happens.
    pub effect: Effect,
}

/// Names an injected fault, to heal it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FaultId(u64);

/// What faults look at of a request.
pub(crate) struct Matter<'a> {
    pub(crate) from: &'a ServerName,
    pub(crate) to: &'a ServerName,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
}

impl Fault {
    /// A fault that meets everything, to be narrowed.
    pub fn new(effect: Effect) -> Self {
        Self { from: None, to: None, method: None, path: None, one_in: 1, effect }
    }

    fn meets(&self, matter: &Matter<'_>) -> bool {
        let is = |glob: &Option<ServerName>, name: &ServerName| {
            glob.as_ref().is_none_or(|glob| glob_matches(glob.as_str(), name.as_str()))
        };
        is(&self.from, matter.from)
            && is(&self.to, matter.to)
            && self.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(matter.method))
            && match &self.path {
                None => {
                    matter.path != crate::serve::WELL_KNOWN
                        || matches!(self.effect, Effect::Refuse | Effect::Stall | Effect::Delay(_))
                }
                Some(glob) => {
                    glob_matches(glob, matter.path)
                        || glob_matches(glob, &percent_decode_str(matter.path).decode_utf8_lossy())
                }
            }
    }

    /// The fault in words, for the record.
    fn words(&self) -> String {
        let effect = match &self.effect {
            Effect::Refuse => "refused",
            Effect::Stall => "stalled",
            Effect::Delay(_) => "delayed",
            Effect::Cut => "cut in the middle of the body",
            Effect::Answer { .. } => "answered by the gateway",
            Effect::Rewrite { .. } => "rewritten",
        };
        let any = "*";
        let name = |name: &Option<ServerName>| name.as_ref().map_or(any.to_owned(), ServerName::to_string);
        let method = self.method.as_deref().unwrap_or(any);
        let path = self.path.as_deref().unwrap_or(any);
        format!("{effect} ({method} {path} from {} to {})", name(&self.from), name(&self.to))
    }
}

/// A fault at work.
pub(crate) struct Active {
    pub(crate) effect: Effect,
    /// The fault in words.
    pub(crate) words: String,
    id: FaultId,
    fault: Fault,
    met: AtomicU64,
    healed: watch::Sender<bool>,
}

impl Active {
    /// Whether it is this request's turn.
    fn is_due(&self) -> bool {
        self.met.fetch_add(1, Ordering::Relaxed).is_multiple_of(self.fault.one_in.max(1).into())
    }

    /// Waits until the fault is healed.
    pub(crate) async fn healed(&self) {
        // The sender lives as long as `self`, so this cannot end early.
        let _ = self.healed.subscribe().wait_for(|&healed| healed).await;
    }
}

/// All faults at work, the last injected first.
#[derive(Default)]
pub(crate) struct Faults {
    active: RwLock<Vec<Arc<Active>>>,
    next: AtomicU64,
}

impl Faults {
    pub(crate) fn inject(&self, fault: Fault) -> FaultId {
        let id = FaultId(self.next.fetch_add(1, Ordering::Relaxed));
        let (effect, words) = (fault.effect.clone(), fault.words());
        let active = Active { effect, words, id, fault, met: AtomicU64::new(0), healed: watch::Sender::new(false) };
        self.active.write().unwrap_or_else(PoisonError::into_inner).insert(0, Arc::new(active));
        id
    }

    pub(crate) fn heal(&self, id: FaultId) {
        let mut active = self.active.write().unwrap_or_else(PoisonError::into_inner);
        active.retain(|fault| {
            if fault.id == id {
                fault.healed.send_replace(true);
            }
            fault.id != id
        });
    }

    /// The fault that decides whether and how the request reaches its destination.
    pub(crate) fn on_request(&self, matter: &Matter<'_>) -> Option<Arc<Active>> {
        self.first(matter, |active| !matches!(active.effect, Effect::Rewrite { .. }) && active.is_due())
    }

    /// The fault that refuses even the connection: one for all methods and paths.
    pub(crate) fn on_connection(&self, from: &ServerName, to: &ServerName) -> Option<Arc<Active>> {
        let matter = Matter { from, to, method: "CONNECT", path: "" };
        let found =
            self.first(&matter, |active| !matches!(active.effect, Effect::Rewrite { .. }) && active.fault.one_in <= 1)?;
        let total = found.effect == Effect::Refuse && found.fault.method.is_none() && found.fault.path.is_none();
        total.then_some(found)
    }

    /// The fault that changes an answer with this status.
    pub(crate) fn on_answer(&self, matter: &Matter<'_>, answered: u16) -> Option<Arc<Active>> {
        self.first(matter, |active| match &active.effect {
            Effect::Rewrite { when_status, .. } => when_status.is_none_or(|status| status == answered),
            _ => false,
        })
    }

    fn first(&self, matter: &Matter<'_>, is: impl Fn(&Active) -> bool) -> Option<Arc<Active>> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        active.iter().find(|active| active.fault.meets(matter) && is(active)).cloned()
    }
}

#[cfg(test)]
#[path = "fault_tests.rs"]
mod tests;
