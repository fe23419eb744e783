//! Homeservers of several processes: the deployment `saas`.
//!
//! Where PostgreSQL or Redis is not installed these tests do nothing, except in CI (`CI=true`), where they fail.

#![allow(clippy::unwrap_used)]

mod support;

use fedproof_deployment::{Backend, Deployment, Description, Kind, doctor};
use fedproof_gateway::PROCESS;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

/// Whether PostgreSQL and Redis are there.
async fn are_there() -> bool {
    let checks = doctor(&fedproof_deployment::default_cache()).await;
    let needed = checks.iter().filter(|check| ["postgresql", "redis"].contains(&check.name));
    let ok = needed.clone().all(|check| check.ok);
    assert!(ok || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{:?}", needed.collect::<Vec<_>>());
    ok
}

fn saas() -> Description {
    let mut description = Description::read(&support::fixtures().join("deployments/saas.yaml")).unwrap();
    description.homeservers.shift_remove("bravo");
    description
}

#[tokio::test(flavor = "multi_thread")]
async fn one_homeserver_of_four_processes() {
    if !are_there().await {
        return;
    }
    let bed = support::bed();
    let deployment = Deployment::start(&saas(), bed.setting.clone()).await.unwrap();
    let alpha = deployment.homeserver("alpha").unwrap();
    assert_eq!(alpha.workers(), ["generic-1", "generic-2", "federation_sender-1"]);
    let send = "/_matrix/federation/v1/send/txn";
    assert_eq!(alpha.processes_that_answer("PUT", send), ["generic-1", "generic-2", "main"]);
    assert_eq!(alpha.processes_that_answer("GET", "/_matrix/federation/v1/make_knock/!r:s/@u:s"), ["main"]);

    // The front passes on to all of them, and one process knows what another was told.
    let (http, base) = (&bed.setting.http, format!("http://{}", alpha.address()));
    let body = json!({"username": "user", "password": "p", "auth": {"type": "m.login.dummy"}});
    let registered = http.post(format!("{base}/_matrix/client/v3/register")).json(&body).send().await.unwrap();
    let token = registered.json::<Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let created = http.post(format!("{base}/_matrix/client/v3/createRoom")).bearer_auth(&token).json(&json!({}));
    let room = created.send().await.unwrap().json::<Value>().await.unwrap()["room_id"].as_str().unwrap().to_owned();
    for process in ["generic-1", "generic-2", "main"] {
        let joined = http.get(format!("{base}/_matrix/client/v3/joined_rooms")).bearer_auth(&token);
        let joined: Value = joined.header(PROCESS, process).send().await.unwrap().json().await.unwrap();
        assert_eq!(joined["joined_rooms"], json!([room]), "{process}");
    }
    // Only workers that answer clients have that path: who is asked is who answers.
    let metrics = |process: &'static str| {
        let asked = http.get(format!("{base}/_synapse/metrics")).header(PROCESS, process);
        async move { asked.send().await.unwrap().text().await.unwrap() }
    };
    let (main, worker) = (metrics("main").await, metrics("generic-2").await);
    assert!(worker.contains("JoinedRoomsRestServlet") && worker != main);

    let (pids, address) = (alpha.pids(), alpha.address());
    assert_eq!(pids.len(), 4);
    for name in ["alpha", "alpha.generic-1", "alpha.generic-2", "alpha.federation_sender-1"] {
        assert!(bed.setting.logs.join(format!("{name}.log")).metadata().unwrap().len() > 0, "{name}");
    }
    alpha.pause().await.unwrap();
    alpha.resume().await.unwrap();
    alpha.kill().await.unwrap();
    assert!(pids.iter().all(|pid| !support::is_alive(*pid)));
    assert_eq!(alpha.died(), None, "it was meant to");
    alpha.start().await.unwrap();
    assert_eq!((alpha.address(), alpha.pids().len()), (address, 4));

    // A worker's end is the homeserver's trouble.
    let worker = alpha.pids()[2];
    kill(Pid::from_raw(worker.try_into().unwrap()), Signal::SIGKILL).unwrap();
    let death = alpha.death().await;
    assert!(death.starts_with("homeserver alpha.generic-2 ended with"), "{death}");
    let pids = alpha.pids();
    assert_eq!(pids.len(), 3);
    deployment.stop().await;
    assert!(pids.iter().all(|pid| !support::is_alive(*pid)));
}

#[test]
fn workers_that_cannot_be_are_bad_input() {
    let said = |change: &dyn Fn(&mut Description)| {
        let mut description = saas();
        change(&mut description);
        let error = Deployment::check(&description, &support::fixtures()).unwrap_err();
        assert_eq!(error.kind(), Kind::BadInput, "{error}");
        error.to_string()
    };
    assert!(said(&|it| it.database = Default::default()).contains("need its data in PostgreSQL"));
    assert!(said(&|it| it.features.clear()).contains("go together"));
    assert!(said(&|it| it.homeservers["alpha"].workers["generic"] = 0).contains("1 to 16 of a kind"));
    let unknown = said(&|it| {
        it.homeservers["alpha"].workers.insert("pusher".to_owned(), 1);
    });
    assert!(unknown.contains("no kind \"pusher\" (known: generic, federation_sender)"), "{unknown}");
    let compose = said(&|it| *it = it.clone().on(Backend::Compose));
    assert!(compose.contains("backend `process` only"), "{compose}");
}
