//! How verdicts, figures and foreign text are spelt, the same in every report.

use fedproof_results::{Identity, ServerInfo, Verdict, WallMs};

/// Columns of every table of verdicts: good and bad news first.
pub const ORDER: [Verdict; 6] =
    [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Observed, Verdict::Skipped, Verdict::NotApplicable];

/// One character that says the verdict without colour.
pub const fn mark(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✗",
        Verdict::Inconclusive => "?",
        Verdict::Observed => "○",
        Verdict::Skipped => "»",
        Verdict::NotApplicable => "–",
    }
}

/// The verdict in words.
pub const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "passed",
        Verdict::Fail => "failed",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Observed => "observed",
        Verdict::Skipped => "skipped",
        Verdict::NotApplicable => "not applicable",
    }
}

/// `1 case`, `2 cases`.
pub(crate) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Milliseconds as one reads them: `345 ms`, `12.3 s`, `2 min 05 s`.
pub fn duration(ms: u64) -> String {
    match ms {
        0..1_000 => format!("{ms} ms"),
        1_000..60_000 => format!("{:.1} s", ms as f64 / 1e3),
        _ => format!("{} min {:02} s", ms / 60_000, ms % 60_000 / 1_000),
    }
}

/// Where the time of a run went: `72.3 s: client 1.2 s, boot 5.8 s, cases 66.0 s`.
pub(crate) fn wall_time(wall: WallMs) -> String {
    let client = if wall.client > 0 { format!("client {}, ", duration(wall.client)) } else { String::new() };
    format!("{}: {client}boot {}, cases {}", duration(wall.total), duration(wall.boot), duration(wall.cases))
}

/// Microseconds as one reads them; short ones keep a decimal.
pub fn duration_us(us: u64) -> String {
    if us < 100_000 { format!("{:.1} ms", us as f64 / 1e3) } else { duration(us / 1_000) }
}

/// Bytes as mebibytes.
pub(crate) fn memory(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / (1024.0 * 1024.0))
}

/// Foreign text on one line: control characters (line ends, terminal escapes, direction overrides) spelt out, cut
/// to `limit` characters.
///
/// Names and bodies come from servers, and adversaries among them: they must not steer a terminal or forge a line.
pub fn one_line(text: &str, limit: usize) -> String {
    let mut line = String::new();
    for (count, char) in text.chars().enumerate() {
        if count == limit {
            line.push('…');
            break;
        }
        if char.is_control()
            || matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            line.extend(char.escape_default());
        } else {
            line.push(char);
        }
    }
    line
}

/// The command that runs one case again, just as it ran.
pub(crate) fn replay(identity: &Identity, servers: &[ServerInfo], id: &str) -> String {
    let is_attached = identity.backend == "attach";
    let mut command = format!("fedproof run {} --seed {}", quoted(id), identity.seed);
    command += &match is_attached {
        // Where the file is, only who ran it knows.
        true => " --attach FILE".to_owned(),
        false => format!(" --deployment {}", shell(&identity.deployment)),
    };
    if !is_attached && identity.backend != "process" {
        command += &format!(" --backend {}", shell(&identity.backend));
    }
    if identity.profile != "matrix-spec" {
        command += &format!(" --profile {}", shell(&identity.profile));
    }
    if !["", "rust-sdk"].contains(&identity.client.as_str()) {
        command += &format!(" --client {}", shell(&identity.client));
    }
    for server in servers.iter().filter(|_| !is_attached) {
        command += &format!(" --homeserver {}", shell(&format!("{}={}", server.name, server.spec)));
    }
    command
}

/// A whole command line as one would type it.
pub(crate) fn command_line(command: &[String]) -> String {
    command.iter().map(|word| shell(word)).collect::<Vec<_>>().join(" ")
}

/// A word for a POSIX shell, quoted only if it must be.
fn shell(word: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_./:=@,+%".contains(char);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { quoted(word) }
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        let spelt: Vec<_> = [0, 999, 1_000, 59_940, 60_000, 125_400].map(duration).into();
        assert_eq!(spelt, ["0 ms", "999 ms", "1.0 s", "59.9 s", "1 min 00 s", "2 min 05 s"]);
    }

    #[test]
    fn foreign_text_cannot_steer_a_terminal() {
        assert_eq!(one_line("a\u{1b}[31mb\r\nc\u{202e}d", 100), r"a\u{1b}[31mb\r\nc\u{202e}d");
        assert_eq!(one_line("abcdef", 3), "abc…");
        assert_eq!(one_line("abc", 3), "abc");
    }

    #[test]
    fn words_survive_a_shell() {
        let command = ["fedproof", "run", "acl/**", "it's", ""].map(str::to_owned);
        assert_eq!(command_line(&command), r"fedproof run 'acl/**' 'it'\''s' ''");
    }
}
