//! Deliberately wrong servers: one defect each, switched on for the virtual servers of one instance, so
//! that one boot serves a whole kill matrix.

use crate::{actor::Player, instance::path_of, names::Names, outcome::StepError, standing, step::Stage};
use fedproof_core::ServerName;
use fedproof_deployment::{Home, MutantSwitch};
use fedproof_gateway::{Document, Effect, Fault};
use serde::Deserialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Why the mutants of a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MutantError {
    /// A file cannot be read.
    #[error("read {}: {source}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("read {}: {message}", file.display())]
    Malformed {
        /// The file.
        file: PathBuf,
        /// What is wrong, with its place.
        message: String,
    },
}

/// One seeded defect.
#[derive(Clone, Debug)]
pub struct Mutant {
    /// What the kill matrix calls it.
    pub id: String,
    /// What this server does wrong.
    pub about: String,
    /// Rows of the catalogue whose cases must fail on it.
    pub kills: Vec<String>,
    /// Rows whose scenarios are played besides, because their traffic lets it act; no case of these need fail.
    pub traffic: Vec<String>,
    /// Features of the deployments on which it makes a difference ([`FEATURES`](fedproof_scenario::terms::FEATURES)).
    pub needs: Vec<String>,
    /// What mutants of one kind have in common: their ids up to the last word, `synapse/acl`.
    pub family: String,
    /// Where it is seeded.
    pub seat: Seat,
}

/// Where a defect is seeded.
#[derive(Clone, Debug)]
pub enum Seat {
    /// In the homeserver of this implementation, by its launcher.
    Homeserver(String),
    /// In the gateway's answers.
    Gateway(GatewayFault),
    /// In clients under test, whose program hosts it.
    Agent,
    /// In what front ends serve.
    Front(FrontFault),
}

/// The file of mutants that agents host.
const OF_AGENTS: &str = "agent";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    about: String,
    kills: Vec<String>,
    #[serde(default)]
    traffic: Vec<String>,
    #[serde(default)]
    needs: Vec<String>,
    #[serde(default)]
    fault: Option<GatewayFault>,
    #[serde(default)]
    front: Option<FrontFault>,
    /// The launcher knows what it does.
    #[serde(default, rename = "hook")]
    _hook: Option<String>,
    /// Read by the launcher.
    #[serde(default, rename = "with")]
    _with: Value,
}

/// What front ends serve wrongly.
#[derive(Clone, Debug, Deserialize)]
pub struct FrontFault {
    /// Path, or the setting of the profile that names it.
    at: String,
    #[serde(flatten)]
    served: FrontEffect,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum FrontEffect {
    /// Answers this, with the status 200.
    Answer(Value),
    /// Merges this into the answer (RFC 7396).
    Amended(Value),
}

/// A fault of the gateway, without whose requests it meets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewayFault {
    #[serde(default)]
    method: Option<String>,
    path: String,
    effect: GatewayEffect,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum GatewayEffect {
    Answer { status: u16, body: Value },
    Rewrite { when_status: Option<u16>, status: Option<u16>, body: Option<Value> },
}

/// The file beside the mutants that says why rows stay that kill none of them.
pub const KEEPS: &str = "keeps.yaml";

/// Reads the reasons in [`KEEPS`], by row; none if there is no such file.
///
/// # Errors
/// If the file cannot be read.
pub fn keeps(folder: &Path) -> Result<BTreeMap<String, String>, MutantError> {
    let file = folder.join(KEEPS);
    if !file.exists() {
        return Ok(BTreeMap::new());
    }
    let text =
        std::fs::read_to_string(&file).map_err(|source| MutantError::Unreadable { file: file.clone(), source })?;
    serde_saphyr::from_str(&text).map_err(|error| MutantError::Malformed { file, message: error.to_string() })
}

/// Reads all mutants below `folder`: `gateway.yaml`, and one file for each implementation of homeservers.
///
/// # Errors
/// The first file that cannot be read.
pub fn load(folder: &Path) -> Result<Vec<Mutant>, MutantError> {
    let unreadable = |file: &Path| {
        let file = file.to_owned();
        move |source| MutantError::Unreadable { file, source }
    };
    let entries = std::fs::read_dir(folder).map_err(unreadable(folder))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml") && !file.ends_with(KEEPS));
    files.sort();
    let mut mutants = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).map_err(unreadable(&file))?;
        let written: Vec<Written> = serde_saphyr::from_str(&text)
            .map_err(|error| MutantError::Malformed { file: file.clone(), message: error.to_string() })?;
        let implementation = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        mutants.extend(written.into_iter().map(|written| Mutant {
            family: written.id.rsplit_once('/').map_or_else(String::new, |(family, _)| family.to_owned()),
            id: written.id,
            about: written.about,
            kills: written.kills,
            traffic: written.traffic,
            needs: written.needs,
            seat: match (written.fault, written.front) {
                (Some(fault), _) => Seat::Gateway(fault),
                (None, Some(fault)) => Seat::Front(fault),
                (None, None) if implementation == OF_AGENTS => Seat::Agent,
                (None, None) => Seat::Homeserver(implementation.clone()),
            },
        }));
    }
    Ok(mutants)
}

impl Mutant {
    /// Rows whose scenarios must be played for it. Invariants have no scenario of their own.
    pub fn played(&self) -> impl Iterator<Item = &str> {
        let rows = self.kills.iter().chain(&self.traffic).map(String::as_str);
        rows.filter(|row| !standing::is_invariant(row))
    }

    /// Whether this homeserver can have it.
    pub fn fits(&self, homeserver: &Home) -> bool {
        match &self.seat {
            Seat::Gateway(_) | Seat::Front(_) | Seat::Agent => true,
            Seat::Homeserver(implementation) => homeserver.implementation() == implementation,
        }
    }

    /// The switches that seed it in a homeserver for one instance: every name the instance makes holds its id, or one of
    /// its addresses.
    fn switches(&self, stage: &Stage) -> [MutantSwitch; 3] {
        let names = Names(&stage.id);
        [stage.id.clone(), names.v4(), names.v6()].map(|part| MutantSwitch {
            mutant: self.id.clone(),
            origin: Some(format!("*{part}*")),
            room: None,
        })
    }

    /// Switches it on.
    pub(crate) async fn seed(&self, stage: &Stage, subject: &Home) -> Result<(), StepError> {
        match &self.seat {
            Seat::Homeserver(_) => {
                for homeserver in seats(stage, subject).filter_map(Home::booted) {
                    for switch in self.switches(stage) {
                        homeserver.mutate(&switch).await?;
                    }
                }
            }
            Seat::Gateway(fault) => {
                for player in stage.cast.values() {
                    if let Player::Virtual(server) = player {
                        stage.hold(fault.towards(server.name(), subject.server_name()));
                    }
                }
            }
            // Agents are started with it.
            Seat::Agent => {}
            Seat::Front(fault) => {
                for player in stage.cast.values() {
                    if let Player::Front(front) = player {
                        let document = match fault.served.clone() {
                            FrontEffect::Answer(body) => Document::Answer { status: 200, body },
                            FrontEffect::Amended(patch) => Document::Amended(patch),
                        };
                        front.serve(path_of(&fault.at, &stage.settings).unwrap_or(&fault.at), document);
                    }
                }
            }
        }
        Ok(())
    }

    /// Switches it off; a gateway's or a front end's fault ends with the instance.
    pub(crate) async fn heal(&self, stage: &Stage, subject: &Home) -> Result<(), StepError> {
        match &self.seat {
            Seat::Homeserver(_) => {
                for homeserver in seats(stage, subject).filter_map(Home::booted) {
                    for switch in self.switches(stage) {
                        homeserver.heal_switch(&switch).await?;
                    }
                }
                Ok(())
            }
            Seat::Gateway(_) | Seat::Front(_) | Seat::Agent => Ok(()),
        }
    }

    /// What an agent is started with to have it.
    pub(crate) fn of_agent(&self) -> Option<(&'static str, &str)> {
        matches!(self.seat, Seat::Agent).then_some(("FEDPROOF_MUTANT", &*self.id))
    }
}

/// The homeserver under test, and those others that the scenario has: where two understand each other, either may be wrong.
fn seats<'a>(stage: &'a Stage, subject: &'a Home) -> impl Iterator<Item = &'a Home> {
    let others = stage.cast.values().filter_map(|player| match player {
        Player::Homeserver(homeserver) if homeserver.name() != subject.name() => Some(homeserver),
        _ => None,
    });
    std::iter::once(subject).chain(others)
}

impl GatewayFault {
    fn towards(&self, from: &ServerName, to: &ServerName) -> Fault {
        Fault {
            from: Some(from.clone()),
            to: Some(to.clone()),
            method: self.method.clone(),
            one_in: 1,
            path: Some(self.path.clone()),
            effect: match &self.effect {
                GatewayEffect::Answer { status, body } => Effect::Answer { status: *status, body: body.clone() },
                GatewayEffect::Rewrite { when_status, status, body } => {
                    Effect::Rewrite { when_status: *when_status, status: *status, body: body.clone() }
                }
            },
        }
    }
}
