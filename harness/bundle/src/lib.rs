//! The qualification bundle: one archive that says what was proved of a build, with everything it rests on, and a
//! signature beside it.
//!
//! A bundle is `NAME.tar.gz` with `manifest.json` first: what was concluded, from which runs, and the SHA-256 of every
//! other file. `NAME.tar.gz.sig` is the Ed25519 signature of the archive's bytes in base64. [`verify`] believes none of
//! what the manifest concludes: it folds the streams of events again and judges anew. What had to be decided it can only take from the
//! bundle; whoever has a catalogue of the same fedproof holds it against that ([`withheld`]).

mod error;
mod key;
mod manifest;
mod pack;
mod qualification;
mod verify;

pub use error::BundleError;
pub use key::{SigningKey, VerifyingKey};
pub use manifest::{BUNDLE_SCHEMA, FileEntry, Manifest, RunEntry};
pub use pack::{Contents, PROFILE, pack};
pub use qualification::{deviations, expired, shortcomings, withheld};
pub use verify::{Verified, verify};
