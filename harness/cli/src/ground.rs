//! A deployment that is up, with the gateway and the virtual servers around it.

use crate::{args::Where, error::CliError, interrupt, project::Project};
use fedproof_deployment::{Backend, Deployment, Description, Home, Notify, Setting, default_cache};
use fedproof_gateway::Gateway;
use fedproof_results::{BuildInfo, CaseInfo, ServerInfo, ServerUsage};
use fedproof_runner::{Diary, Field};
use fedproof_scenario::Loaded;
use fedproof_virtual::World;
use std::{net::IpAddr, path::Path};
use tokio::sync::watch;

/// What commands that need homeservers work on.
pub(crate) struct Ground {
    pub(crate) deployment: Deployment,
    pub(crate) field: Field,
}

/// Name of the deployment that is meant where none is given.
pub(crate) const DEFAULT: &str = "default";

/// Reads the deployment that the command line means; starts nothing.
pub(crate) fn describe(project: &Project, place: &Where) -> Result<Description, CliError> {
    describe_named(project, place, place.deployment.as_deref().unwrap_or(DEFAULT))
}

/// Reads the deployment `deployment`, a name or a file, with the command line's homeservers; starts nothing.
pub(crate) fn describe_named(project: &Project, place: &Where, deployment: &str) -> Result<Description, CliError> {
    let backend: Backend = place.backend.parse().map_err(CliError::bad_input)?;
    if backend == Backend::Attach {
        return Err(CliError::bad_input("--backend attach is one of `run` alone: nothing is started"));
    }
    let named = project.fixtures().join("deployments").join(format!("{deployment}.yaml"));
    let file = if named.is_file() { named } else { deployment.into() };
    if !file.is_file() {
        let known = names(&project.fixtures().join("deployments")).join(", ");
        return Err(CliError::bad_input(format!(
            "there is no deployment {deployment:?}: neither a file nor one of {known} in fixtures/deployments"
        )));
    }
    let overrides = place.homeservers.iter().map(|text| match text.split_once('=') {
        Some((name, spec)) => Ok((name.to_owned(), spec.to_owned())),
        None => {
            Err(CliError::bad_input(format!("--homeserver {text}: expected NAME=SPEC, such as alpha=synapse@1.163.2")))
        }
    });
    let overrides = overrides.collect::<Result<Vec<_>, _>>()?;
    let description = Description::read(&file)?.with_specs(&overrides)?.on(backend);
    Deployment::check(&description, &project.fixtures())?;
    check_words(&description)?;
    Ok(description)
}

/// Looks whether scenarios know what a deployment says of itself.
pub(crate) fn check_words(description: &Description) -> Result<(), CliError> {
    let known = fedproof_scenario::terms::FEATURES;
    if let Some(feature) = description.features.iter().find(|feature| !known.contains(&feature.as_str())) {
        let message =
            format!("deployment {} has the feature {feature:?}: there are {}", description.name, known.join(", "));
        return Err(CliError::bad_input(message));
    }
    let services = fedproof_scenario::terms::SERVICES;
    if let Some(service) = description.lacks.iter().find(|service| !services.contains(&service.as_str())) {
        let message = format!("deployment {} lacks {service:?}: there are {}", description.name, services.join(", "));
        return Err(CliError::bad_input(message));
    }
    Ok(())
}

/// Why a scenario cannot be played on a deployment; `None` if it can.
pub(crate) fn unmet(description: &Description, scenario: &Loaded) -> Option<String> {
    let open = description.homeservers.values().filter(|homeserver| !homeserver.shut).count();
    scenario.scenario.needs.unmet(&description.features, open)
}

/// Whether a deployment asks for a POLICY case.
pub(crate) fn asks_for(description: &Description, case: &CaseInfo) -> bool {
    description.asks.iter().any(|glob| fedproof_scenario::is_named(case, glob))
}

/// What speaks to homeservers: it knows no proxy.
pub(crate) fn http_client() -> Result<reqwest::Client, CliError> {
    http_client_trusting(Vec::new())
}

/// The same, which also trusts these authorities.
pub(crate) fn http_client_trusting(authorities: Vec<reqwest::Certificate>) -> Result<reqwest::Client, CliError> {
    let client = reqwest::Client::builder().no_proxy().tcp_nodelay(true);
    let client = if authorities.is_empty() { client } else { client.tls_certs_merge(authorities) };
    client.build().map_err(|error| CliError::environment(format!("failed to set up the HTTP client: {error}")))
}

/// Names of the YAML files in a folder.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut names: Vec<String> = entries
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    names
}

/// The homeservers as reports name them.
pub(crate) fn servers(field: &Field) -> Vec<ServerInfo> {
    let info = |homeserver: &Home| ServerInfo {
        name: homeserver.name().to_owned(),
        spec: homeserver.spec().to_owned(),
        implementation: homeserver.implementation().to_owned(),
        version: homeserver.version(),
        server_name: homeserver.server_name().to_string(),
        digest: homeserver.digest().to_owned(),
        upgrade_to: homeserver
            .upgrade_to()
            .map(|(spec, digest)| BuildInfo { spec: spec.into(), digest: digest.into() }),
    };
    field.homeservers.iter().map(info).collect()
}

/// What the homeservers used so far, as far as it can be told.
pub(crate) fn usage(field: &Field) -> Vec<ServerUsage> {
    let usage = |homeserver: &Home| {
        let usage = homeserver.usage()?;
        Some(ServerUsage { name: homeserver.name().to_owned(), cpu_ms: usage.cpu_ms, rss_bytes: usage.rss_bytes })
    };
    field.homeservers.iter().filter_map(usage).collect()
}

impl Ground {
    /// Installs what is missing and boots, with homeservers that listen at `bind`; ends early, with everything stopped, on
    /// a signal.
    pub(crate) async fn start(
        project: &Project,
        description: &Description,
        folders: (&Path, &Path),
        seed: u64,
        notify: Notify,
        interrupted: &watch::Receiver<bool>,
        bind: IpAddr,
    ) -> Result<Self, CliError> {
        let (work, logs) = folders;
        let gateway = Gateway::new().map_err(|error| CliError::environment(format!("failed to {error}")))?;
        let http = http_client()?;
        let setting = Setting {
            bind,
            gateway: gateway.clone(),
            fixtures: project.fixtures(),
            cache: default_cache(),
            work: work.to_owned(),
            logs: logs.to_owned(),
            notify,
            instances: fedproof_runner::plan::instance_ids(seed),
            http,
        };
        let deployment = tokio::select! {
            started = Deployment::start(description, setting) => started?,
            () = interrupt::signalled(interrupted) => return Err(CliError::interrupted()),
        };
        let world = World::new(gateway.clone(), seed);
        let homeservers = deployment.homeservers().iter().cloned().map(Home::Booted).collect();
        let description = description.clone();
        let field = Field { gateway, world, homeservers, diary: Diary::default(), description, client: None };
        Ok(Self { deployment, field })
    }

    /// The homeservers as reports name them.
    pub(crate) fn servers(&self) -> Vec<ServerInfo> {
        servers(&self.field)
    }

    /// Stops everything.
    pub(crate) async fn stop(self) {
        self.deployment.stop().await;
        self.field.gateway.close();
    }
}
