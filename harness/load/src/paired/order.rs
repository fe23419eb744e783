//! Which of two builds comes first.

/// Which build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The deployment as it is described.
    A,
    /// With the other build.
    B,
}

impl Side {
    /// As reports call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// Who comes first in a pair, and who half a gap later: A B, B A, A B, …, so that it is no advantage to either.
pub(super) fn sides(pair: usize) -> [Side; 2] {
    if pair.is_multiple_of(2) { [Side::A, Side::B] } else { [Side::B, Side::A] }
}
