//! `fedproof run --attach`: where a run is played that starts no homeservers itself.
//!
//! Where the connection file names a gateway, the run takes its place, with the same authority, routes and ports: what
//! decides a case needs the record of what servers say, the simulated servers and the faults in one process, so that a
//! service beside it would have to be told of every step.

use super::gateway::open;
use crate::{
    args::Run,
    error::CliError,
    ground::{check_words, http_client_trusting},
};
use fedproof_client::Endpoint;
use fedproof_core::{ServerName, transcript::Transcript};
use fedproof_deployment::{Accounts, Connected, Connection, Description, Gatewayed, Home, Routes};
use fedproof_gateway::Gateway;
use fedproof_runner::{Diary, Field, Reach, plan};
use fedproof_virtual::World;
use serde_json::Value;
use std::{
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// How long a homeserver may take to say who it is.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// A deployment that somebody else started.
pub(super) struct Attachment {
    connection: Connection,
    /// Where files are that the connection file names.
    base: PathBuf,
    /// Whom its gateway stands between.
    routes: Option<(Gatewayed, Routes)>,
    http: reqwest::Client,
    /// Part of every name that the run makes there, and of no other name.
    pub(super) mark: String,
    destructive: bool,
}

impl Attachment {
    /// The deployment that the command line means, if it is such a one. Its homeservers are asked who they are, as far as
    /// the file does not say it.
    pub(super) async fn find(args: &mut Run, seed: u64) -> Result<Option<Self>, CliError> {
        let is_meant = args.attach.is_some() || args.place.backend == "attach";
        if !is_meant {
            return match (args.dry_run, args.allow_destructive) {
                (false, false) => Ok(None),
                _ => Err(CliError::bad_input(
                    "--dry-run and --allow-destructive are about homeservers that run already: --attach FILE",
                )),
            };
        }
        args.place.backend = "attach".to_owned();
        let bad = |error: &dyn std::fmt::Display| CliError::bad_input(format!("failed to {error}"));
        let (mut connection, base) = match &args.attach {
            Some(file) => {
                let base = file.parent().unwrap_or(Path::new("")).to_owned();
                (Connection::read(file).map_err(|error| bad(&error))?, base)
            }
            None => (Connection::new(String::new(), "attached", Vec::new()), PathBuf::new()),
        };
        let urls = args.place.homeservers.iter().map(|text| {
            let pair = text.split_once('=').and_then(|(name, spec)| Some((name, spec.strip_prefix("url:")?)));
            let expected =
                || format!("--homeserver {text}: expected NAME=url:BASE_URL, such as alpha=url:https://alpha.example");
            pair.ok_or_else(|| CliError::bad_input(expected()))
        });
        let urls = urls.collect::<Result<Vec<_>, _>>()?;
        let http = http_client_trusting(authorities(&connection, &base)?)?;
        for (name, url) in urls {
            let url = url.trim_end_matches('/').to_owned();
            match connection.homeservers.iter_mut().find(|one| one.name == name) {
                Some(known) => known.base_url = url,
                None if args.attach.is_none() => connection.homeservers.push(unknown(name, url, &http).await?),
                None => {
                    return Err(CliError::bad_input(format!(
                        "--homeserver {name}: the connection file has none of that name"
                    )));
                }
            }
        }
        connection.check().map_err(|problem| bad(&format!("attach: {problem}")))?;
        let routes = connection.gateway.as_ref().map(|gateway| routes(gateway, &connection, &base)).transpose()?;
        check_words(&connection.description())?;
        for one in &mut connection.homeservers {
            who(one, &http).await?;
        }
        let mark = format!("{}{:x}", plan::mark(seed), seconds());
        let destructive = args.allow_destructive;
        Ok(Some(Self { connection, base, routes, http, mark, destructive }))
    }

    pub(super) fn description(&self) -> Description {
        self.connection.description()
    }

    /// What can be decided on it.
    pub(super) fn reach(&self, field: &Field) -> Reach {
        Reach {
            gateway: self.routes.is_some(),
            fronts: self.routes.is_some() || self.connection.homeservers.iter().all(|one| plain(one).is_some()),
            destructive: self.destructive,
            accounts: field.homeservers.iter().filter_map(|one| one.endpoint().accounts().count()).min(),
        }
    }

    /// How accounts come to be on a homeserver, in words.
    pub(super) fn way(&self, name: &str) -> &'static str {
        match self.connection.homeservers.iter().find(|one| one.name == name).map(|one| &one.accounts) {
            Some(Accounts::SharedSecret(_)) => "made by the shared secret, and one more who administers",
            Some(Accounts::Administrator) => "made by the administrator",
            Some(Accounts::Existing(_)) => "lent, of those that are there",
            Some(Accounts::Mas(_)) => "made by the authentication service",
            Some(Accounts::Open) | None => "registered openly",
        }
    }

    /// What instances are played on; nothing is opened or made yet.
    pub(super) fn field(&self, seed: u64) -> Result<Field, CliError> {
        let gateway = match &self.routes {
            Some((gateway, _)) => Gateway::with_authority_in(&self.base.join(&gateway.ca)),
            None => Gateway::new(),
        };
        let gateway = gateway.map_err(|error| CliError::environment(format!("failed to {error}")))?;
        let salt = salt()?;
        let home = |one: &Connected| {
            let transcript = gateway.transcript().clone();
            let endpoint = one.endpoint(self.http.clone(), transcript, &self.base, (&self.mark, &salt));
            let endpoint = endpoint.map_err(|error| CliError::bad_input(format!("failed to {error}")))?;
            Ok(Home::attach(one.clone(), endpoint))
        };
        let homeservers = self.connection.homeservers.iter().map(home).collect::<Result<_, CliError>>()?;
        if self.routes.is_none() {
            // For front ends.
            let plain = self.connection.homeservers.iter().filter_map(|one| Some((one, plain(one)?)));
            plain.for_each(|(one, authority)| gateway.route_real(one.server_name.clone(), authority));
        }
        let world = World::new(gateway.clone(), seed);
        let description = self.description();
        Ok(Field { gateway, world, homeservers, diary: Diary::default(), description, client: None })
    }

    /// Takes the gateway's place, if there is one.
    pub(super) async fn open(&self, field: &Field) -> Result<(), CliError> {
        for home in &field.homeservers {
            let may = home.endpoint().may_purge().await;
            may.map_err(|error| CliError::bad_input(format!("the administrator of {}: {error}", home.name())))?;
        }
        let Some((gateway, routes)) = &self.routes else { return Ok(()) };
        open(&field.gateway, routes, gateway.bind).await.map(drop).map_err(|error| {
            let hint =
                "the run takes the place of `fedproof gateway`: stop that one first, and start it again afterwards";
            CliError::environment(format!("failed to {error}\n{hint}"))
        })?;
        self.is_between(field).await?;
        for home in &field.homeservers {
            for other in field.homeservers.iter().filter(|other| other.name() != home.name()) {
                let again = home.endpoint().try_again(other.server_name()).await;
                again.map_err(|error| CliError::environment(format!("{}: {error}", home.name())))?;
            }
        }
        Ok(())
    }

    /// Looks whether the run has the gateway's place: each homeserver must come for the keys of a simulated one.
    async fn is_between(&self, field: &Field) -> Result<(), CliError> {
        let stranger = field.world.server(ServerName::new(format!("first-{}.example", self.mark)));
        for home in &field.homeservers {
            let name = home.name();
            let failed = |what: String| Err(CliError::environment(format!("{name}: {what}")));
            match stranger.send(home.server_name(), Vec::new(), Vec::new()).await {
                // It did not find out who speaks.
                Ok(reply) if reply.status == 401 => {
                    return failed(format!(
                        "it did not come to this run for the keys of {}\nits way out (`https_proxy`) must lead here, \
                         under the name that it knows the gateway by, and it must trust the gateway's authority",
                        stranger.name()
                    ));
                }
                // An allow-list answers 403.
                Ok(_) => {}
                Err(error) => return failed(format!("failed to {error}")),
            }
        }
        Ok(())
    }
}

/// The homeservers of a connection file by name, for another run's leavings.
pub(super) fn endpoints(file: &Path) -> Result<Vec<(String, Endpoint)>, CliError> {
    let base = file.parent().unwrap_or(Path::new(""));
    let bad = |error: &dyn std::fmt::Display| CliError::bad_input(format!("failed to {error}"));
    let connection = Connection::read(file).map_err(|error| bad(&error))?;
    let http = http_client_trusting(authorities(&connection, base)?)?;
    let (mark, salt) = (format!("after-{:x}", seconds()), salt()?);
    let endpoint = |one: &Connected| {
        let endpoint = one.endpoint(http.clone(), Transcript::default(), base, (&mark, &salt));
        Ok((one.name.clone(), endpoint.map_err(|error| bad(&error))?))
    };
    connection.homeservers.iter().map(endpoint).collect()
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The routes file, which must name every homeserver under test, and an authority that is there.
fn routes(gateway: &Gatewayed, connection: &Connection, base: &Path) -> Result<(Gatewayed, Routes), CliError> {
    let routes = Routes::read(&base.join(&gateway.routes))?;
    let knows = |one: &Connected| routes.servers.keys().any(|name| name.server() == one.server_name);
    if let Some(one) = connection.homeservers.iter().find(|one| !knows(one)) {
        let (file, server) = (gateway.routes.display(), &one.server_name);
        return Err(CliError::bad_input(format!("{file} does not name {server}, which is {}", one.name)));
    }
    // One that was made now nobody would trust.
    let certificate = base.join(&gateway.ca).join("ca.crt");
    if !certificate.is_file() {
        let certificate = certificate.display();
        return Err(CliError::bad_input(format!(
            "there is no {certificate}: `ca` must be the folder of the authority that the homeservers trust"
        )));
    }
    Ok((gateway.clone(), routes))
}

/// A homeserver of which nothing but its address is known.
async fn unknown(name: &str, base_url: String, http: &reqwest::Client) -> Result<Connected, CliError> {
    // Who answers nothing at all is not one who merely keeps his name to himself.
    let unreachable = |why| CliError::environment(format!("failed to reach {name} at {base_url}: {why}"));
    get(http, &base_url, "/_matrix/client/versions").await.map_err(unreachable)?;
    let keys = get(http, &base_url, "/_matrix/key/v2/server").await.ok();
    let server_name = keys.as_ref().and_then(|keys| keys["server_name"].as_str());
    let server_name = server_name.ok_or_else(|| {
        CliError::bad_input(format!(
            "{base_url} does not say its name (at /_matrix/key/v2/server): name it in a file, --attach FILE"
        ))
    })?;
    Ok(Connected::new(name, server_name, base_url))
}

/// Fills in what the homeserver says of itself, and looks whether it can be reached.
async fn who(one: &mut Connected, http: &reqwest::Client) -> Result<(), CliError> {
    let unreachable =
        |error: String| CliError::environment(format!("failed to reach {} at {}: {error}", one.name, one.base_url));
    get(http, &one.base_url, "/_matrix/client/versions").await.map_err(unreachable)?;
    if one.implementation.is_empty() || one.version.is_empty() {
        // It may not show its federation API to clients.
        let told = get(http, &one.base_url, "/_matrix/federation/v1/version").await.unwrap_or_default();
        let text = |key: &str| told["server"][key].as_str().unwrap_or_default().to_owned();
        one.implementation = text("name").to_lowercase();
        one.version = text("version");
    }
    if one.spec.is_empty() {
        one.spec = match (&*one.implementation, &*one.version) {
            ("", _) | (_, "") => "unknown".to_owned(),
            (implementation, version) => format!("{implementation}@{version}"),
        };
    }
    Ok(())
}

/// The JSON at a path, or in words why there is none.
async fn get(http: &reqwest::Client, base_url: &str, path: &str) -> Result<Value, String> {
    let answer = http.get(format!("{base_url}{path}")).timeout(ANSWER_LIMIT).send().await;
    let answer = answer.map_err(|error| words(&error.without_url()))?;
    match answer.status().as_u16() {
        200 => answer.json().await.map_err(|error| error.to_string()),
        status => Err(format!("{path} answered {status}")),
    }
}

/// An error with its causes.
fn words(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", words(cause)),
        None => error.to_string(),
    }
}

/// Its listener, if it is one for plain HTTP.
fn plain(one: &Connected) -> Option<&str> {
    one.base_url.strip_prefix("http://")
}

/// The authorities that the connection file has trusted.
fn authorities(connection: &Connection, base: &Path) -> Result<Vec<reqwest::Certificate>, CliError> {
    let Some(file) = connection.trust.as_ref().map(|file| base.join(file)) else { return Ok(Vec::new()) };
    let wrong =
        |error: &dyn std::fmt::Display| CliError::bad_input(format!("failed to read {}: {error}", file.display()));
    let pem = std::fs::read(&file).map_err(|error| wrong(&error))?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| wrong(&error))?;
    if found.is_empty() { Err(wrong(&"it holds no certificate")) } else { Ok(found) }
}

/// What nobody can guess.
fn salt() -> Result<String, CliError> {
    let mut bytes = [0u8; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| CliError::environment(format!("failed to read /dev/urandom: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
