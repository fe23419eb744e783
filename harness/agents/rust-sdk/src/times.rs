//! Notification times: outside the hours that a user has set, nothing of his is pushed. A homeserver knows nothing of hours:
//! they stand in the account's data, where every device finds them, and the client switches a push rule of the account
//! that keeps everything back when they begin and end.

use crate::{Refusal, device::Device, mutant, reference::raw};
use fedproof_agent_protocol::Hours;
use jiff::{
    Timestamp,
    civil::{DateTime, Time, Weekday},
    tz::TimeZone,
};
use matrix_sdk::ruma::{
    api::client::push::{RuleKind, set_pushrule_enabled},
    events::GlobalAccountDataEventType,
};
use serde_json::{Value, json};

impl Device {
    /// Writes the hours down; without any, there are none.
    pub(crate) async fn set_notification_times(&self, zone: &str, hours: &Value) -> Result<(), Refusal> {
        let times = if hours.is_null() { json!({}) } else { json!({"zone": zone, "hours": hours}) };
        self.client.account().set_account_data_raw(self.where_hours_stand()?, raw(&times)?).await?;
        Ok(())
    }

    /// Keeps notifications back, or lets them through, as the hours have it at this time (RFC 3339).
    pub(crate) async fn tell_time(&self, now: &str) -> Result<(), Refusal> {
        let now: Timestamp = now.parse()?;
        let kept = self.client.account().fetch_account_data(self.where_hours_stand()?).await?;
        let times: Value = kept.map(|kept| serde_json::from_str(kept.json().get())).transpose()?.unwrap_or_default();
        let is_outside = match is_outside(&times, now) {
            None if mutant::is("hours-stick") => return Ok(()),
            // Hours that cannot be read keep nothing back: better disturbed than not called.
            outside => outside.unwrap_or(false) && !mutant::is("always-notifies"),
        };
        let rule = self.rules()?.text("notification_times_rule")?.to_owned();
        self.client.send(set_pushrule_enabled::v3::Request::new(RuleKind::Override, rule, is_outside)).await?;
        Ok(())
    }

    fn where_hours_stand(&self) -> Result<GlobalAccountDataEventType, Refusal> {
        let kind = self.rules()?.text("notification_times_account_data")?;
        Ok(match self.client.device_id().filter(|_| mutant::is("hours-of-each-device")) {
            Some(device) => format!("{kind}.{device}").into(),
            None => kind.into(),
        })
    }
}

/// Whether a time is outside all hours; nothing where there are none that can be read.
fn is_outside(times: &Value, now: Timestamp) -> Option<bool> {
    let zone = as_kept(TimeZone::get(times["zone"].as_str()?).ok()?);
    let hours: Vec<Hours> = serde_json::from_value(times["hours"].clone()).ok()?;
    let clock = zone.to_datetime(now);
    let holding: Option<Vec<bool>> = hours.iter().map(|hours| holds(hours, clock)).collect();
    Some(!holding?.contains(&true))
}

/// Whether what the clock shows lies in these hours.
fn holds(hours: &Hours, clock: DateTime) -> Option<bool> {
    let (from, to): (Time, Time) = (hours.from.parse().ok()?, hours.to.parse().ok()?);
    let is_named = |day: Weekday| mutant::is("every-day") || hours.days.iter().any(|named| named == name_of(day));
    let (today, time) = (clock.weekday(), clock.time());
    let has_begun = if mutant::is("late-opening") { from < time } else { from <= time };
    let has_not_ended = if mutant::is("late-closing") { time <= to } else { time < to };
    let goes_over_midnight = to <= from && !mutant::is("no-nights");
    let of_today = is_named(today) && has_begun && (has_not_ended || goes_over_midnight);
    let of_yesterday = is_named(today.previous()) && has_not_ended && goes_over_midnight;
    Some(of_today || of_yesterday)
}

fn name_of(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "mon",
        Weekday::Tuesday => "tue",
        Weekday::Wednesday => "wed",
        Weekday::Thursday => "thu",
        Weekday::Friday => "fri",
        Weekday::Saturday => "sat",
        Weekday::Sunday => "sun",
    }
}

/// The zone as a seeded defect has it.
fn as_kept(zone: TimeZone) -> TimeZone {
    match zone {
        _ if mutant::is("hours-in-utc") => TimeZone::UTC,
        // As it was when 1970 began, a winter.
        zone if mutant::is("no-daylight-saving") => TimeZone::fixed(zone.to_offset(Timestamp::UNIX_EPOCH)),
        zone => zone,
    }
}
