//! Which cases are meant: ids, rows, folders, globs, tags.

use crate::{
    catalogue::{Catalogue, Entry},
    near,
};
use fedproof_results::{CaseInfo, Level};
use std::fmt;

/// What was selected, in the catalogue's order.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// The cases.
    pub entries: Vec<Entry>,
    /// How many POLICY cases the selectors name that nobody asks for.
    pub withheld: usize,
}

/// One run through a scenario: its selected rows in one room version share rooms and phases (R6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// Index in [`Catalogue::scenarios`].
    pub scenario: usize,
    /// The room version, unless the scenario does not depend on one.
    pub room_version: Option<String>,
    /// Indices in the scenario's cases.
    pub cases: Vec<usize>,
}

/// Selectors that select nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SelectError {
    /// Each of them.
    pub unmatched: Vec<Unmatched>,
}

/// A selector that selects nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// As it was given.
    pub selector: String,
    /// What comes near, best first.
    pub near: Vec<String>,
    /// It does name cases, but all are POLICY cases that neither profile nor deployment asks for.
    pub only_policy: bool,
}

impl fmt::Display for SelectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, unmatched) in self.unmatched.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "`{}` selects no case", unmatched.selector)?;
            if unmatched.only_policy {
                f.write_str(": what it names is asked for by a profile or a deployment only")?;
            } else if !unmatched.near.is_empty() {
                write!(f, ", perhaps {} was meant", Quoted(&unmatched.near))?;
            }
        }
        Ok(())
    }
}

struct Quoted<'a>(&'a [String]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, text) in self.0.iter().enumerate() {
            write!(f, "{}`{text}`", if index > 0 { " or " } else { "" })?;
        }
        Ok(())
    }
}

impl Catalogue {
    /// The cases that any of the selectors names; all if there is no selector. A POLICY case is among them only if
    /// `is_asked` says that the profile or the deployment asks for it.
    ///
    /// # Errors
    /// Every selector that selects nothing: a slip of the pen must not make a run smaller.
    pub fn select(&self, selectors: &[String], is_asked: &dyn Fn(&CaseInfo) -> bool) -> Result<Selection, SelectError> {
        let (entries, policy): (Vec<_>, Vec<_>) =
            self.entries().into_iter().partition(|entry| entry.info.level != Level::Policy || is_asked(&entry.info));
        let names = |entry: &Entry, selector: &String| is_named(&entry.info, selector);
        let unmatched: Vec<_> = selectors
            .iter()
            .filter(|selector| !entries.iter().any(|entry| names(entry, selector)))
            .map(|selector| Unmatched {
                selector: selector.clone(),
                near: near_misses(selector, &entries),
                only_policy: policy.iter().any(|entry| names(entry, selector)),
            })
            .collect();
        if !unmatched.is_empty() {
            return Err(SelectError { unmatched });
        }
        let is_selected = |entry: &Entry| selectors.is_empty() || selectors.iter().any(|wanted| names(entry, wanted));
        Ok(Selection {
            withheld: policy.iter().filter(|entry| is_selected(entry)).count(),
            entries: entries.into_iter().filter(is_selected).collect(),
        })
    }
}

impl Selection {
    /// The cases.
    pub fn cases(&self) -> impl Iterator<Item = &CaseInfo> {
        self.entries.iter().map(|entry| &entry.info)
    }

    /// What has to be run for them.
    pub fn instances(&self) -> Vec<Instance> {
        let mut instances: Vec<Instance> = Vec::new();
        for Entry { info, scenario, case } in &self.entries {
            let same = |known: &&mut Instance| known.scenario == *scenario && known.room_version == info.room_version;
            match instances.iter_mut().find(same) {
                Some(known) => known.cases.push(*case),
                None => instances.push(Instance {
                    scenario: *scenario,
                    room_version: info.room_version.clone(),
                    cases: vec![*case],
                }),
            }
        }
        instances
    }
}

/// Whether a selector names a case: by tag, by glob, by id, by row (all its versions), or by a folder of ids.
pub fn is_named(case: &CaseInfo, selector: &str) -> bool {
    if let Some(tag) = selector.strip_prefix('@') {
        return case.tags.iter().any(|known| known == tag);
    }
    if selector.contains(['*', '?']) {
        return glob_matches(selector, &case.id) || glob_matches(selector, case.row());
    }
    let folder = selector.trim_end_matches('/');
    case.id.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// `?` is one character and `*` any number of them within a segment, `**` any number across segments;
/// `a/**/b` holds `a/b` too.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let glob: Vec<char> = glob.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // `ends[i]`: the glob read so far holds the first `i` characters. One pass per token, so never exponential.
    let mut ends = vec![false; text.len() + 1];
    ends[0] = true;
    let mut at = 0;
    while at < glob.len() {
        let mut next = vec![false; text.len() + 1];
        let is_star = glob[at] == '*';
        let crosses = is_star && glob.get(at + 1) == Some(&'*');
        if is_star {
            at += glob[at..].iter().take_while(|c| **c == '*').count();
            let is_segment = crosses && glob.get(at) == Some(&'/');
            for i in 0..=text.len() {
                next[i] = ends[i] || (i > 0 && next[i - 1] && (crosses || text[i - 1] != '/'));
            }
            if is_segment {
                // What stands before `**/` ends at a segment's start: the segments in between may be none.
                at += 1;
                next = (0..=text.len()).map(|i| ends[i] || (i > 0 && text[i - 1] == '/' && next[i - 1])).collect();
            }
        } else {
            for i in 1..=text.len() {
                let same = glob[at] == text[i - 1] || (glob[at] == '?' && text[i - 1] != '/');
                next[i] = ends[i - 1] && same;
            }
            at += 1;
        }
        ends = next;
    }
    ends[text.len()]
}

fn near_misses(selector: &str, entries: &[Entry]) -> Vec<String> {
    let known: Vec<String> = if selector.starts_with('@') {
        entries.iter().flat_map(|entry| entry.info.tags.iter().map(|tag| format!("@{tag}"))).collect()
    } else {
        let folders = entries.iter().map(|entry| entry.info.area().to_owned());
        folders.chain(entries.iter().map(|entry| entry.info.row().to_owned())).collect()
    };
    near::nearest(selector, known.iter().map(String::as_str), 3).into_iter().map(str::to_owned).collect()
}
