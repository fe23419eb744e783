//! The part of `invariant/recipients` that is about typing and receipts.
//!
//! An EDU that was queued before the last user of a server left may still go out. So only what cannot have been
//! queued before is held against a server: anything to a stranger, a receipt for an event that the other side cannot
//! have, and typing after the queue was emptied since such an event.

use super::{
    Judgement, Transcribed,
    recipients::is_stranger,
    rooms::{Room, is_in},
    wire,
};
use crate::{ServerName, transcript::Exchange};
use ruma::OwnedEventId;
use serde_json::Value;
use std::collections::HashMap;

/// An event that did not go to a destination any more, by destination and room: the end of the first answered
/// transaction to that destination that began after the event was out.
type Emptied = HashMap<(String, String), u64>;

pub(super) fn judge(judgement: &mut Judgement, transcript: &Transcribed<'_>, server: &ServerName) {
    let emptied = emptied(transcript, server);
    for exchange in transcript.sent_by(server) {
        for edu in exchange.edus() {
            match wire::text(edu, "edu_type") {
                Some("m.typing") => typing(judgement, transcript, exchange, edu, &emptied),
                Some("m.receipt") => receipt(judgement, transcript, exchange, edu),
                _ => {}
            }
        }
    }
}

fn typing(
    judgement: &mut Judgement,
    transcript: &Transcribed<'_>,
    exchange: &Exchange,
    edu: &Value,
    emptied: &Emptied,
) {
    let to = exchange.destination.as_str();
    let known = wire::text(&edu["content"], "room_id").and_then(|id| Some((id, transcript.rooms.get(id)?)));
    let Some((id, room)) = known else { return judgement.unclear("EDUs of a room of which nothing is known") };
    if room.is_on_list(&exchange.caller.to_ascii_lowercase(), to) {
        return judgement.held();
    }
    let since = emptied.get(&(to.to_owned(), id.to_owned()));
    if is_stranger(room, to) || since.is_some_and(|since| exchange.started_us > *since) {
        let what = format!("{} sent {to} typing of {id}, in which it has no user", exchange.caller);
        judgement.broken(exchange, what, edu);
    } else {
        judgement.held();
    }
}

fn receipt(judgement: &mut Judgement, transcript: &Transcribed<'_>, exchange: &Exchange, edu: &Value) {
    let to = exchange.destination.as_str();
    for (id, kinds) in edu["content"].as_object().into_iter().flatten() {
        let Some(room) = transcript.rooms.get(id) else {
            judgement.unclear("EDUs of a room of which nothing is known");
            continue;
        };
        let users =
            kinds.as_object().into_iter().flatten().flat_map(|(_, users)| users.as_object().into_iter().flatten());
        let read = users.flat_map(|(_, data)| data["event_ids"].as_array().into_iter().flatten());
        let mut read = read.filter_map(|id| OwnedEventId::try_from(id.as_str()?).ok());
        let is_listed = room.is_on_list(&exchange.caller.to_ascii_lowercase(), to);
        if !is_listed && (is_stranger(room, to) || read.any(|event| is_gone_at(room, to, &event))) {
            let what = format!("{} sent {to} a receipt of {id} for an event that {to} may not have", exchange.caller);
            judgement.broken(exchange, what, edu);
        } else {
            judgement.held();
        }
    }
}

/// Whether a server has no user in the room before an event, nor any that joined later or beside it.
fn is_gone_at(room: &Room, server: &str, event: &OwnedEventId) -> bool {
    let is_out = room.before(event).is_some_and(|before| !is_in(before, server));
    is_out && room.joined_only_before(server, event)
}

fn emptied(transcript: &Transcribed<'_>, server: &ServerName) -> Emptied {
    let mut out: HashMap<(String, String), u64> = HashMap::new();
    let destinations: std::collections::BTreeSet<&str> =
        transcript.sent_by(server).filter(|it| it.is_transaction()).map(|it| it.destination.as_str()).collect();
    let mut looked = std::collections::HashSet::new();
    for exchange in transcript.sent_by(server) {
        for pdu in exchange.pdus() {
            let known = wire::text(pdu, "room_id").and_then(|id| Some((id, transcript.rooms.get(id)?)));
            let Some((id, room)) = known else { continue };
            let Some(event) = room.id_of(pdu).filter(|event| looked.insert(event.clone())) else { continue };
            // Only servers that were there once can be gone; the others are strangers.
            for to in destinations.iter().filter(|to| room.has_ever_joined(to)) {
                let key = ((*to).to_owned(), id.to_owned());
                if !out.contains_key(&key) && is_gone_at(room, to, &event) {
                    out.insert(key, exchange.started_us);
                }
            }
        }
    }
    let first_end = |to: &str, since: u64| {
        let answered = transcript.sent_by(server).filter(|it| it.is_transaction() && wire::is_ok(it));
        answered.filter(|it| it.destination.as_str() == to && it.started_us > since).map(wire::ended_us).min()
    };
    out.into_iter().filter_map(|((to, room), since)| Some(((to.clone(), room), first_end(&to, since)?))).collect()
}
