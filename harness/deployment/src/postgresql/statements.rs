//! Which statements took PostgreSQL's time: `pg_stat_statements`.
//!
//! Not a log of slow statements: the homeservers' driver writes values into the text, access tokens among them. The module
//! counts texts in which every value is a `$1`, so that nothing secret is kept.

use super::Postgresql;
use crate::DeploymentError;
use serde::{Deserialize, Serialize};

/// How much of a statement's text is kept, in characters.
const TEXT: usize = 1000;

/// A statement, and what it took since PostgreSQL was started or told to forget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The database, named after the homeserver.
    pub database: String,
    /// Its text, in which `$1` and so on stand for values.
    pub query: String,
    /// How often it was executed.
    pub calls: u64,
    /// All its executions together, in milliseconds.
    pub total_ms: f64,
    /// Mean, in milliseconds.
    pub mean_ms: f64,
    /// Longest, in milliseconds.
    pub max_ms: f64,
    /// Rows that it returned or changed.
    pub rows: u64,
}

impl Postgresql {
    /// The statements that took most time together, at most `most`; empty if the module is not installed.
    ///
    /// # Errors
    /// When PostgreSQL does not answer.
    pub async fn statements(&self, most: usize) -> Result<Vec<Statement>, DeploymentError> {
        if !self.counts_statements {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT coalesce(json_agg(top), '[]') FROM (SELECT datname AS database, \
             left(regexp_replace(query, '\\s+', ' ', 'g'), {TEXT}) AS query, calls, total_exec_time AS total_ms, \
             mean_exec_time AS mean_ms, max_exec_time AS max_ms, rows \
             FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid \
             WHERE datname NOT IN ('postgres', 'template1') ORDER BY total_exec_time DESC LIMIT {most}) AS top"
        );
        let answer = self.sql("postgres", &sql).await?;
        serde_json::from_str(&answer)
            .map_err(|error| self.failed("read the statistics of PostgreSQL", &error.to_string()))
    }

    /// Forgets the statements so far: what setting up took is no load.
    ///
    /// # Errors
    /// When PostgreSQL does not answer.
    pub async fn forget_statements(&self) -> Result<(), DeploymentError> {
        if self.counts_statements {
            self.sql("postgres", "SELECT pg_stat_statements_reset()").await?;
        }
        Ok(())
    }
}
