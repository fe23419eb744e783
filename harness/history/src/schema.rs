//! Tables of the store, in the part of SQL that SQLite and PostgreSQL share.
//!
//! A migration that was released is never changed; a new one goes to the end of [`MIGRATIONS`]. `BLOB` is spelt `BYTEA` for
//! PostgreSQL; numbers of rows are hashes ([`crate::number`]), so that nothing depends on how a database counts.

use sqlx::{
    AssertSqlSafe, SqlSafeStr,
    migrate::{Migration, MigrationType, Migrator},
};
use std::borrow::Cow;

/// Number, what it does, statements.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "runs", include_str!("schema/0001_runs.sql")),
    (2, "milliseconds", include_str!("schema/0002_milliseconds.sql")),
];

/// The migrations as sqlx carries them out: each once, in their order, checked against what was carried out before.
pub(crate) fn migrator(on_postgres: bool) -> Migrator {
    let spelt = |sql: &'static str| match on_postgres {
        true => AssertSqlSafe(sql.replace("BLOB", "BYTEA")).into_sql_str(),
        false => sql.into_sql_str(),
    };
    let migrations = MIGRATIONS.iter().map(|&(version, about, sql)| {
        Migration::new(version, Cow::Borrowed(about), MigrationType::Simple, spelt(sql), false)
    });
    Migrator { migrations: Cow::Owned(migrations.collect()), ..Migrator::DEFAULT }
}
