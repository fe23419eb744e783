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
        lines.push(format!("  {:6} {}: {}", word(finding.effect), finding.about, finding.says));
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
    for finding in told.iter().take(IN_TABLE) {
        let (about, says) = (cell(&finding.about).replace('`', "'"), cell(&finding.says));
        text += &format!("| {} | `{about}` | {says} | {} |\n", word(finding.effect), cell(&explained(finding)));
    }
    if told.len() > IN_TABLE {
        text += &format!("\n… and {} more.\n", told.len() - IN_TABLE);
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

/// Text that stays one cell of a table, and is no markup.
fn cell(text: &str) -> String {
    let mut safe = String::new();
    for char in text.chars().take(400) {
        match char {
            '\n' | '\r' => safe.push(' '),
            '|' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '\\' | '@' | '#' | '!' => {
                safe.push('\\');
                safe.push(char);
            }
            char => safe.push(char),
        }
    }
    safe
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
        assert!(text.contains("| blocks | `acl/\\'x\\'\\|y on alpha` | pass → fail: \\<script\\>\\| \\@all | cases.regressed, since abc |"), "{text}");
        assert_eq!(text.lines().count(), 5, "{text}");
    }
}
