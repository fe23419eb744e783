//! Tables: rounds need one, rows need an answer, and a virtual server of each row needs its name.

use super::{Finding, Linter, structure::listed};
use crate::{
    model::{Actor, Table},
    near,
    template::references,
    terms,
};
use fedproof_results::Level;
use fedproof_yaml::below;

/// Checks `for_each`, and names of virtual servers that rows give.
pub(super) fn check(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    for (index, phase) in scenario.phases.iter().enumerate() {
        if phase.for_each.is_some() && scenario.for_each.is_none() {
            let finding = Finding::new("there are no groups to play this phase for");
            linter.at_key(
                &format!("/phases/{index}/for_each"),
                finding.help("the groups stand in the scenario's `for_each`"),
            );
        }
        if phase.for_each.is_some() && phase.expect.is_some() {
            let finding = Finding::new("in a round each row expects its own `answer`");
            linter.at_key(&format!("/phases/{index}/expect"), finding);
        }
    }
    if let Some(table) = &scenario.for_each {
        answers(linter, table);
        if scenario.phases.iter().all(|phase| phase.for_each.is_none()) {
            let finding = Finding::new("no phase is played for the groups of this table");
            linter.at_key("/for_each", finding.help("a phase is, if it says `for_each: group`"));
        }
    }
    names(linter);
}

fn answers(linter: &mut Linter<'_>, table: &Table) {
    let level = linter.scenario().level;
    for (group, rows) in table.groups.iter().enumerate() {
        if rows.rows.is_empty() {
            linter.at_key(&format!("/for_each/groups/{group}/rows"), Finding::new("this group has no rows"));
        }
        for (index, row) in rows.rows.iter().enumerate() {
            let pointer = format!("/for_each/groups/{group}/rows/{index}");
            let known = || table.answers.keys().map(String::as_str);
            match &row.answer {
                Some(answer) if table.answers.contains_key(answer) => {}
                Some(answer) => {
                    let finding = Finding::new(format!("there is no answer `{answer}`"));
                    let finding = finding.label_if(near::did_you_mean(answer, known()));
                    let help = format!("`for_each.answers` has {}", listed(known()));
                    linter.at_value(&format!("{pointer}/answer"), finding.help(help));
                }
                None if row.level.unwrap_or(level) == Level::Observe => {}
                None => {
                    let finding = Finding::new(format!("the row `{}` expects nothing", *row.id));
                    let help = format!("`answer` is one of {}; only an OBSERVE row has none", listed(known()));
                    linter.at_value(&format!("{pointer}/id"), finding.help(help));
                }
            }
        }
    }
}

/// Virtual servers that each row has for itself: `{virtual: "${name}"}`.
fn names(linter: &mut Linter<'_>) {
    let scenario = linter.scenario();
    for (name, actor) in &scenario.actors {
        let Actor::Virtual(pattern) = actor else { continue };
        let pointer = below(&below("/actors", name), "virtual");
        for reference in references(pattern) {
            if reference.name == terms::UNIQUE || reference.name == terms::IP {
                continue;
            }
            if scenario.cases.iter().any(|case| !case.vars.contains_key(&reference.name)) {
                let finding = Finding::new(format!("not every case has a variable `{}`", reference.name));
                let help = "a name may hold `${unique}`, `${ip.v4}` and variables that every case has";
                linter.at_text(&pointer, &format!("${{{reference}}}"), finding.help(help));
            }
            let is_own = |text: &str| {
                text.contains('*')
                    || references(text).iter().any(|inner| [terms::UNIQUE, terms::IP].contains(&&*inner.name))
            };
            let same_everywhere = |name: &&serde_json::Value| name.as_str().is_some_and(|name| !is_own(name));
            if is_own(pattern) {
                continue;
            }
            for (case, row) in scenario.cases.iter().enumerate() {
                if row.vars.get(&reference.name).filter(same_everywhere).is_some() {
                    let finding = Finding::new("this name comes again in the next instance (R6)");
                    let help =
                        "homeservers remember the keys of a name: put `${unique}`, `${ip.v4}` or `${ip.v6}` into it";
                    linter.at_value(&below(&format!("/cases/{case}/vars"), &reference.name), finding.help(help));
                }
            }
        }
    }
}
