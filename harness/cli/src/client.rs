//! The client under test: built where a selected case needs it, asked what it can do.

use crate::{error::CliError, interrupt, project::Project};
use fedproof_agent::{Agent, AgentError, ClientSpec, Program};
use fedproof_deployment::{Notify, Recorded, default_cache};
use fedproof_results::Verdict;
use fedproof_runner::ClientUnderTest;
use fedproof_scenario::Loaded;
use std::{path::Path, sync::Arc};
use tokio::sync::watch;

/// A client that is ready, or why there is none: what needs it is inconclusive then.
pub(crate) type Client = Result<ClientUnderTest, String>;

/// The client that is asked for, if there is one of that name.
pub(crate) fn named(project: &Project, spec: &str) -> Result<ClientSpec, CliError> {
    let parsed: ClientSpec = spec.parse().map_err(CliError::bad_input)?;
    let clients = project.fixtures().join("clients");
    if !clients.join(&parsed.name).join("adapter.yaml").is_file() {
        let folders = std::fs::read_dir(&clients).into_iter().flatten().flatten();
        let mut known: Vec<String> = folders.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
        known.sort();
        let message = format!("there is no client {:?}: fixtures/clients has {}", parsed.name, known.join(", "));
        return Err(CliError::bad_input(message));
    }
    if let Some(checkout) = parsed.checkout.as_deref().filter(|checkout| !checkout.is_dir()) {
        return Err(CliError::bad_input(format!("the client's checkout {} is no folder", checkout.display())));
    }
    Ok(parsed)
}

/// Builds the client and asks who it is. Agents work in `work`, in the folder `clients`; what is said is recorded below
/// `records`.
pub(crate) async fn prepare(
    project: &Project,
    spec: &ClientSpec,
    (work, records): (&Path, &Path),
    notify: &Notify,
    stopped: &watch::Receiver<bool>,
) -> Client {
    let prepare = async {
        let in_words = |error: AgentError| error.to_string();
        let program = Program::build(spec, &project.root, &default_cache(), notify).await.map_err(in_words)?;
        let work = Arc::new(Recorded::create(work, "clients").map_err(|error| error.to_string())?);
        let (folder, record) = (work.folder().join("hello"), records.join("hello.jsonl"));
        let asked = Agent::start(&program, &folder, &record, None).await.map_err(in_words)?;
        let hello = asked.hello().clone();
        notify(None, format!("the client {} is {} {}", spec.name, hello.name, hello.version));
        Ok(ClientUnderTest { program, hello, work, records: records.to_owned() })
    };
    tokio::select! {
        prepared = prepare => prepared,
        () = interrupt::signalled(stopped) => Err("interrupted".to_owned()),
    }
}

/// Why a scenario cannot be played with this client (R7).
pub(crate) fn unmet(client: Option<&Client>, scenario: &Loaded) -> Option<(Verdict, String)> {
    if !scenario.scenario.has_agents() {
        return None;
    }
    match client? {
        Err(reason) => Some((Verdict::Inconclusive, reason.clone())),
        Ok(ClientUnderTest { hello, .. }) => {
            let lacks = |capability: &String| !hello.capabilities.contains(capability);
            let lacking = scenario.scenario.capabilities().into_iter().find(lacks)?;
            let reason = format!("capability: {} {} does not offer `{lacking}`", hello.name, hello.version);
            Some((Verdict::Skipped, reason))
        }
    }
}
