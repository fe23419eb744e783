//! The store itself: opening it, and what is the same for every question.

use crate::{HistoryError, schema::migrator};
use sqlx::{
    AnyConnection, AnyPool, Connection, Executor,
    any::{AnyPoolOptions, install_default_drivers},
};
use std::{
    io::{Read, Write},
    path::Path,
};

/// Who waits for a writer of the file waits half a minute.
const WAIT_FOR_WRITERS: &str = "PRAGMA busy_timeout = 30000";

/// A history of runs: a file or a database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) pool: AnyPool,
    /// Whether it is an SQLite file.
    pub(crate) is_file: bool,
}

impl Store {
    /// Opens what `at` names, and brings its tables up to date: `postgres://USER:PASSWORD@HOST/DATABASE`, or the path of an
    /// SQLite file that is there.
    ///
    /// # Errors
    /// [`HistoryError::Open`], [`HistoryError::Missing`], [`HistoryError::Migrate`].
    pub async fn open(at: &str) -> Result<Self, HistoryError> {
        if !is_postgres(at) && !Path::new(at).is_file() {
            return Err(HistoryError::Missing { path: at.to_owned() });
        }
        Self::create(at).await
    }

    /// As [`Store::open`], and makes an SQLite file that is not there, with its folder.
    ///
    /// # Errors
    /// [`HistoryError::Open`], [`HistoryError::Migrate`], [`HistoryError::Folder`].
    pub async fn create(at: &str) -> Result<Self, HistoryError> {
        install_default_drivers();
        if at.is_empty() {
            return Err(HistoryError::Missing { path: String::new() });
        }
        let on_postgres = is_postgres(at);
        let url = if on_postgres { at.to_owned() } else { file_url(Path::new(at))? };
        let options = AnyPoolOptions::new().max_connections(8).after_connect(move |connection, _| {
            Box::pin(async move {
                if !on_postgres {
                    connection.execute(WAIT_FOR_WRITERS).await?;
                }
                Ok(())
            })
        });
        let cannot = |source| HistoryError::Open { url: told(at), source };
        // A pool tries again until its time is up; the first connection says at once what is wrong.
        let mut first = AnyConnection::connect(&url).await.map_err(cannot)?;
        if !on_postgres {
            first.execute(WAIT_FOR_WRITERS).await.map_err(cannot)?;
            // Readers and a writer side by side; the file remembers it.
            first.execute("PRAGMA journal_mode = WAL").await.map_err(cannot)?;
        }
        first.close().await.map_err(cannot)?;
        let pool = options.connect(&url).await.map_err(cannot)?;
        let migrator = migrator(on_postgres);
        let mut migrated = migrator.run(&pool).await;
        // SQLite has no lock for it: whoever opened the file at the same time may have been first, with each of them.
        for _ in migrator.iter() {
            if migrated.is_err() {
                migrated = migrator.run(&pool).await;
            }
        }
        migrated.map_err(|source| HistoryError::Migrate { url: told(at), source })?;
        Ok(Self { pool, is_file: !on_postgres })
    }

    /// Waits for what is under way and closes every connection.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

fn is_postgres(at: &str) -> bool {
    at.starts_with("postgres://") || at.starts_with("postgresql://")
}

/// The URL of an SQLite file.
fn file_url(path: &Path) -> Result<String, HistoryError> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        std::fs::create_dir_all(parent).map_err(|source| HistoryError::Folder { path: parent.to_owned(), source })?;
    }
    // What means something in a URL and nothing in a path.
    let spelt: String = path.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    Ok(format!("sqlite://{spelt}?mode=rwc"))
}

/// A URL without its password, which may stand in its query as well.
fn told(at: &str) -> String {
    let at = if is_postgres(at) { at.split('?').next().unwrap_or_default() } else { at };
    match (at.split_once("://"), at.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, place))) => format!("{scheme}://…@{place}"),
        _ => at.to_owned(),
    }
}

/// Places of one question at most: fewer than any database's limit.
pub(crate) const PLACES: usize = 1000;

/// `($1, $2), ($3, $4)`: places of so many rows and columns.
pub(crate) fn places(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let places: Vec<String> = (1..=columns).map(|column| format!("${}", row * columns + column)).collect();
        format!("({})", places.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

pub(crate) fn deflate(text: &str) -> Vec<u8> {
    let mut writer = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    // Writing to memory does not fail.
    let _ = writer.write_all(text.as_bytes());
    writer.finish().unwrap_or_default()
}

pub(crate) fn inflate(what: &str, body: &[u8]) -> Result<String, HistoryError> {
    let mut text = String::new();
    let read = flate2::read::DeflateDecoder::new(body).read_to_string(&mut text);
    read.map_err(|source| HistoryError::Deflated { what: what.to_owned(), source })?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_told() {
        assert_eq!(told("postgres://me:secret@db.example.org/runs"), "postgres://…@db.example.org/runs");
        assert_eq!(told("postgres://db.example.org/runs?password=secret"), "postgres://db.example.org/runs");
        assert_eq!(told("history.db"), "history.db");
    }

    #[test]
    fn what_was_deflated_comes_out_again() {
        let text = "{\"a\": 1}\n".repeat(1000);
        assert!(deflate(&text).len() < text.len() / 10);
        assert_eq!(inflate("it", &deflate(&text)).expect("it was deflated"), text);
    }
}
