//! What is asked of the store. Lists are in the order of time unless they say otherwise; "latest first" is what pages want.

use crate::{
    FigureKind, HistoryError, Kind, RunHead, Store,
    error::{asking, parse},
    number,
    store::places,
};
use fedproof_results::{Level, Verdict};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, value::StrDeserializer},
};
use sqlx::{AssertSqlSafe, Row, any::AnyRow, query};
use std::collections::{BTreeMap, HashMap};

/// Runs that can be held against each other: of one branch and one place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// [`RunHead::branch`].
    pub branch: String,
    /// [`RunHead::place`].
    pub place: String,
    /// What kind of runs.
    pub kind: Kind,
    /// How many there are.
    pub runs: u64,
    /// When the latest began.
    pub latest: String,
}

/// What one run decided of a case on a kind of homeserver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseOutcome {
    /// Id of the run.
    pub run_id: String,
    /// Its branch.
    pub branch: String,
    /// Its place.
    pub place: String,
    /// The build that was under test.
    pub build: String,
    /// When it began.
    pub started_at: String,
    /// Kind of homeserver.
    pub server: String,
    /// How binding the case was.
    pub level: Level,
    /// The verdict.
    pub verdict: Verdict,
    /// For an observation, what was seen.
    pub seen: String,
    /// Why, or empty.
    pub reason: String,
    /// Whether the profile accepted the failure.
    pub accepted: bool,
    /// Wall time in milliseconds.
    pub duration_ms: u64,
}

/// A cell of the matrix of cases over runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatrixCell {
    /// Id of the run.
    pub run_id: String,
    /// Id of the case.
    pub case: String,
    /// Kind of homeserver.
    pub server: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Whether the profile accepted the failure.
    pub accepted: bool,
}

/// A series of figures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesInfo {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub kind: FigureKind,
    /// In what.
    pub unit: String,
}

/// A value of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesPoint {
    /// Id of the run.
    pub run_id: String,
    /// The build that was under test.
    pub build: String,
    /// When the run began.
    pub started_at: String,
    /// How much.
    pub value: f64,
}

impl Store {
    /// All tracks, the one with the latest run first.
    pub async fn tracks(&self) -> Result<Vec<Track>, HistoryError> {
        let rows = query(
            // Counts come from an index alone; the kind is that of any run of the track.
            "SELECT branch, place, (SELECT kind FROM run WHERE run.branch = track.branch AND run.place = track.place LIMIT 1), \
             runs, latest FROM (SELECT branch, place, COUNT(*) AS runs, MAX(started_at) AS latest FROM run \
             GROUP BY branch, place) AS track ORDER BY latest DESC, branch, place",
        );
        let rows = rows.fetch_all(&self.pool).await.map_err(asking("list tracks"))?;
        rows.iter()
            .map(|row| {
                Ok(Track {
                    branch: row.get(0),
                    place: row.get(1),
                    kind: enumeration("a kind of run", row.get(2))?,
                    runs: row.get::<i64, _>(3).unsigned_abs(),
                    latest: row.get(4),
                })
            })
            .collect()
    }

    /// Runs, latest first: of a branch and a place where they are given, at most `limit`.
    pub async fn runs(
        &self,
        branch: Option<&str>,
        place: Option<&str>,
        limit: u32,
    ) -> Result<Vec<RunHead>, HistoryError> {
        let wanted = [("branch", branch), ("place", place)];
        let given: Vec<(&str, &str)> = wanted.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let conditions = given.iter().enumerate().map(|(index, (name, _))| format!("{name} = ${}", index + 1));
        let conditions = conditions.collect::<Vec<_>>().join(" AND ");
        let filter = if given.is_empty() { String::new() } else { format!("WHERE {conditions}") };
        let text = format!("SELECT head FROM run {filter} ORDER BY started_at DESC, no DESC LIMIT {limit}");
        let mut statement = query(AssertSqlSafe(text));
        for (_, value) in given {
            statement = statement.bind(value.to_owned());
        }
        let rows = statement.fetch_all(&self.pool).await.map_err(asking("list runs"))?;
        rows.iter().map(|row| parse("a run", row.get(0))).collect()
    }

    /// The runs of a track before `run`, latest first, at most `limit`.
    pub async fn runs_before(&self, run: &RunHead, branch: &str, limit: u32) -> Result<Vec<RunHead>, HistoryError> {
        let text = format!(
            "SELECT head FROM run WHERE branch = $1 AND place = $2 AND started_at <= $3 AND no <> $4 \
             ORDER BY started_at DESC, no DESC LIMIT {limit}"
        );
        let rows = query(AssertSqlSafe(text)).bind(branch.to_owned()).bind(run.place.clone());
        let rows = rows.bind(run.started_at.clone()).bind(number(&run.run_id)).fetch_all(&self.pool).await;
        rows.map_err(asking("list runs"))?.iter().map(|row| parse("a run", row.get(0))).collect()
    }

    /// The latest run on another branch that was qualified or held, among the latest 200 of the same place before `run` that were not
    /// blocked: what it is held against on a branch on which none of them was. `None` where one was.
    pub async fn good_elsewhere(&self, run: &RunHead) -> Result<Option<RunHead>, HistoryError> {
        let rows = query(
            "SELECT branch, run_id, verdict FROM run WHERE place = $1 AND started_at <= $2 AND no <> $3 \
             AND branch NOT LIKE '%:blocked' ORDER BY started_at DESC, no DESC LIMIT 200",
        );
        let rows = rows.bind(run.place.clone()).bind(run.started_at.clone()).bind(number(&run.run_id));
        let rows = rows.fetch_all(&self.pool).await.map_err(asking("list runs"))?;
        let good = || rows.iter().filter(|row| ["qualified", "held"].contains(&row.get::<&str, _>(2)));
        if good().any(|row| row.get::<&str, _>(0) == run.line()) {
            return Ok(None);
        }
        match good().next() {
            Some(row) => self.run(row.get(1)).await.map(Some),
            None => Ok(None),
        }
    }

    /// Runs of which the id, the build, the branch or the place holds `text` in any case of its letters, latest first.
    pub async fn find_runs(&self, text: &str, limit: u32) -> Result<Vec<RunHead>, HistoryError> {
        let plain = text.to_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
        let condition =
            ["run_id", "build", "branch", "place"].map(|column| format!(r"LOWER({column}) LIKE $1 ESCAPE '\'"));
        let condition = condition.join(" OR ");
        let text = format!("SELECT head FROM run WHERE {condition} ORDER BY started_at DESC, no DESC LIMIT {limit}");
        let rows = query(AssertSqlSafe(text)).bind(format!("%{plain}%")).fetch_all(&self.pool).await;
        rows.map_err(asking("search runs"))?.iter().map(|row| parse("a run", row.get(0))).collect()
    }

    /// What became of a case, latest first, at most `limit` outcomes.
    // SQLite keeps the order of a cross join: it goes back through the runs until there is enough.
    pub async fn outcomes_of(&self, case: &str, limit: u32) -> Result<Vec<CaseOutcome>, HistoryError> {
        let text = format!(
            "SELECT {OUTCOME} FROM run CROSS JOIN outcome WHERE outcome.run = run.no AND suite_case = $1 \
             ORDER BY started_at DESC, run.no DESC, server LIMIT {limit}"
        );
        let rows = query(AssertSqlSafe(text)).bind(number(case)).fetch_all(&self.pool).await;
        rows.map_err(asking("read the history of a case"))?.iter().map(outcome).collect()
    }

    /// What became of every case in the latest `runs` runs of `branch` before `run`, by id of the case, latest first.
    pub async fn outcomes_before(
        &self,
        run: &RunHead,
        branch: &str,
        runs: u32,
    ) -> Result<BTreeMap<String, Vec<CaseOutcome>>, HistoryError> {
        let text = format!(
            "SELECT {OUTCOME}, suite_case.id FROM outcome JOIN (SELECT * FROM run WHERE branch = $1 AND place = $2 \
             AND started_at <= $3 AND no <> $4 ORDER BY started_at DESC, no DESC LIMIT {runs}) AS run ON run.no = outcome.run \
             JOIN suite_case ON suite_case.no = outcome.suite_case ORDER BY run.started_at DESC, run.no DESC"
        );
        let rows = query(AssertSqlSafe(text)).bind(branch.to_owned()).bind(run.place.clone());
        let rows = rows.bind(run.started_at.clone()).bind(number(&run.run_id)).fetch_all(&self.pool).await;
        let rows = rows.map_err(asking("read the history of cases"))?;
        let mut outcomes: BTreeMap<String, Vec<CaseOutcome>> = BTreeMap::new();
        for row in &rows {
            outcomes.entry(row.get(12)).or_default().push(outcome(row)?);
        }
        Ok(outcomes)
    }

    /// What these runs decided of every case.
    pub async fn matrix(&self, runs: &[String]) -> Result<Vec<MatrixCell>, HistoryError> {
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        // Thousands of cells: names of runs and cases are put to their numbers here, which is faster than two joins.
        let names = query("SELECT no, id FROM suite_case").fetch_all(&self.pool).await;
        let names = names.map_err(asking("list cases"))?;
        let names: HashMap<i64, String> = names.iter().map(|row| (row.get(0), row.get(1))).collect();
        let ids: HashMap<i64, &String> = runs.iter().map(|run| (number(run), run)).collect();
        let text = format!(
            "SELECT run, suite_case, server, verdict, accepted FROM outcome WHERE run IN {}",
            places(1, runs.len())
        );
        let mut statement = query(AssertSqlSafe(text));
        for run in runs {
            statement = statement.bind(number(run));
        }
        let rows = statement.fetch_all(&self.pool).await.map_err(asking("read the matrix"))?;
        let cells = rows.iter().filter_map(|row| {
            let (run_id, case) = (ids.get(&row.get::<i64, _>(0))?, names.get(&row.get::<i64, _>(1))?);
            Some((run_id, case, row))
        });
        cells
            .map(|(run_id, case, row)| {
                Ok(MatrixCell {
                    run_id: (*run_id).clone(),
                    case: case.clone(),
                    server: row.get(2),
                    verdict: enumeration("a verdict", row.get(3))?,
                    accepted: row.get::<i64, _>(4) != 0,
                })
            })
            .collect()
    }
}

/// The columns that [`outcome`] reads.
pub(crate) const OUTCOME: &str = "run.run_id, run.branch, run.place, run.build, run.started_at, outcome.server, outcome.level, \
                       outcome.verdict, outcome.seen, outcome.reason, outcome.accepted, outcome.duration_ms";

pub(crate) fn outcome(row: &AnyRow) -> Result<CaseOutcome, HistoryError> {
    Ok(CaseOutcome {
        run_id: row.get(0),
        branch: row.get(1),
        place: row.get(2),
        build: row.get(3),
        started_at: row.get(4),
        server: row.get(5),
        level: enumeration("a level", row.get(6))?,
        verdict: enumeration("a verdict", row.get(7))?,
        seen: row.get(8),
        reason: row.get(9),
        accepted: row.get::<i64, _>(10) != 0,
        duration_ms: row.get::<i64, _>(11).unsigned_abs(),
    })
}

/// A value as [`crate::entry::word`] wrote it.
pub(crate) fn enumeration<T: DeserializeOwned>(what: &str, word: &str) -> Result<T, HistoryError> {
    T::deserialize(StrDeserializer::new(word)).map_err(|source| HistoryError::Damaged { what: what.to_owned(), source })
}
