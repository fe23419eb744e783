//! `invariant/recipients`: events go only to servers that are in the room.
//!
//! Server-server API, "PDUs": an event goes to the servers that have a member in the state before it. Legitimate
//! besides: the target of an invite and of its rescission, and the servers on the list of a partial join (MSC3706).
//! Not judged is how a homeserver catches up with a server that it has removed, since `leak/catch-up` is about that: what
//! goes to one that has missed its removal, and what was there before the homeserver was started anew, as it may not know
//! to the last what it has sent.
//! Typing and receipts are judged in `edus`.

use super::{
    Judgement, Transcribed, edus,
    rooms::{Room, is_in},
    wire,
};
use crate::{
    ServerName,
    name::server_of,
    state::{self, State},
    transcript::Exchange,
};
use ruma::{OwnedEventId, events::StateEventType};
use serde_json::Value;

pub(super) fn judge(transcript: &Transcribed<'_>, server: &ServerName) -> Judgement {
    let mut judgement = Judgement::default();
    for exchange in transcript.sent_by(server).filter(|exchange| exchange.is_transaction()) {
        for pdu in exchange.pdus() {
            judge_pdu(&mut judgement, transcript, exchange, pdu);
        }
    }
    edus::judge(&mut judgement, transcript, server);
    judgement
}

fn judge_pdu(judgement: &mut Judgement, transcript: &Transcribed<'_>, exchange: &Exchange, pdu: &Value) {
    let (from, to) = (exchange.caller.to_ascii_lowercase(), exchange.destination.as_str());
    let room_id = wire::text(pdu, "room_id");
    let Some(room) = room_id.and_then(|id| transcript.rooms.get(id)) else {
        return judgement.unclear("PDUs of a room of which nothing is known");
    };
    let id = room.id_of(pdu);
    let kind = wire::text(pdu, "type").unwrap_or("event");
    let what = |why: &str| {
        let event = id.as_ref().map_or("without an id", |id| id.as_str());
        format!("{from} sent {to} the {kind} {event} of {}, {why}", room_id.unwrap_or_default())
    };
    if invites(pdu, to) || room.is_on_list(&from, to) {
        return judgement.held();
    }
    match id.as_ref().and_then(|id| room.before(id)) {
        Some(before) if is_in(before, to) || rescinds(pdu, to, before) => judgement.held(),
        Some(_) if room.joined_partially(&from) => judgement.unclear("PDUs of a server that joined partially"),
        Some(before) if has_missed_removal(transcript, room, before, exchange, to) => {
            judgement.unclear("PDUs to a server that has missed its removal");
        }
        Some(before) if is_of_before_a_start(transcript, room, before, exchange, pdu) => {
            judgement.unclear("PDUs of before a start, to a server that was removed");
        }
        Some(_) => judgement.broken(exchange, what(&format!("before which no user of {to} is in the room")), pdu),
        None if is_stranger(room, to) && !targets(pdu, to) => {
            judgement.broken(exchange, what(&format!("of which no user of {to} was ever a member")), pdu);
        }
        None => judgement.unclear("PDUs before which the room's state is not known"),
    }
}

/// Whether the sender has removed a server, was turned away by it, and has not told it of the removal by the end of this
/// exchange. What goes to it although nothing kept the sender from telling it is a leak like any other.
fn has_missed_removal(
    transcript: &Transcribed<'_>,
    room: &Room,
    before: &State,
    exchange: &Exchange,
    server: &str,
) -> bool {
    let removals = removals(room, before, &exchange.caller, server);
    let tells =
        |told: &Exchange| told.pdus().iter().any(|pdu| room.id_of(pdu).is_some_and(|id| removals.contains(&&id)));
    let until_now = transcript.exchanges.iter().take_while(|told| told.id <= exchange.id);
    let to_it = until_now.filter(|told| {
        told.is_transaction()
            && told.destination.as_str() == server
            && told.caller.eq_ignore_ascii_case(&exchange.caller)
    });
    let (answered, turned_away): (Vec<_>, Vec<_>) = to_it.partition(|told| wire::is_ok(told));
    !removals.is_empty() && !turned_away.is_empty() && !answered.into_iter().any(|told| tells(told))
}

/// Whether the sender has removed the server, and was started anew between the event and this exchange.
fn is_of_before_a_start(
    transcript: &Transcribed<'_>,
    room: &Room,
    before: &State,
    exchange: &Exchange,
    pdu: &Value,
) -> bool {
    let starts = transcript.starts.iter().filter(|(server, _)| exchange.caller.eq_ignore_ascii_case(server.as_str()));
    let Some(last) = starts.map(|(_, at)| *at).filter(|at| *at < exchange.started_us).max() else { return false };
    let Some(id) = room.id_of(pdu) else { return false };
    // It came from a client, or went to somebody.
    let shows = |seen: &Exchange| {
        wire::text(&seen.response, "event_id") == Some(id.as_str())
            || seen.pdus().iter().any(|pdu| room.id_of(pdu).as_ref() == Some(&id))
    };
    let was_there = transcript.exchanges.iter().any(|seen| seen.started_us < last && shows(seen));
    was_there && !removals(room, before, &exchange.caller, exchange.destination.as_str()).is_empty()
}

/// The removals of a server's users that `by` made and that are in force.
fn removals<'s>(room: &Room, before: &'s State, by: &str, server: &str) -> Vec<&'s OwnedEventId> {
    let is_of = |user: &str, server: &str| server_of(user).is_some_and(|of| of.eq_ignore_ascii_case(server));
    let members = before.iter().filter(|((kind, user), _)| *kind == StateEventType::RoomMember && is_of(user, server));
    let by_sender = members.filter(|(_, event)| is_of(event.sender_id().as_str(), by));
    let removals = by_sender.filter(|(_, event)| {
        matches!(event.membership(), Some("leave" | "ban"))
            && room.before(event.id()).is_some_and(|it| is_in(it, server))
    });
    removals.map(|(_, event)| event.id()).collect()
}

/// Whether no join of that server can have escaped the transcript, and there is none in it.
pub(super) fn is_stranger(room: &Room, server: &str) -> bool {
    room.is_new && !room.has_ever_joined(server)
}

/// A member event about a user of that server.
fn targets(pdu: &Value, server: &str) -> bool {
    let of = |(user, _)| server_of(user).is_some_and(|of| of.eq_ignore_ascii_case(server));
    wire::membership(pdu).is_some_and(of)
}

fn invites(pdu: &Value, server: &str) -> bool {
    targets(pdu, server) && wire::membership(pdu).is_some_and(|(_, membership)| membership == "invite")
}

/// The end of an invite: the target must learn of it although nobody of its server is in the room.
fn rescinds(pdu: &Value, server: &str, before: &State) -> bool {
    let invited = |user| state::get(before, "m.room.member", user).is_some_and(|it| it.membership() == Some("invite"));
    targets(pdu, server) && wire::membership(pdu).is_some_and(|(user, _)| invited(user))
}
