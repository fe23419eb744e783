//! Arguments of what qualifies a build, and of what looks for the build that changed: `bundle`, `verify`, `bisect`.

use super::{Format, Where};
use clap::Args as ClapArgs;
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub(crate) struct Bundle {
    /// Results folders of the runs that qualify the build together
    #[arg(required_unless_present = "new_key", value_name = "DIR")]
    pub(crate) runs: Vec<PathBuf>,
    /// The key that signs: Ed25519, PKCS #8 in PEM (`fedproof bundle --new-key FILE`, or openssl genpkey -algorithm ed25519)
    #[arg(long, required_unless_present = "new_key", value_name = "FILE")]
    pub(crate) key: Option<PathBuf>,
    /// The archive to write; its signature goes beside it, as FILE.sig
    #[arg(long, default_value = "qualification.tar.gz", value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Profile that says which cases a qualification must have decided; that of the runs if it is not given
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Further files for the archive, such as bills of material (repeatable)
    #[arg(long = "with", value_name = "FILE")]
    pub(crate) with: Vec<PathBuf>,
    /// Make a key: the secret half into FILE, the other into FILE.pub
    #[arg(long, value_name = "FILE", conflicts_with_all = ["runs", "key"])]
    pub(crate) new_key: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Verify {
    /// The archive
    pub(crate) bundle: PathBuf,
    /// The key it must be signed with: Ed25519, public half in PEM
    #[arg(long, value_name = "FILE")]
    pub(crate) key: PathBuf,
    /// The signature; default: BUNDLE.sig
    #[arg(long, value_name = "FILE")]
    pub(crate) signature: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Bisect {
    /// A release that is as it should be (1.143.0), or with --checkout a commit
    pub(crate) good: String,
    /// A later one that is not
    pub(crate) bad: String,
    /// The case to look at: an id
    #[arg(long, required_unless_present = "figure", value_name = "ID")]
    pub(crate) case: Option<String>,
    /// The figure to look at, as `load paired` names it (`cpu_per_event(send)`); each step is a paired session against GOOD
    #[arg(long, conflicts_with = "case", value_name = "NAME")]
    pub(crate) figure: Option<String>,
    /// How many pairs of plays each of them takes: fewer are sooner done, and tell larger differences only
    #[arg(long, conflicts_with = "case", value_name = "N")]
    pub(crate) pairs: Option<usize>,
    /// Profile by which the case is played: some are asked for by one only
    #[arg(long, conflicts_with = "figure", value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Client that the case is played with
    #[arg(long, conflicts_with = "figure", value_name = "CLIENT")]
    pub(crate) client: Option<String>,
    /// A git checkout of the homeserver: GOOD and BAD are commits, and it is left as it is
    #[arg(long, value_name = "DIR")]
    pub(crate) checkout: Option<PathBuf>,
    /// Implementation under test
    #[arg(long, default_value = "synapse", value_name = "NAME")]
    pub(crate) implementation: String,
    #[command(flatten)]
    pub(crate) place: Where,
    /// Where the runs of the steps go; default: fedproof-results/bisect-RUN_ID
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub(crate) format: Format,
}
