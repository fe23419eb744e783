//! When a run began, as a text: texts are what both databases put in order.

use serde::{Deserialize, Deserializer};

/// A time of RFC 3339 in UTC to the millisecond, whatever it was told to: `…10Z` would come after `…10.5Z`. What ends without
/// a `Z` is no such time, and stays as it is.
pub(crate) fn to_the_millisecond(at: &str) -> String {
    let Some(at) = at.strip_suffix('Z') else { return at.to_owned() };
    let (second, fraction) = at.split_once('.').unwrap_or((at, ""));
    format!("{second}.{:0<3}Z", fraction.get(..3).unwrap_or(fraction))
}

/// Of what an earlier fedproof exported or stored: it told times to the second.
pub(crate) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    String::deserialize(from).map(|at| to_the_millisecond(&at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_three_digits_behind_its_second() {
        for (told, stored) in [
            ("2026-11-27T00:08:40Z", "2026-11-27T00:08:40.000Z"),
            ("2026-11-27T00:08:40.5Z", "2026-11-27T00:08:40.500Z"),
            ("2026-11-27T00:08:40.123Z", "2026-11-27T00:08:40.123Z"),
            ("2026-11-27T00:08:40.123456Z", "2026-11-27T00:08:40.123Z"),
            ("9999", "9999"),
            ("", ""),
        ] {
            assert_eq!(to_the_millisecond(told), stored);
        }
    }
}
