//! What is asked of series of figures.

use crate::{HistoryError, RunHead, SeriesInfo, SeriesPoint, Store, error::asking, number, query::enumeration};
use sqlx::{AssertSqlSafe, Row, any::AnyRow, query};
use std::collections::BTreeMap;

impl Store {
    /// The series of a place: those of which it has figures.
    pub async fn series(&self, branch: &str, place: &str) -> Result<Vec<SeriesInfo>, HistoryError> {
        let rows = query(
            "SELECT name, kind, unit FROM series WHERE EXISTS (SELECT 1 FROM figure JOIN run ON run.no = figure.run \
             WHERE figure.series = series.no AND branch = $1 AND place = $2) ORDER BY name",
        );
        let rows = rows.bind(branch.to_owned()).bind(place.to_owned()).fetch_all(&self.pool).await;
        rows.map_err(asking("list series"))?
            .iter()
            .map(|row| {
                Ok(SeriesInfo {
                    name: row.get(0),
                    kind: enumeration("a kind of figure", row.get(1))?,
                    unit: row.get(2),
                })
            })
            .collect()
    }

    /// The last values of every series of a track, by name, each in the order of time; at most of the last `runs` runs.
    pub async fn figures(
        &self,
        branch: &str,
        place: &str,
        runs: u32,
    ) -> Result<BTreeMap<String, Vec<SeriesPoint>>, HistoryError> {
        // Later than any time, and no number of a run.
        self.figures_until(branch, place, ("9999", -1), runs).await
    }

    /// As [`Store::figures`], of the runs of `branch` before `run`.
    pub async fn figures_before(
        &self,
        run: &RunHead,
        branch: &str,
        runs: u32,
    ) -> Result<BTreeMap<String, Vec<SeriesPoint>>, HistoryError> {
        self.figures_until(branch, &run.place, (&run.started_at, number(&run.run_id)), runs).await
    }

    async fn figures_until(
        &self,
        branch: &str,
        place: &str,
        (until, without): (&str, i64),
        runs: u32,
    ) -> Result<BTreeMap<String, Vec<SeriesPoint>>, HistoryError> {
        let text = format!(
            "SELECT run_id, build, started_at, value, name FROM figure \
             JOIN series ON series.no = figure.series JOIN (SELECT no, run_id, build, started_at FROM run \
             WHERE branch = $1 AND place = $2 AND started_at <= $3 AND no <> $4 \
             ORDER BY started_at DESC, no DESC LIMIT {runs}) AS latest \
             ON latest.no = figure.run ORDER BY started_at, latest.no"
        );
        let rows = query(AssertSqlSafe(text)).bind(branch.to_owned()).bind(place.to_owned());
        let rows = rows.bind(until.to_owned()).bind(without);
        let rows = rows.fetch_all(&self.pool).await.map_err(asking("read figures"))?;
        let mut figures: BTreeMap<String, Vec<SeriesPoint>> = BTreeMap::new();
        for row in &rows {
            figures.entry(row.get(4)).or_default().push(point(row));
        }
        Ok(figures)
    }

    /// The last values of one series of a track, in the order of time; at most of the last `runs` runs.
    pub async fn figures_of(
        &self,
        branch: &str,
        place: &str,
        name: &str,
        runs: u32,
    ) -> Result<Vec<SeriesPoint>, HistoryError> {
        let text = format!(
            "SELECT run_id, build, started_at, value FROM (SELECT no, run_id, build, started_at FROM run \
             WHERE branch = $1 AND place = $2 ORDER BY started_at DESC, no DESC LIMIT {runs}) AS latest \
             JOIN figure ON figure.run = latest.no WHERE series = $3 ORDER BY started_at, latest.no"
        );
        let rows = query(AssertSqlSafe(text)).bind(branch).bind(place).bind(number(name));
        let rows = rows.fetch_all(&self.pool).await.map_err(asking("read a series"))?;
        Ok(rows.iter().map(point).collect())
    }
}

/// A value: run, build, time, figure.
fn point(row: &AnyRow) -> SeriesPoint {
    SeriesPoint { run_id: row.get(0), build: row.get(1), started_at: row.get(2), value: row.get(3) }
}
