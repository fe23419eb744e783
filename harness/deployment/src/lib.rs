//! Deployments: sets of real homeservers, installed, started, driven and ended.
//!
//! What a deployment consists of is a [`Description`]; how an implementation is installed and started is data too, its
//! adapter (`fixtures/homeservers/NAME/`). [`Deployment::start`] installs what is missing into a cache that all runs
//! share, and boots every homeserver as a process of its own on loopback, with the gateway as its only way to the
//! others. No homeserver outlives the deployment, nor fedproof itself, however that ends; what a crash leaves of files,
//! [`cleanup`] removes.
//!
//! Not here: what goes on between the homeservers (the gateway), and what clients do with them.

#![cfg_attr(test, allow(clippy::unwrap_used, reason = "a failed test may panic"))]

mod access;
mod adapter;
mod builds;
mod cache;
mod cleanup;
pub mod command;
mod connection;
mod container;
mod cores;
mod database;
mod deployment;
mod description;
mod doctor;
mod engine;
mod error;
mod home;
mod homeserver;
mod image;
mod install;
mod lifeline;
mod located;
mod log;
mod operations;
mod port;
mod postgresql;
mod proc;
mod process;
mod python;
mod record;
mod redis;
mod routes;
mod server;
mod source;
mod spec;
mod template;
mod workers;
mod yaml;

pub use access::{Accounts, Login, Mas, Secret};
pub use adapter::{Metrics, SenderMetrics};
pub use cache::{Entry as CacheEntry, default_cache};
pub use cleanup::{Removed, cleanup};
pub use connection::{
    CONNECTION_SCHEMA, Connected, Connection, ConnectionError, Gatewayed, schema as connection_schema,
};
pub use cores::Cores;
pub use deployment::{Deployment, Setting};
pub use description::{
    Backend, DatabaseKind, Description, HomeserverDescription, Placement, schema as deployment_schema,
};
pub use doctor::{Check, doctor};
pub use error::{DeploymentError, Kind};
pub use home::{Attached, Home};
pub use homeserver::{Homeserver, MutantSwitch, Usage};
pub use located::Located;
pub use postgresql::{Postgresql, PostgresqlUsage, Statement};
pub use record::Recorded;
pub use routes::{Route, Routes, schema as routes_schema};
pub use spec::Spec;

/// Where homeservers listen if nobody else is to reach them.
pub const LOOPBACK: std::net::IpAddr = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

/// Who is told of progress: the homeserver's name, if it is about one, and a line of text.
pub type Notify = std::sync::Arc<dyn Fn(Option<&str>, String) + Send + Sync>;
