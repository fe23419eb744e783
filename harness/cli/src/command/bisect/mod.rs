//! `fedproof bisect`: the release or commit at which a case or figure changed.
//!
//! Each step is a run of its own, by this same program: what it decides is what anybody who repeats it sees.

mod builds;

use self::builds::{Tree, called, commits, releases};
use crate::{
    args::{Bisect, Format},
    error::CliError,
    ground, identity,
    project::Project,
    stdout,
};
use fedproof_results::exit;
use indicatif::ProgressBar;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// What a step found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// As at GOOD.
    Good,
    /// As at BAD.
    Bad,
    /// Neither: it does not build, or could not be decided.
    Unknown,
}

/// Finds the first build that is as BAD is.
pub(crate) async fn bisect(project: &Project, args: &Bisect) -> Result<u8, CliError> {
    let servers: Vec<String> =
        ground::describe(project, &args.place)?.homeservers.keys().map(ToString::to_string).collect();
    let builds = match &args.checkout {
        Some(checkout) => commits(checkout, &args.good, &args.bad)?,
        None => releases(&args.implementation, &args.good, &args.bad)?,
    };
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| Path::new("fedproof-results").join(format!("bisect-{}", identity::run_id())));
    let mut steps =
        Steps { args, root: &project.root, good: builds[0].clone(), servers, out, told: Vec::new(), ends: None };
    // Both ends first: if they are alike there is nothing to find.
    let (first, last) = (steps.decide(&builds[0])?, steps.decide(&builds[builds.len() - 1])?);
    match (first, last) {
        (Some(good), Some(bad)) if good != bad => steps.ends = Some((good, bad)),
        (good, bad) => {
            let told = |seen: Option<String>| seen.unwrap_or_else(|| "not decided".to_owned());
            let message = format!(
                "nothing to look for: {} gives {}, {} gives {} (see {})",
                args.good,
                told(good),
                args.bad,
                told(bad),
                steps.out.display()
            );
            return Err(CliError::bad_input(message));
        }
    }
    let bar = ProgressBar::new(u64::from(builds.len().ilog2() + 1));
    let found = search(builds.len(), &mut |index| {
        bar.set_message(builds[index].clone());
        let seen = steps.judge(&builds[index]);
        bar.inc(1);
        seen
    })?;
    bar.finish_and_clear();
    let (before, from) = (&builds[found.0], &builds[found.1]);
    let name =
        |build: &str| args.checkout.as_deref().map_or_else(|| build.to_owned(), |checkout| called(checkout, build));
    match args.format {
        Format::Json => stdout::json(&json!({
            "last_good": before, "first_bad": from, "between": builds[found.0 + 1..found.1], "steps": steps.told,
        })),
        Format::Text => {
            for step in &steps.told {
                let seen = step["seen"].as_str().unwrap_or("not decided");
                stdout::print(&format!("{}: {seen}", name(step["build"].as_str().unwrap_or_default())));
            }
            let undecided = found.1 - found.0 - 1;
            let between =
                if undecided > 0 { format!(" ({undecided} between them could not be decided)") } else { String::new() };
            let last =
                if *before == builds[0] { String::new() } else { format!("; {} is as {} is", name(before), args.good) };
            stdout::print(&format!("it changed with {}{last}{between}", name(from)));
        }
    }
    Ok(exit::QUALIFIED)
}

/// The last build that is as the first is and the first that is as the last is, with nothing but unknown ones between them.
/// Where one in the middle cannot be told the nearest that can is taken.
fn search<E>(count: usize, judge: &mut impl FnMut(usize) -> Result<Seen, E>) -> Result<(usize, usize), E> {
    let (mut good, mut bad) = (0, count - 1);
    let mut unknown = vec![false; count];
    loop {
        let middle = (good + bad) / 2;
        let open = (good + 1..bad).filter(|&index| !unknown[index]);
        let Some(next) = open.min_by_key(|index| index.abs_diff(middle)) else { return Ok((good, bad)) };
        match judge(next)? {
            Seen::Good => good = next,
            Seen::Bad => bad = next,
            Seen::Unknown => unknown[next] = true,
        }
    }
}

struct Steps<'a> {
    args: &'a Bisect,
    root: &'a Path,
    good: String,
    servers: Vec<String>,
    out: PathBuf,
    told: Vec<Value>,
    ends: Option<(String, String)>,
}

impl Steps<'_> {
    fn judge(&mut self, build: &str) -> Result<Seen, CliError> {
        let seen = self.decide(build)?;
        Ok(match (&seen, &self.ends) {
            (Some(seen), Some((good, _))) if seen == good => Seen::Good,
            (Some(seen), Some((_, bad))) if seen == bad => Seen::Bad,
            _ => Seen::Unknown,
        })
    }

    /// What the case or figure is on a build; `None` if that could not be decided.
    fn decide(&mut self, build: &str) -> Result<Option<String>, CliError> {
        let folder = self.out.join(build);
        let tree = self.args.checkout.as_deref().map(|checkout| Tree::of(checkout, build, &self.out)).transpose()?;
        let spec = match &tree {
            Some(tree) => format!("{}@path:{}", self.args.implementation, tree.path.display()),
            None => format!("{}@{build}", self.args.implementation),
        };
        let seen = match (&self.args.case, &self.args.figure) {
            (Some(case), _) => self.case(case, &spec, &folder)?,
            (None, Some(figure)) => self.figure(figure, &spec, &folder)?,
            (None, None) => None,
        };
        self.told.push(json!({"build": build, "seen": seen, "results": folder}));
        Ok(seen)
    }

    fn case(&self, case: &str, spec: &str, folder: &Path) -> Result<Option<String>, CliError> {
        let mut command = self.command("run", folder)?;
        command.arg(case).args(["--seed", "1"]);
        for (option, value) in [("--profile", &self.args.profile), ("--client", &self.args.client)] {
            command.args(value.iter().flat_map(|value| [option, value]));
        }
        for server in &self.servers {
            command.args(["--homeserver", &format!("{server}={spec}")]);
        }
        let record = output(command, folder, self.ends.is_none())?;
        let cases = record["cases"].as_array().into_iter().flatten();
        let asked: Vec<&str> = cases
            .filter(|result| {
                result["id"]
                    .as_str()
                    .is_some_and(|id| id == case || id.strip_prefix(case).is_some_and(|rest| rest.starts_with("/v")))
            })
            .filter_map(|result| result["verdict"].as_str())
            .collect();
        // A row in several room versions is bad as soon as one of them is.
        let decided = |word: &str| asked.contains(&word).then(|| word.to_owned());
        let undecided = asked.contains(&"inconclusive") || asked.contains(&"skipped");
        Ok(decided("fail").or_else(|| if undecided { None } else { decided("pass").or_else(|| decided("observed")) }))
    }

    fn figure(&self, figure: &str, spec: &str, folder: &Path) -> Result<Option<String>, CliError> {
        // The good one is built as the candidate is.
        let tree =
            self.args.checkout.as_deref().map(|checkout| Tree::of(checkout, &self.good, &self.out)).transpose()?;
        let good = match &tree {
            Some(tree) => format!("{}@path:{}", self.args.implementation, tree.path.display()),
            None => format!("{}@{}", self.args.implementation, self.args.good),
        };
        let mut command = self.command("load", folder)?;
        command.arg("paired").args(["--seed", "1"]);
        if let Some(pairs) = self.args.pairs {
            command.args(["--pairs", &pairs.to_string()]);
        }
        for server in &self.servers {
            command.args(["--homeserver", &format!("{server}={good}")]);
            command.args(["--against", &format!("{server}={spec}")]);
        }
        let record = output(command, folder, self.ends.is_none())?;
        let figures = record["comparison"]["figures"].as_array().map(Vec::as_slice).unwrap_or_default();
        let named = figures.iter().find(|one| one["name"] == figure);
        if named.is_none() && !figures.is_empty() {
            let names: Vec<&str> = figures.iter().filter_map(|one| one["name"].as_str()).collect();
            return Err(CliError::bad_input(format!("no figure is called {figure}: there are {}", names.join(", "))));
        }
        let verdict = named.and_then(|one| one["verdict"].as_str());
        Ok(verdict.filter(|verdict| *verdict != "unclear").map(str::to_owned))
    }

    fn command(&self, name: &str, folder: &Path) -> Result<Command, CliError> {
        let program = std::env::current_exe().map_err(CliError::environment)?;
        let mut command = Command::new(program);
        command.env("FEDPROOF_ROOT", self.root);
        command.arg(name).args(["--format", "json", "--backend", &self.args.place.backend]).arg("--out").arg(folder);
        if let Some(deployment) = &self.args.place.deployment {
            command.args(["--deployment", deployment]);
        }
        Ok(command)
    }
}

/// What a step prints, and what it says on the way into `bisect.log` of its folder. Bad input ends the search while its ends are
/// tried, and leaves a step in the middle undecided: one release may not know what the others do. An interrupted one ends it.
fn output(mut command: Command, folder: &Path, is_end: bool) -> Result<Value, CliError> {
    let done = command.output().map_err(CliError::environment)?;
    // Kept for whoever wonders; the step's own results are there without it.
    let _ = std::fs::write(folder.join("bisect.log"), &done.stderr);
    let bad_input = [exit::BAD_INPUT, exit::NOTHING_SELECTED].map(i32::from);
    match done.status.code() {
        Some(code) if is_end && bad_input.contains(&code) => {
            Err(CliError::rendered(code as u8, String::from_utf8_lossy(&done.stderr).trim_end().to_owned()))
        }
        Some(code) if code != i32::from(exit::INTERRUPTED) => {
            Ok(serde_json::from_slice(&done.stdout).unwrap_or_default())
        }
        _ => Err(CliError::interrupted()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Builds from `bad` on are bad, those in `unknown` cannot be told.
    fn found(count: usize, bad: usize, unknown: &[usize]) -> ((usize, usize), usize) {
        let mut asked = 0;
        let found = search(count, &mut |index| {
            asked += 1;
            let seen = if index >= bad { Seen::Bad } else { Seen::Good };
            Ok::<_, ()>(if unknown.contains(&index) { Seen::Unknown } else { seen })
        });
        (found.expect("it never fails"), asked)
    }

    #[test]
    fn the_first_bad_one_is_found_in_few_steps() {
        for bad in 1..100 {
            let (found, asked) = found(100, bad, &[]);
            assert_eq!(found, (bad - 1, bad));
            assert!(asked <= 7, "{asked}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_gone_around() {
        assert_eq!(found(20, 12, &[9, 10]).0, (11, 12));
        assert_eq!(found(20, 10, &[9, 10]).0, (8, 11), "all that can be said");
        assert_eq!(found(2, 1, &[]).0, (0, 1));
    }
}
