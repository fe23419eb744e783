//! What is measured: each operation, and how long until others see what it did.

use crate::operation::Operation;
use std::{fmt, str::FromStr};

/// One series of latencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Series {
    /// From when the operation was due until its answer was there, body included.
    Of(Operation),
    /// From when a message was due until a client on the sender's homeserver saw it.
    SeenLocal,
    /// The same for a client on another homeserver.
    SeenRemote,
    /// From when a virtual server's event was due until a client of the homeserver saw it.
    SeenInbound,
    /// From when a message was due until the first virtual server had received it.
    FirstDelivery,
    /// The same for the last of them.
    LastDelivery,
    /// From the end of an outage until a virtual server that had received nothing has all that it missed.
    CaughtUp,
}

impl Series {
    const DERIVED: &[(&str, Self)] = &[
        ("seen_local", Self::SeenLocal),
        ("seen_remote", Self::SeenRemote),
        ("seen_inbound", Self::SeenInbound),
        ("first_delivery", Self::FirstDelivery),
        ("last_delivery", Self::LastDelivery),
        ("caught_up", Self::CaughtUp),
    ];

    /// All there are.
    pub fn all() -> impl Iterator<Item = Self> {
        let operations = Operation::ALL.iter().map(|operation| Self::Of(*operation));
        operations.chain(Self::DERIVED.iter().map(|(_, series)| *series))
    }

    /// As thresholds and reports call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Of(operation) => operation.name(),
            derived => Self::DERIVED.iter().find(|(_, series)| *series == derived).map_or("", |(name, _)| name),
        }
    }

    /// What causes it; empty if that may lie in another phase.
    pub(crate) fn operations(self) -> &'static [Operation] {
        match self {
            Self::Of(operation) => std::slice::from_ref(&Operation::ALL[operation as usize]),
            Self::SeenLocal | Self::SeenRemote => &[Operation::Send, Operation::FanOut],
            Self::SeenInbound => &[Operation::Transaction],
            Self::FirstDelivery | Self::LastDelivery => &[Operation::FanOut],
            Self::CaughtUp => &[],
        }
    }

    /// Position among [`all`](Self::all).
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Of(operation) => operation as usize,
            derived => {
                let position = Self::DERIVED.iter().position(|(_, series)| *series == derived);
                Operation::ALL.len() + position.unwrap_or_default()
            }
        }
    }
}

impl FromStr for Series {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::all().find(|series| series.name() == text).ok_or_else(|| {
            let names: Vec<&str> = Self::all().map(Self::name).collect();
            format!("{text:?} is nothing that is measured: there are {}", names.join(", "))
        })
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_has_a_name_and_a_place_of_its_own() {
        for (n, series) in Series::all().enumerate() {
            assert_eq!(series.index(), n, "{series}");
            assert_eq!(series.name().parse::<Series>().unwrap(), series);
        }
    }
}
