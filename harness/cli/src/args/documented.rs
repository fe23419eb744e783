//! What the documentation says to type is understood.

use super::Args;
use clap::Parser;
use std::{fs, path::Path};

/// Where a command ends for a shell.
const ENDS: &[&str] = &["&&", "||", "|", "&", ">", ">>", "<", "…"];

#[test]
fn every_command_of_the_documentation_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = root.join("docs").read_dir().expect("docs").flatten().map(|entry| entry.path());
    let texts = docs.chain([root.join("README.md")]).filter(|path| path.extension().is_some_and(|it| it == "md"));
    let mut understood = 0;
    for path in texts {
        for line in commands(&fs::read_to_string(&path).expect("a text")) {
            let words = shlex::split(&line).unwrap_or_else(|| panic!("{}: {line}: quotes", path.display()));
            let end = words.iter().position(|word| ENDS.contains(&word.as_str())).unwrap_or(words.len());
            let words = words[..end].iter().map(|word| filled(word.trim_end_matches(';')));
            if let Err(error) = Args::try_parse_from(words) {
                panic!("{}: {line}\n{error}", path.display());
            }
            understood += 1;
        }
    }
    assert!(understood > 50, "{understood} commands were found");
}

/// A word with 1 for each variable of the shell.
fn filled(word: &str) -> String {
    let mut parts = word.split('$');
    let first = parts.next().unwrap_or_default().to_owned();
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    parts.fold(first, |filled, part| filled + "1" + part.trim_start_matches(is_name))
}

/// The lines of its code that begin with `fedproof` and no version of it, up to a comment, a line that goes on put together.
fn commands(text: &str) -> Vec<String> {
    let code = text.split("```").skip(1).step_by(2).collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let lines = code.lines().map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
    let is_typed = |rest: &str| !rest.starts_with(|letter: char| letter.is_ascii_digit());
    lines.filter(|line| line.strip_prefix("fedproof ").is_some_and(is_typed)).collect()
}
