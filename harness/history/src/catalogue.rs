//! What is asked of cases, whatever became of them.

use crate::{
    HistoryError, Store,
    error::{asking, parse},
    number,
    store::{PLACES, places},
};
use fedproof_results::CaseInfo;
use sqlx::{AssertSqlSafe, Row, query};

impl Store {
    /// Every case that any run knew, by id.
    pub async fn cases(&self) -> Result<Vec<CaseInfo>, HistoryError> {
        let rows = query("SELECT info FROM suite_case ORDER BY id").fetch_all(&self.pool).await;
        let rows = rows.map_err(asking("list cases"))?;
        rows.iter().map(|row| parse("a case", row.get(0))).collect()
    }

    /// A case as the latest run knew it.
    pub async fn case(&self, id: &str) -> Result<Option<CaseInfo>, HistoryError> {
        let row = query("SELECT info FROM suite_case WHERE no = $1").bind(number(id)).fetch_optional(&self.pool).await;
        row.map_err(asking("find a case"))?.map(|row| parse("a case", row.get(0))).transpose()
    }

    /// These cases as the latest run knew them, in no order, without those that none did. Of a thousand at most.
    pub async fn cases_named(&self, ids: &[&str]) -> Result<Vec<CaseInfo>, HistoryError> {
        let ids = &ids[..ids.len().min(PLACES)];
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let text = format!("SELECT info FROM suite_case WHERE no IN {}", places(1, ids.len()));
        let rows = ids.iter().fold(query(AssertSqlSafe(text)), |rows, id| rows.bind(number(id)));
        let rows = rows.fetch_all(&self.pool).await.map_err(asking("find cases"))?;
        rows.iter().map(|row| parse("a case", row.get(0))).collect()
    }
}
