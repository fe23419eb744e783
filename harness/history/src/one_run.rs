//! What is asked of one run, or of two: each question reads what it gives, and no more.

use crate::{
    Entry, Figure, HistoryError, Outcome, RunHead, Store,
    error::{asking, parse},
    number,
    query::{OUTCOME, enumeration, outcome},
    store::inflate,
};
use fedproof_results::{CaseInfo, RunRecord, load::LoadRecord};
use sqlx::{AssertSqlSafe, Row, any::AnyRow, query};

impl Store {
    /// One run as it is listed.
    pub async fn run(&self, run_id: &str) -> Result<RunHead, HistoryError> {
        let row = query("SELECT head FROM run WHERE no = $1").bind(number(run_id));
        let row = row.fetch_optional(&self.pool).await.map_err(asking("find a run"))?;
        let row = row.ok_or_else(|| HistoryError::NoRun { run_id: run_id.to_owned() })?;
        parse("a run", row.get(0))
    }

    /// What a run decided, by id of the case.
    pub async fn outcomes_of_run(&self, run_id: &str) -> Result<Vec<Outcome>, HistoryError> {
        let text = format!(
            "SELECT {OUTCOME}, suite_case.id FROM outcome JOIN run ON run.no = outcome.run \
             JOIN suite_case ON suite_case.no = outcome.suite_case WHERE run = $1 ORDER BY suite_case.id, server"
        );
        let rows = query(AssertSqlSafe(text)).bind(number(run_id)).fetch_all(&self.pool).await;
        rows.map_err(asking("read what a run decided"))?.iter().map(named_outcome).collect()
    }

    /// What a run decided to fail or could not decide, by id of the case.
    pub async fn troubles_of_run(&self, run_id: &str) -> Result<Vec<Outcome>, HistoryError> {
        let text = format!(
            "SELECT {OUTCOME}, suite_case.id FROM outcome JOIN run ON run.no = outcome.run \
             JOIN suite_case ON suite_case.no = outcome.suite_case \
             WHERE run = $1 AND outcome.verdict IN ('fail', 'inconclusive') ORDER BY suite_case.id, server"
        );
        let rows = query(AssertSqlSafe(text)).bind(number(run_id)).fetch_all(&self.pool).await;
        rows.map_err(asking("read what a run decided"))?.iter().map(named_outcome).collect()
    }

    /// What `run` decided otherwise than `other`, or alone.
    pub async fn differing(&self, run: &str, other: &str) -> Result<Vec<Outcome>, HistoryError> {
        let text = format!(
            "SELECT {OUTCOME}, suite_case.id FROM outcome JOIN run ON run.no = outcome.run \
             JOIN suite_case ON suite_case.no = outcome.suite_case WHERE run = $1 AND NOT EXISTS \
             (SELECT 1 FROM outcome AS other WHERE other.run = $2 AND other.suite_case = outcome.suite_case \
             AND other.server = outcome.server AND other.verdict = outcome.verdict AND other.level = outcome.level \
             AND other.seen = outcome.seen) ORDER BY suite_case.id, outcome.server"
        );
        let rows = query(AssertSqlSafe(text)).bind(number(run)).bind(number(other)).fetch_all(&self.pool).await;
        rows.map_err(asking("compare two runs"))?.iter().map(named_outcome).collect()
    }

    /// The figures of a run, by name.
    pub async fn figures_of_run(&self, run_id: &str) -> Result<Vec<Figure>, HistoryError> {
        let rows = query(
            "SELECT name, series.kind, unit, value FROM figure JOIN series ON series.no = figure.series \
             WHERE run = $1 ORDER BY name",
        );
        let rows = rows.bind(number(run_id)).fetch_all(&self.pool).await.map_err(asking("read figures"))?;
        rows.iter()
            .map(|row| {
                let kind = enumeration("a kind of figure", row.get(1))?;
                Ok(Figure { name: row.get(0), kind, unit: row.get(2), value: row.get(3) })
            })
            .collect()
    }

    /// A document of a run; `None` if there is none, or it was pruned.
    pub async fn document(&self, run_id: &str, name: &str) -> Result<Option<String>, HistoryError> {
        let row = query("SELECT body FROM document WHERE run = $1 AND name = $2");
        let row = row.bind(number(run_id)).bind(name.to_owned());
        let row = row.fetch_optional(&self.pool).await.map_err(asking("read a document"))?;
        row.map(|row| inflate(name, &row.get::<Vec<u8>, _>(0))).transpose()
    }

    /// The whole record of a run of cases, with its evidence; `None` if it was pruned.
    pub async fn record(&self, run_id: &str) -> Result<Option<RunRecord>, HistoryError> {
        let text = self.document(run_id, Entry::RUN).await?;
        text.map(|text| parse("a run's record", &text)).transpose()
    }

    /// The whole record of a load; `None` if it was pruned.
    pub async fn load_record(&self, run_id: &str) -> Result<Option<LoadRecord>, HistoryError> {
        let text = self.document(run_id, Entry::LOAD).await?;
        text.map(|text| parse("a load's record", &text)).transpose()
    }

    /// A run as it was imported, without documents that were pruned.
    pub async fn entry(&self, run_id: &str) -> Result<Entry, HistoryError> {
        let failed = asking("read a run");
        let head = self.run(run_id).await?;
        let no = number(run_id);
        let digest = query("SELECT digest FROM run WHERE no = $1").bind(no).fetch_one(&self.pool).await;
        let rows = query(
            "SELECT info FROM suite_case WHERE no IN (SELECT suite_case FROM outcome WHERE run = $1) ORDER BY id",
        );
        let cases = rows.bind(no).fetch_all(&self.pool).await.map_err(&failed)?;
        let documents = query("SELECT name, body FROM document WHERE run = $1").bind(no);
        let documents = documents.fetch_all(&self.pool).await.map_err(&failed)?;
        Ok(Entry {
            head,
            digest: digest.map_err(&failed)?.get(0),
            cases: cases.iter().map(|row| parse::<CaseInfo>("a case", row.get(0))).collect::<Result<_, _>>()?,
            outcomes: self.outcomes_of_run(run_id).await?,
            figures: self.figures_of_run(run_id).await?,
            documents: documents
                .iter()
                .map(|row| {
                    let name: String = row.get(0);
                    let text = inflate(&name, &row.get::<Vec<u8>, _>(1))?;
                    Ok((name, text))
                })
                .collect::<Result<_, HistoryError>>()?,
        })
    }
}

/// An outcome with the id of its case in the column behind.
fn named_outcome(row: &AnyRow) -> Result<Outcome, HistoryError> {
    let told = outcome(row)?;
    Ok(Outcome {
        case: row.get(12),
        server: told.server,
        level: told.level,
        verdict: told.verdict,
        seen: told.seen,
        reason: told.reason,
        accepted: told.accepted,
        duration_ms: told.duration_ms,
    })
}
