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
            let words = words[..end].iter().map(|word| word.trim_end_matches(';'));
            if let Err(error) = Args::try_parse_from(words) {
                panic!("{}: {line}\n{error}", path.display());
            }
            understood += 1;
        }
    }
    assert!(understood > 50, "{understood} commands were found");
}

/// The lines of its code that begin with `fedproof`, up to a comment, a line that goes on put together.
fn commands(text: &str) -> Vec<String> {
    let code = text.split("```").skip(1).step_by(2).collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    let lines = code.lines().map(|line| line.split(" #").next().unwrap_or_default().trim().to_owned());
    lines.filter(|line| line.starts_with("fedproof ")).collect()
}
