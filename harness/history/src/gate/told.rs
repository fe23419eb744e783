//! Findings in words: lines for a terminal, a comment for a merge request.

use super::{Effect, Finding};

/// So many rows has the comment's table: what is read in a merge request is read in a minute.
const IN_TABLE: usize = 50;

/// `2 block, 1 warns`; `nothing to tell`.
pub fn counts(findings: &[Finding]) -> String {
    let count = |effect| findings.iter().filter(|finding| finding.effect == effect).count();
    let told = [(Effect::Block, "block"), (Effect::Warn, "warn"), (Effect::Note, "to note")];
    let told: Vec<String> = told
        .into_iter()
        .map(|(effect, word)| (count(effect), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| match (count, word) {
            (1, "to note") | (_, "to note") => format!("{count} {word}"),
            (1, word) => format!("1 {word}s"),
            (_, word) => format!("{count} {word}"),
        })
        .collect();
    if told.is_empty() { "nothing to tell".to_owned() } else { told.join(", ") }
}

/// One finding a line, under a line that counts them.
pub fn text(findings: &[Finding]) -> String {
    let mut lines = vec![counts(findings)];
    for finding in findings {
        lines.push(format!("  {:6} {}: {}", word(finding.effect), one_line(&finding.about), one_line(&finding.says)));
        lines.push(format!("         {}", explained(finding)));
    }
    lines.join("\n")
}

/// A Markdown table of what blocks and warns, with the rest counted.
pub fn markdown(findings: &[Finding]) -> String {
    let mut text = format!("{}.\n", counts(findings));
    let told: Vec<&Finding> = findings.iter().filter(|finding| finding.effect < Effect::Note).collect();
    if !told.is_empty() {
        text += "\n| | what | seen | rule |\n|---|---|---|---|\n";
    }
    let rows = by_row(&told);
    for (about, finding) in rows.iter().take(IN_TABLE) {
        let (about, says, explained) = (code(about, 400), code(&finding.says, 200), code(&explained(finding), 200));
        text += &format!("| {} | {about} | {says} | {explained} |\n", word(finding.effect));
    }
    if rows.len() > IN_TABLE {
        text += &format!("\n… and {} more.\n", rows.len() - IN_TABLE);
    }
    text
}

fn word(effect: Effect) -> &'static str {
    match effect {
        Effect::Block => "blocks",
        Effect::Warn => "warns",
        Effect::Note => "note",
        Effect::Ignore => "ignored",
    }
}

/// By which rule, since when, how sure.
fn explained(finding: &Finding) -> String {
    let since = finding.since.iter().map(|build| format!(", since {build}"));
    let chance = finding.chance.iter().map(|chance| format!(", by chance in {:.1} % of shufflings", chance * 100.0));
    since.chain(chance).fold(finding.rule.to_owned(), |told, more| told + &more)
}

/// Findings that differ in the room version only, as one: `acl/send/typing/v10, v11, v12 on alpha`, with what the first says.
fn by_row<'f>(findings: &[&'f Finding]) -> Vec<(String, &'f Finding)> {
    let mut rows: Vec<(String, &str, &Finding)> = Vec::new();
    for finding in findings {
        let (case, server) = finding.about.rsplit_once(" on ").unwrap_or((&finding.about, ""));
        let version = case.rsplit_once('/').map_or("", |(_, last)| last);
        let is_version = version.strip_prefix('v').is_some_and(|number| number.parse::<u32>().is_ok());
        let of_row = |about: &str| about.rsplit_once("/v").map(|(row, _)| row.to_owned());
        let same = |(_, on, first): &&mut (String, &str, &Finding)| {
            (first.rule, *on) == (finding.rule, server) && is_version && of_row(&first.about) == of_row(&finding.about)
        };
        match rows.iter_mut().find(same) {
            Some((told, ..)) => told.push_str(&format!(", {version}")),
            None => rows.push((case.to_owned(), server, finding)),
        }
    }
    let on = |case: String, server: &str| if server.is_empty() { case } else { format!("{case} on {server}") };
    rows.into_iter().map(|(case, server, finding)| (on(case, server), finding)).collect()
}

/// Text on one line, without what a terminal or the log of a CI system would take for an order.
fn one_line(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// Text as code in one cell of a table: nothing in it is markup, a link or a mention. At most so many characters of it.
pub fn code(text: &str, most: usize) -> String {
    let line = one_line(text).replace('`', "'").replace('|', "\\|");
    let short: String = line.chars().take(most).collect();
    let more = if short.len() < line.len() { "…" } else { "" };
    format!("`{}{more}`", short.trim_end_matches('\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_no_markup() {
        let finding = Finding {
            rule: "cases.regressed",
            effect: Effect::Block,
            about: "acl/`x`|y on alpha".into(),
            says: "pass → fail: <script>|\n@all".into(),
            since: Some("abc".into()),
            chance: None,
        };
        let text = markdown(&[finding]);
        let row =
            "| blocks | `acl/'x'\\|y on alpha` | `pass → fail: <script>\\| @all` | `cases.regressed, since abc` |";
        assert!(text.contains(row), "{text}");
        assert_eq!(text.lines().count(), 5, "{text}");
    }

    #[test]
    fn room_versions_of_one_row_are_one_line() {
        let finding = |about: &str| Finding {
            rule: "cases.regressed",
            effect: Effect::Block,
            about: about.into(),
            says: "pass → fail".into(),
            since: None,
            chance: None,
        };
        let findings = [
            "acl/a/b/v10 on alpha",
            "acl/a/b/v11 on alpha",
            "acl/a/b/v11 on bravo",
            "cpu(alpha)",
            "acl/a/c/v10 on alpha",
        ];
        let findings = findings.map(finding);
        let rows: Vec<String> =
            by_row(&findings.iter().collect::<Vec<_>>()).into_iter().map(|(about, _)| about).collect();
        assert_eq!(rows, ["acl/a/b/v10, v11 on alpha", "acl/a/b/v11 on bravo", "cpu(alpha)", "acl/a/c/v10 on alpha"]);
    }
}
