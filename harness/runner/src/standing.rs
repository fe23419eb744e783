//! Standing cases: invariants that are judged over the whole transcript after everything else.
//!
//! Which instance caused a breach is told by the names in it, since every name that an instance makes holds its id or
//! one of its addresses; where no name tells, by the time at which it happened.

use crate::{
    kept,
    names::Names,
    run::{Field, Options},
};
use fedproof_core::{
    ServerName,
    invariant::{Breach, CANARIES, Judgement, RULES, Transcribed, rule},
    transcript::{Exchange, Transcript},
};
use fedproof_deployment::Home;
use fedproof_scenario::terms::ENCRYPTED_ONLY;
use futures::future::join_all;
use reqwest::Method;
use std::sync::{Arc, Mutex, PoisonError};

/// Where the rules' cases stand in the catalogue.
pub(crate) const AREA: &str = "invariant/";
/// The setting of the profile that says which event types may be readable where others must not be: globs.
const READABLE: &str = "readable_events";

/// Row of a rule's case.
pub(crate) fn row(rule: &str) -> String {
    format!("{AREA}{rule}")
}

/// Whether a row is that of a rule.
pub(crate) fn is_invariant(row: &str) -> bool {
    row.starts_with(AREA)
}

/// Which instances were played, which homeservers were started anew, and when. Cheap to clone; clones are the same diary.
#[derive(Clone, Default)]
pub struct Diary {
    played: Arc<Mutex<Vec<Played>>>,
    starts: Arc<Mutex<Vec<(ServerName, u64)>>>,
}

/// An instance, as the diary has it.
#[derive(Clone, Debug)]
pub(crate) struct Played {
    pub(crate) id: String,
    pub(crate) cases: Vec<String>,
    pub(crate) from_us: u64,
    /// Open while it is played.
    pub(crate) until_us: Option<u64>,
}

impl Played {
    /// Length of what tells this instance by `names`, if anything does.
    fn mark_in(&self, names: &str) -> Option<usize> {
        let made = Names(&self.id);
        let marks = [self.id.clone(), made.v4(), made.v6()];
        marks.iter().filter(|mark| names.contains(mark.as_str())).map(String::len).max()
    }
}

impl Diary {
    /// An instance begins.
    pub(crate) fn begin(&self, id: &str, cases: Vec<String>, now_us: u64) {
        let played = Played { id: id.to_owned(), cases, from_us: now_us, until_us: None };
        self.played.lock().unwrap_or_else(PoisonError::into_inner).push(played);
    }

    /// An instance is over.
    pub(crate) fn end(&self, id: &str, now_us: u64) {
        let mut all = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(played) = all.iter_mut().rev().find(|played| played.id == id) {
            played.until_us = Some(now_us);
        }
    }

    /// A homeserver is about to be started anew.
    pub(crate) fn start(&self, server: &ServerName, now_us: u64) {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).push((server.clone(), now_us));
    }

    fn starts(&self) -> Vec<(ServerName, u64)> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a name is made for another instance than this one.
    pub(crate) fn is_of_another(&self, id: &str, name: &str) -> bool {
        self.all().iter().any(|played| played.id != id && played.mark_in(name).is_some())
    }

    fn all(&self) -> Vec<Played> {
        self.played.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The instances that caused a breach: the one that the servers' names tell, or the names within; else all that
    /// were played at the time.
    pub(crate) fn causes(&self, breach: &Breach, exchange: Option<&Exchange>) -> Vec<Played> {
        let all = self.all();
        // One address may begin as another does: the longest name that is found is meant.
        let named = |names: &str| {
            let named = all.iter().filter_map(|played| Some((played.mark_in(names)?, played)));
            named.max_by_key(|(length, _)| *length).map(|(_, played)| played.clone())
        };
        let servers = exchange.map_or_else(String::new, |it| format!("{} {}", it.caller, it.destination));
        if let Some(played) = named(&servers).or_else(|| named(&breach.names)) {
            return vec![played];
        }
        let at = exchange.map_or(0, |exchange| exchange.started_us);
        let then = |played: &&Played| played.from_us <= at && played.until_us.is_none_or(|until| at <= until);
        all.iter().filter(then).cloned().collect()
    }
}

/// In words, which cases caused a breach.
pub(crate) fn in_words(causes: &[Played]) -> String {
    match causes {
        [] => "no case was under way".to_owned(),
        [one] => format!("caused by {} (instance {})", some_of(&one.cases), one.id),
        several => {
            let cases: Vec<String> = several.iter().flat_map(|played| played.cases.iter().cloned()).collect();
            format!("caused by one of {}", some_of(&cases))
        }
    }
}

fn some_of(cases: &[String]) -> String {
    match cases {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more cases of the same instance", rest.len())
        }
        few => few.join(", "),
    }
}

/// Asks each homeserver for its keys, so that the transcript holds them.
pub(crate) async fn learn_keys(homeservers: &[Home]) {
    join_all(homeservers.iter().map(|homeserver| async {
        let asked = homeserver.endpoint().request("fedproof", None, Method::GET, "/_matrix/key/v2/server", None).await;
        if let Err(error) = asked {
            tracing::warn!(server = homeserver.name(), %error, "ask a homeserver for its keys");
        }
    }))
    .await;
}

/// What judges, and what it must know beside the transcript. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Court {
    transcript: Transcript,
    diary: Diary,
    pub(crate) homeservers: Vec<Home>,
    /// Event types that may be readable, where the deployment promises that others are not.
    readable: Option<Vec<String>>,
}

impl Court {
    pub(crate) fn new(field: &Field, options: &Options) -> Self {
        let types = options.settings[READABLE].as_array().into_iter().flatten();
        let types = types.filter_map(|kind| kind.as_str().map(str::to_owned)).collect();
        Self {
            transcript: field.gateway.transcript().clone(),
            diary: field.diary.clone(),
            homeservers: field.homeservers.clone(),
            readable: field.description.features.iter().any(|feature| feature == ENCRYPTED_ONLY).then_some(types),
        }
    }

    /// What the rules with these names say of one homeserver.
    pub(crate) async fn judge(&self, names: &[&'static str], homeserver: &Home) -> Vec<(&'static str, Judgement)> {
        let (exchanges, readable) = (self.transcript.since(0), self.readable.clone());
        let (names, homeserver, starts) = (names.to_vec(), homeserver.clone(), self.diary.starts());
        let work = move || {
            let mut transcribed = Transcribed::new(&exchanges).knowing_starts(starts);
            if let Some(except) = readable {
                transcribed = transcribed.promising_encryption(except);
            }
            let judged = names.into_iter().filter_map(|name| {
                let mut judgement = rule(name)?(&transcribed, homeserver.server_name());
                if name == CANARIES {
                    kept::search(&homeserver, &mut judgement);
                }
                Some((name, judgement))
            });
            judged.collect()
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_default()
    }

    /// What every rule says of one homeserver.
    pub(crate) async fn judge_all(&self, homeserver: &Home) -> Vec<(&'static str, Judgement)> {
        let all: Vec<&'static str> = RULES.iter().map(|(name, _)| *name).collect();
        self.judge(&all, homeserver).await
    }
}

/// The exchange that shows a breach, if one does.
pub(crate) fn evidence(transcript: &Transcript, breach: &Breach) -> Option<Arc<Exchange>> {
    transcript.since(breach.exchange?).into_iter().next()
}
