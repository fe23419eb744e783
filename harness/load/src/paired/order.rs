//! In which order two builds are played.

/// Which build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The deployment as it is described.
    A,
    /// With the other build.
    B,
}

impl Side {
    /// As reports call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
        }
    }
}

/// The pair and the side of each play: A B, B A, A B, …, so that what gets steadily slower or faster hits both alike.
pub(crate) fn order(pairs: usize) -> Vec<(usize, Side)> {
    (0..pairs)
        .flat_map(|pair| {
            let sides = if pair % 2 == 0 { [Side::A, Side::B] } else { [Side::B, Side::A] };
            sides.map(|side| (pair, side))
        })
        .collect()
}
