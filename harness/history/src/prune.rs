//! Forgetting: a history that only grows is turned off one day.

use crate::{HistoryError, Store, error::asking, instant::to_the_millisecond, number};
use sqlx::{AssertSqlSafe, query};

/// What stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// So many of the latest runs of every track.
    pub runs: usize,
    /// Documents of so many of the latest runs of every track.
    pub whole: usize,
    /// Only what began at this time or later, in RFC 3339 and UTC, and of every track the latest good run, which others are
    /// held against; `None`: however old.
    pub since: Option<String>,
}

/// What was forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs, with all that was of them.
    pub runs: usize,
    /// Runs whose documents went; verdicts and figures stay.
    pub stripped: usize,
}

impl Store {
    /// Forgets one run, with all that is of it.
    ///
    /// # Errors
    /// [`HistoryError::NoRun`] if it is not there.
    pub async fn forget(&self, run_id: &str) -> Result<(), HistoryError> {
        let gone = query("DELETE FROM run WHERE no = $1").bind(number(run_id)).execute(&self.pool).await;
        match gone.map_err(asking("forget a run"))?.rows_affected() {
            0 => Err(HistoryError::NoRun { run_id: run_id.to_owned() }),
            _ => Ok(()),
        }
    }

    /// Forgets what does not stay. A file becomes as small as what is left in it; a server sees to that by itself.
    pub async fn prune(&self, keep: &Keep) -> Result<Pruned, HistoryError> {
        let mut pruned = Pruned::default();
        let since = keep.since.as_deref().map(to_the_millisecond);
        for track in self.tracks().await? {
            let all = self.runs(Some(&track.branch), Some(&track.place), u32::MAX >> 1).await?;
            let good = all.iter().position(|run| run.complete && run.is_good());
            for (index, run) in all.iter().enumerate() {
                let is_old = since.as_ref().is_some_and(|since| run.started_at < *since);
                let gone = index >= keep.runs || is_old && Some(index) != good;
                if !gone && index < keep.whole {
                    continue;
                }
                let text = if gone { "DELETE FROM run WHERE no = $1" } else { "DELETE FROM document WHERE run = $1" };
                let deleted = query(AssertSqlSafe(text)).bind(number(&run.run_id)).execute(&self.pool).await;
                let some = deleted.map_err(asking("forget a run"))?.rows_affected() > 0;
                pruned.runs += usize::from(gone && some);
                pruned.stripped += usize::from(!gone && some);
            }
        }
        if self.is_file && pruned != Pruned::default() {
            // What is forgotten is forgotten, whether or not the disk has room for this.
            if let Err(error) = query("VACUUM").execute(&self.pool).await {
                tracing::warn!(%error, "the history's file does not become smaller");
            }
        }
        Ok(pruned)
    }
}
