//! Each rule about recipients, and each exception.

use super::{
    Transcribed, rule,
    testing::{Play, ROOM, breaches, event, founding},
};
use crate::{ServerName, event::Built};
use serde_json::{Value, json};

/// A room with alice of s, into which d comes and out of which it is kicked. `after` is what alice sends then.
struct Story {
    play: Play,
    founding: Vec<Built>,
    join: Built,
    kick: Built,
    after: Built,
}

fn member(sender: &str, user: &str, membership: &str, prev: &[&Built], auth: &[&Built]) -> Built {
    event(sender, "m.room.member", Some(user), json!({"membership": membership}), prev, auth)
}

fn message(prev: &[&Built], auth: &[&Built]) -> Built {
    event("@alice:s", "m.room.message", None, json!({"body": "text"}), prev, auth)
}

fn story(members_omitted: bool) -> Story {
    let founding = founding();
    let [create, alice, power, rules] = [&founding[0], &founding[1], &founding[2], &founding[3]];
    let join = member("@u:d", "@u:d", "join", &[rules], &[create, rules, power]);
    let kick = member("@alice:s", "@u:d", "leave", &[&join], &[create, alice, power, &join]);
    let after = message(&[&kick], &[create, alice, power]);
    let mut play = Play::default();
    play.room(json!({}));
    play.join(&join, &founding.iter().collect::<Vec<_>>(), members_omitted);
    Story { play, founding, join, kick, after }
}

impl Story {
    fn sends(&mut self, to: &str, what: &Built) -> u64 {
        self.play.transaction("s", to, json!([what.event]), json!([]))
    }

    fn judged(&self) -> (u64, Vec<u64>) {
        breaches(&self.play, "recipients", "s")
    }
}

#[test]
fn a_member_gets_events_until_its_leave_and_no_longer() {
    let mut story = story(false);
    let (kick, after) = (story.kick.clone(), story.after.clone());
    story.sends("d", &kick);
    assert_eq!(story.judged(), (1, vec![]));
    let leak = story.sends("d", &after);
    assert_eq!(story.judged(), (1, vec![leak]));
}

#[test]
fn a_stranger_gets_nothing_even_where_the_state_is_unknown() {
    let mut story = story(false);
    let unknown = event("@alice:s", "m.room.name", Some(""), json!({}), &[&story.founding[0]], &[]);
    let lost = message(&[&unknown], &[]);
    let after = story.after.clone();
    let leaks = [story.sends("stranger", &after), story.sends("stranger", &lost)];
    assert_eq!(story.judged(), (0, leaks.to_vec()));
    // Of a member nothing can be said there.
    story.sends("d", &lost);
    assert_eq!(story.judged(), (0, leaks.to_vec()));
}

#[test]
fn an_invited_server_gets_the_invite_and_its_end_only() {
    let mut story = story(false);
    let auth: Vec<&Built> = story.founding[..3].iter().collect();
    let invite = member("@alice:s", "@v:invited", "invite", &[&story.kick], &auth);
    let between = message(&[&invite], &auth);
    let rescission = member("@alice:s", "@v:invited", "leave", &[&between], &[&auth[..], &[&invite]].concat());
    let again = member("@alice:s", "@v:invited", "leave", &[&rescission], &auth);
    story.sends("invited", &invite);
    let leak = story.sends("invited", &between);
    story.sends("invited", &rescission);
    for known in [&story.kick.clone(), &again] {
        story.sends("d", known);
    }
    let (_, broken) = story.judged();
    assert_eq!(broken, [leak, story.play.exchanges.len() as u64 - 1]);
}

#[test]
fn of_two_branches_one_may_still_hold_the_member() {
    let mut story = story(false);
    let auth: Vec<&Built> = story.founding[..3].iter().collect();
    let beside = message(&[&story.join], &auth);
    let merged = message(&[&beside, &story.kick], &auth);
    story.sends("d", &story.kick.clone());
    story.sends("d", &beside);
    let leak = story.sends("d", &merged);
    assert_eq!(story.judged(), (2, vec![leak]));
}

#[test]
fn who_was_away_at_its_removal_is_another_rules_affair_until_it_is_told() {
    let mut story = story(false);
    let (kick, after) = (story.kick.clone(), story.after.clone());
    story.play.turned_away("s", "d", json!([kick.event]));
    story.sends("d", &after);
    assert_eq!(story.judged(), (1, vec![]));
    story.sends("d", &kick);
    let leak = story.sends("d", &after);
    assert_eq!(story.judged(), (2, vec![leak]));
}

#[test]
fn who_could_have_been_told_of_its_removal_has_not_missed_it() {
    let mut story = story(false);
    let (kick, after) = (story.kick.clone(), story.after.clone());
    let stranger = story.play.transaction("s", "x", json!([kick.event]), json!([]));
    let leak = story.sends("d", &after);
    assert_eq!(story.judged(), (0, vec![stranger, leak]));
}

#[test]
fn what_was_there_before_a_start_may_come_after_it() {
    let mut story = story(false);
    let (kick, after) = (story.kick.clone(), story.after.clone());
    story.sends("d", &kick);
    story.play.client("@alice:s", "s", "PUT", "/send", json!({}), json!({"event_id": after.event_id}));
    let leak = story.sends("d", &after);
    let judged = |starts: Vec<(ServerName, u64)>| {
        let transcribed = Transcribed::new(&story.play.exchanges).knowing_starts(starts);
        let judgement = rule("recipients").expect("it is one")(&transcribed, &ServerName::new("s"));
        (judgement.judged, judgement.breaches.len())
    };
    let at = |server: &str, us: u64| vec![(ServerName::new(server), us)];
    assert_eq!(judged(at("s", leak * 10 - 1)), (1, 0));
    assert_eq!(judged(at("s", leak * 10 + 1)), (2, 1), "it was started later");
    assert_eq!(judged(at("s", leak * 10 - 11)), (2, 1), "the message was made after the start");
    assert_eq!(judged(at("x", leak * 10 - 1)), (2, 1), "another one was started");
}

#[test]
fn who_was_only_invited_has_missed_no_removal() {
    let mut story = story(false);
    let auth: Vec<&Built> = story.founding[..3].iter().collect();
    let invite = member("@alice:s", "@v:invited", "invite", &[&story.kick], &auth);
    let after = message(&[&invite], &auth);
    let ban = member("@alice:s", "@v:invited", "ban", &[&after], &auth);
    let later = message(&[&ban], &auth);
    story.sends("invited", &invite);
    story.play.turned_away("s", "invited", json!([ban.event]));
    let leaks = [story.sends("invited", &after), story.sends("invited", &later)];
    assert_eq!(story.judged().1, leaks);
}

#[test]
fn a_kick_without_power_changes_nothing() {
    let mut story = story(false);
    let [create, power] = [&story.founding[0], &story.founding[2]];
    let forged = member("@u:d", "@alice:s", "leave", &[&story.join], &[create, power, &story.join, &story.founding[1]]);
    let after = message(&[&forged], &story.founding[..3].iter().collect::<Vec<_>>());
    story.play.transaction("d", "s", json!([forged.event]), json!([]));
    let ours = story.play.transaction("d", "s", json!([after.event]), json!([]));
    story.sends("d", &after);
    assert_eq!(story.judged(), (1, vec![]), "{ours}");
    assert_eq!(
        breaches(&story.play, "recipients", "d").1,
        Vec::<u64>::new(),
        "virtual senders are judged only if they are asked for"
    );
}

#[test]
fn without_the_members_nothing_is_guessed() {
    let mut story = story(true);
    let after = story.after.clone();
    story.sends("d", &after);
    assert_eq!(story.judged(), (0, vec![]));
}

#[test]
fn the_list_of_a_partial_join_is_excused() {
    let founding = founding();
    let rules = &founding[3];
    let join = member("@bob:t", "@bob:t", "join", &[rules], &[&founding[0], rules, &founding[2]]);
    let mut play = Play::default();
    play.room(json!({}));
    play.join(&join, &founding.iter().collect::<Vec<_>>(), true);
    let text = event("@bob:t", "m.room.message", None, json!({}), &[&join], &[&founding[0], &join, &founding[2]]);
    play.transaction("t", "listed", json!([text.event]), json!([]));
    // Whom else it was told of later is not known: not judged.
    play.transaction("t", "unlisted", json!([text.event]), json!([]));
    assert_eq!(breaches(&play, "recipients", "t"), (1, vec![]));
}

fn typing() -> Value {
    json!([{"edu_type": "m.typing", "content": {"room_id": ROOM, "user_id": "@alice:s", "typing": true}}])
}

fn receipt(of: &Built) -> Value {
    let read = json!({"@alice:s": {"data": {"ts": 1}, "event_ids": [of.event_id]}});
    json!([{"edu_type": "m.receipt", "content": {ROOM: {"m.read": read}}}])
}

#[test]
fn what_was_queued_before_a_leave_is_excused() {
    let mut story = story(false);
    let (join, kick, after) = (story.join.clone(), story.kick.clone(), story.after.clone());
    story.sends("d", &kick);
    story.sends("x", &after);
    let stranger = story.play.exchanges.len() as u64 - 1;
    // The first transaction after the leave empties the queue.
    story.play.transaction("s", "d", json!([]), typing());
    story.play.transaction("s", "d", json!([]), receipt(&join));
    assert_eq!(story.judged().1, [stranger]);
    let late = story.play.transaction("s", "d", json!([]), typing());
    let unseen = story.play.transaction("s", "d", json!([]), receipt(&after));
    assert_eq!(story.judged().1.iter().filter(|id| **id != stranger).copied().collect::<Vec<_>>(), [late, unseen]);
}
