//! Since when is it so?

use crate::{HistoryError, RunHead, Store, error::asking, number, store::PLACES};
use sqlx::{AssertSqlSafe, Row, query};
use std::collections::{BTreeMap, HashMap};

/// The first of a row of runs that gave a case the same verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Since {
    /// Its id.
    pub run_id: String,
    /// The build that was under test.
    pub build: String,
    /// When it began.
    pub started_at: String,
    /// Whether the run before it decided otherwise. If not, it may have been so for longer.
    pub changed: bool,
}

impl Store {
    /// Since when each of these cases has the verdict that `run` gave it, by case and kind of homeserver: within its track and what was
    /// blocked beside it, over the latest `runs` runs of each. Of a thousand cases at most.
    pub async fn since(
        &self,
        run: &RunHead,
        cases: &[&str],
        runs: u32,
    ) -> Result<BTreeMap<(String, String), Since>, HistoryError> {
        let names: HashMap<i64, &str> = cases.iter().take(PLACES).map(|case| (number(case), *case)).collect();
        if names.is_empty() {
            return Ok(BTreeMap::new());
        }
        let numbers: Vec<i64> = names.keys().copied().collect();
        let wanted = (0..numbers.len()).map(|index| format!("${}", index + 4)).collect::<Vec<_>>().join(", ");
        // SQLite keeps the order of a cross join: runs first.
        let latest = |branch: &str| {
            format!(
                "SELECT * FROM (SELECT no, run_id, build, started_at FROM run WHERE branch = {branch} AND place = $2 \
                 AND started_at <= $3 ORDER BY started_at DESC, no DESC LIMIT {runs}) AS latest"
            )
        };
        let (passed, blocked) = (latest("$1"), latest("$1 || ':blocked'"));
        let text = format!(
            "SELECT suite_case, server, outcome.verdict, run.run_id, run.build, run.started_at FROM \
             ({passed} UNION ALL {blocked}) AS run CROSS JOIN outcome \
             WHERE outcome.run = run.no AND suite_case IN ({wanted}) ORDER BY run.started_at DESC, run.no DESC"
        );
        let rows = query(AssertSqlSafe(text)).bind(run.line().to_owned()).bind(run.place.clone());
        let rows = numbers.iter().fold(rows.bind(run.started_at.clone()), |rows, number| rows.bind(*number));
        let rows = rows.fetch_all(&self.pool).await.map_err(asking("read since when"))?;
        let mut found: BTreeMap<(String, String), (String, Since)> = BTreeMap::new();
        for row in &rows {
            let Some(case) = names.get(&row.get::<i64, _>(0)) else { continue };
            let (key, verdict): (_, String) = (((*case).to_owned(), row.get(1)), row.get(2));
            let this = Since { run_id: row.get(3), build: row.get(4), started_at: row.get(5), changed: false };
            match found.get_mut(&key) {
                // Runs of the same second may stand before the run itself.
                None if this.run_id == run.run_id => drop(found.insert(key, (verdict, this))),
                Some((same, since)) if !since.changed && *same == verdict => *since = this,
                Some((_, since)) => since.changed = true,
                None => {}
            }
        }
        Ok(found.into_iter().map(|(key, (_, since))| (key, since)).collect())
    }
}
