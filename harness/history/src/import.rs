//! Putting a run into the store: all of it or nothing, and once.

use crate::{
    Entry, Figure, HistoryError, Outcome, RunHead, Store,
    entry::word,
    error::{asking, parse},
    instant::to_the_millisecond,
    number,
    store::{deflate, places},
};
use fedproof_results::CaseInfo;
use serde::Serialize;
use serde_json::Value;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row, any::AnyArguments, query, query::Query};
use std::collections::BTreeMap;

/// What an import did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// The run is in the store now.
    New,
    /// It was there, as far as this one goes or farther.
    Known,
    /// It was there as it stood while it was played, and went on since: it is in the store as far as this one goes now.
    Longer,
}

/// Rows to one statement: fewer than any database's limit of places, and enough that statements do not count.
const ROWS: usize = 1000;

impl Store {
    /// Puts a run into the store, in one transaction: a crash in it leaves nothing, and nothing is there twice however
    /// often it is imported, by however many at once. A run that was imported while it was played is replaced by what it became.
    ///
    /// # Errors
    /// [`HistoryError::Different`] if another run has its id; [`HistoryError::OtherLabel`] if it is there otherwise labelled; [`HistoryError::Ask`] if the database refuses.
    pub async fn import(&self, entry: &Entry) -> Result<Imported, HistoryError> {
        let failed = asking("import a run");
        loop {
            let mut transaction = self.pool.begin().await.map_err(&failed)?;
            let mut imported = Imported::New;
            // The first statement writes: whoever imports the same run meanwhile waits here, and sees it afterwards.
            if !insert_run(&mut transaction, entry).await.map_err(&failed)? {
                transaction.rollback().await.map_err(&failed)?;
                let Some(unfinished) = self.unfinished(entry).await? else { return Ok(Imported::Known) };
                transaction = self.pool.begin().await.map_err(&failed)?;
                let gone = query("DELETE FROM run WHERE no = $1 AND digest = $2 AND complete = 0")
                    .bind(number(&entry.head.run_id))
                    .bind(unfinished);
                let gone = gone.execute(&mut *transaction).await.map_err(&failed)?.rows_affected();
                if gone == 0 || !insert_run(&mut transaction, entry).await.map_err(&failed)? {
                    // Somebody else was faster: it is not what was looked at any more.
                    transaction.rollback().await.map_err(&failed)?;
                    continue;
                }
                imported = Imported::Longer;
            }
            insert_rest(&mut transaction, entry).await.map_err(&failed)?;
            transaction.commit().await.map_err(&failed)?;
            return Ok(imported);
        }
    }

    /// The digest of the stored run if `entry` is what it became; `None` if nothing is missing there.
    async fn unfinished(&self, entry: &Entry) -> Result<Option<String>, HistoryError> {
        let run_id = entry.head.run_id.clone();
        let stored = query("SELECT digest, complete, head FROM run WHERE no = $1").bind(number(&run_id));
        let stored = stored.fetch_one(&self.pool).await.map_err(asking("import a run"))?;
        let (digest, complete): (String, bool) = (stored.get(0), stored.get::<i64, _>(1) != 0);
        let RunHead { branch, build, started_at, .. } = parse("a run", stored.get(2))?;
        let is_same = digest == entry.digest;
        let (mut is_known, mut goes_on) = (is_same && complete == entry.head.complete, false);
        if !is_known && started_at == entry.head.started_at {
            let record = self.document(&run_id, Entry::RUN).await?.unwrap_or_default();
            let other = entry.documents.get(Entry::RUN).map_or("", String::as_str);
            is_known = !entry.head.complete && (is_same || begins(other, &record));
            goes_on = !complete && (is_same || begins(&record, other));
        }
        match () {
            () if !is_known && !goes_on => Err(HistoryError::Different { run_id }),
            // Before its homeservers were up, a run had nothing to call its build by.
            () if branch != entry.head.branch || build != entry.head.build && !(goes_on && build.is_empty()) => {
                Err(HistoryError::OtherLabel { run_id, branch, build })
            }
            () => Ok((!is_known).then_some(digest)),
        }
    }
}

/// Whether everything that one record of a run has of its cases is the beginning of what another has.
fn begins(one: &str, other: &str) -> bool {
    let cases = |text: &str| match serde_json::from_str(text) {
        Ok(Value::Object(mut record)) => record.remove("cases"),
        _ => None,
    };
    let (Some(Value::Array(one)), Some(Value::Array(other))) = (cases(one), cases(other)) else { return false };
    let is_beginning = |(one, other): (&Value, &Value)| match (&one["subjects"], &other["subjects"]) {
        (Value::Array(some), Value::Array(all)) => one["id"] == other["id"] && all.starts_with(some),
        _ => false,
    };
    one.len() == other.len() && one.iter().zip(&other).all(is_beginning)
}

/// Whether it was not there.
async fn insert_run(to: &mut AnyConnection, entry: &Entry) -> Result<bool, sqlx::Error> {
    let head = &entry.head;
    let statement = query(
        "INSERT INTO run (no, run_id, digest, kind, branch, place, build, started_at, verdict, complete, head) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (no) DO NOTHING",
    );
    let statement = statement
        .bind(number(&head.run_id))
        .bind(head.run_id.as_str())
        .bind(entry.digest.as_str())
        .bind(word(&head.kind))
        .bind(head.branch.as_str())
        .bind(head.place.as_str())
        .bind(head.build.as_str())
        .bind(to_the_millisecond(&head.started_at))
        .bind(head.verdict.as_str())
        .bind(i64::from(head.complete))
        .bind(json(head));
    Ok(statement.execute(to).await?.rows_affected() == 1)
}

async fn insert_rest(to: &mut AnyConnection, entry: &Entry) -> Result<(), sqlx::Error> {
    let run = number(&entry.head.run_id);
    // In the order of their numbers, so that two imports never wait for each other.
    let cases: BTreeMap<i64, &CaseInfo> = entry.cases.iter().map(|case| (number(&case.id), case)).collect();
    let later = "ON CONFLICT (no) DO UPDATE SET seen_at = excluded.seen_at, info = excluded.info \
                 WHERE suite_case.seen_at < excluded.seen_at";
    let cases: Vec<_> = cases.into_iter().collect();
    insert(to, "suite_case (no, id, seen_at, info)", later, &cases, |query, (no, case)| {
        query.bind(*no).bind(case.id.as_str()).bind(to_the_millisecond(&entry.head.started_at)).bind(json(case))
    })
    .await?;
    let columns = "outcome (run, suite_case, server, level, verdict, seen, reason, accepted, duration_ms)";
    insert(to, columns, "", &entry.outcomes, |query, outcome: &Outcome| {
        query
            .bind(run)
            .bind(number(&outcome.case))
            .bind(outcome.server.as_str())
            .bind(word(&outcome.level))
            .bind(word(&outcome.verdict))
            .bind(outcome.seen.as_str())
            .bind(outcome.reason.as_str())
            .bind(i64::from(outcome.accepted))
            .bind(i64::try_from(outcome.duration_ms).unwrap_or(i64::MAX))
    })
    .await?;
    let series: BTreeMap<i64, &Figure> = entry.figures.iter().map(|figure| (number(&figure.name), figure)).collect();
    let series: Vec<_> = series.into_iter().collect();
    insert(to, "series (no, name, kind, unit)", "ON CONFLICT (no) DO NOTHING", &series, |query, (no, figure)| {
        query.bind(*no).bind(figure.name.as_str()).bind(word(&figure.kind)).bind(figure.unit.as_str())
    })
    .await?;
    insert(to, "figure (run, series, value)", "", &series, |query, (no, figure)| {
        query.bind(run).bind(*no).bind(figure.value)
    })
    .await?;
    let documents: Vec<(&String, Vec<u8>)> = entry.documents.iter().map(|(name, text)| (name, deflate(text))).collect();
    insert(to, "document (run, name, body)", "", &documents, |query, (name, body)| {
        query.bind(run).bind(name.as_str()).bind(body.as_slice())
    })
    .await
}

/// Inserts rows, many to a statement.
async fn insert<'r, T>(
    to: &mut AnyConnection,
    columns: &str,
    conflict: &str,
    rows: &'r [T],
    bind: impl Fn(Bound<'r>, &'r T) -> Bound<'r>,
) -> Result<(), sqlx::Error> {
    let width = columns.matches(',').count() + 1;
    for rows in rows.chunks(ROWS) {
        let places = places(rows.len(), width);
        let statement = format!("INSERT INTO {columns} VALUES {places} {conflict}");
        // Nothing in it is from outside: values go into its places.
        let statement = query(AssertSqlSafe(statement));
        rows.iter().fold(statement, &bind).execute(&mut *to).await?;
    }
    Ok(())
}

type Bound<'r> = Query<'r, Any, AnyArguments>;

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
