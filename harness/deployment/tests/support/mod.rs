//! What the tests share: a deployment with everything temporary but the cache.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub, missing_docs)]

use fedproof_deployment::{Deployment, DeploymentError, Description, Setting, default_cache};
use fedproof_gateway::Gateway;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tempfile::TempDir;

pub struct Bed {
    pub folder: TempDir,
    pub setting: Setting,
    pub said: Arc<Mutex<Vec<String>>>,
}

pub fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

pub fn bed() -> Bed {
    bed_with(fixtures(), default_cache())
}

pub fn bed_with(fixtures: PathBuf, cache: PathBuf) -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let said: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = said.clone();
    let setting = Setting {
        bind: fedproof_deployment::LOOPBACK,
        instances: Vec::new(),
        gateway: Gateway::new().unwrap(),
        fixtures,
        cache,
        work: folder.path().join("work"),
        logs: folder.path().join("logs"),
        notify: Arc::new(move |name, text| {
            eprintln!("{}: {text}", name.unwrap_or("deployment"));
            heard.lock().unwrap().push(text);
        }),
        http: reqwest::Client::builder().no_proxy().build().unwrap(),
    };
    Bed { folder, setting, said }
}

/// A deployment of homeservers `NAME=SPEC`, each called `NAME.fedproof.test`.
pub fn describe(homeservers: &[(&str, &str)]) -> Description {
    let homeservers: serde_json::Map<_, _> = homeservers
        .iter()
        .map(|(name, spec)| {
            ((*name).to_owned(), serde_json::json!({"spec": spec, "server_name": format!("{name}.fedproof.test")}))
        })
        .collect();
    serde_json::from_value(serde_json::json!({"name": "test", "about": "a test", "homeservers": homeservers})).unwrap()
}

pub async fn start(bed: &Bed, homeservers: &[(&str, &str)]) -> Result<Deployment, DeploymentError> {
    Deployment::start(&describe(homeservers), bed.setting.clone()).await
}

pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}
