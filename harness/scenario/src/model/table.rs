//! Tables: many cases whose steps are written once.

use super::{Case, Expect, Scenario, Step};
use crate::span::At;
use fedproof_results::Level;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Rows that do the same with different values, in groups of rows that share something, such as one server ACL.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Step lists by name, called by phases through `each`: every row's.
    pub steps: IndexMap<String, Vec<At<Step>>>,
    /// What the word after a row's `answer` stands for.
    #[serde(default)]
    pub answers: IndexMap<String, Expect>,
    /// The rows.
    pub groups: Vec<Group>,
}

/// Rows that share values, and a round of the phases with `for_each: group`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Values by name, seen by the shared steps of a round and by the rows' steps.
    #[serde(default)]
    pub vars: IndexMap<String, Value>,
    /// One case each.
    pub rows: Vec<TableRow>,
}

/// A row: one case per room version.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TableRow {
    /// Stable id, a row of the catalogue or below one.
    pub id: At<String>,
    /// One line in plain words.
    pub title: String,
    /// What the last step of its steps is answered in a round: a word from `answers`, which is also bound to
    /// `${expected}`. Only an OBSERVE row has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Overrides the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Overrides the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u8>,
    /// Overrides the scenario's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// Values by name, seen by this row's steps only.
    #[serde(default)]
    pub vars: IndexMap<String, Value>,
}

/// What a phase is repeated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Round {
    /// Each group of the table, in order.
    Group,
}

/// Where a case stands in its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Index in [`Table::groups`].
    pub group: usize,
    /// Index in [`Group::rows`].
    pub row: usize,
}

impl Scenario {
    /// Appends the rows of `for_each` to the cases; everything after the reading knows cases only.
    pub(crate) fn seat_rows(&mut self) {
        let Some(table) = &self.for_each else { return };
        for (group, rows) in table.groups.iter().enumerate() {
            for (index, row) in rows.rows.iter().enumerate() {
                let mut vars = rows.vars.clone();
                vars.extend(row.vars.clone());
                // For the pattern table of the report.
                vars.extend(row.answer.clone().map(|answer| ("expected".to_owned(), answer.into())));
                self.cases.push(Case {
                    id: row.id.clone(),
                    title: row.title.clone(),
                    level: row.level,
                    priority: row.priority,
                    requirement: row.requirement.clone(),
                    only: None,
                    uses: Vec::new(),
                    not_applicable_if: None,
                    vars,
                    steps: table.steps.clone(),
                    seat: Some(Seat { group, row: index }),
                    answer: match &row.answer {
                        Some(answer) => table.answers.get(answer).cloned(),
                        None => Some(Expect::default()),
                    },
                });
            }
        }
    }
}
