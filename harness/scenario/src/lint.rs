//! What can be found wrong without starting anything. One file per subject; each reports everything it finds.

mod actors;
mod arguments;
mod bindings;
mod ids;
mod rules;
mod steps;
mod structure;
mod tables;

use crate::{
    catalogue::Loaded,
    model::{Scenario, Seat},
};
use fedproof_yaml::{Diagnostic, Places};
use std::ops::Range;

/// Everything that is wrong in these scenarios, each by itself and all together, in the order of the files.
pub(crate) fn lint(scenarios: &[Loaded]) -> Vec<Diagnostic> {
    let mut linters: Vec<Linter<'_>> = scenarios.iter().map(Linter::new).collect();
    for linter in &mut linters {
        ids::check(linter);
        structure::check(linter);
        tables::check(linter);
        actors::check(linter);
        steps::check(linter);
        rules::check(linter);
        bindings::check(linter);
    }
    ids::check_across(&mut linters);
    linters.into_iter().flat_map(Linter::finish).collect()
}

/// One scenario and what was found in it.
pub(crate) struct Linter<'a> {
    loaded: &'a Loaded,
    places: Places,
    found: Vec<Diagnostic>,
}

impl<'a> Linter<'a> {
    fn new(loaded: &'a Loaded) -> Self {
        Self { loaded, places: Places::of(&loaded.text), found: Vec::new() }
    }

    fn scenario(&self) -> &'a Scenario {
        &self.loaded.scenario
    }

    /// At the key whose value the pointer names, or at an item of a list.
    fn at_key(&mut self, pointer: &str, found: Finding) {
        let span = self.places.key(&self.written(pointer));
        self.at(span, found);
    }

    /// At the value that the pointer names.
    fn at_value(&mut self, pointer: &str, found: Finding) {
        let span = self.places.value(&self.written(pointer));
        self.at(span, found);
    }

    /// Where a case that is a row of a table is really written.
    fn written(&self, pointer: &str) -> String {
        let (index, rest) = match pointer.strip_prefix("/cases/").map(|rest| rest.split_once('/').unwrap_or((rest, "")))
        {
            Some((index, rest)) => (index.parse::<usize>().ok(), rest),
            None => return pointer.to_owned(),
        };
        let case = index.and_then(|index| self.scenario().cases.get(index));
        let Some(Seat { group, row }) = case.and_then(|case| case.seat) else { return pointer.to_owned() };
        let of_group = format!("/for_each/groups/{group}");
        let of_row = format!("{of_group}/rows/{row}/{rest}");
        match rest.split('/').next() {
            Some("steps") => format!("/for_each/{rest}"),
            Some("vars") if !self.places.has(&of_row) => format!("{of_group}/{rest}"),
            _ => of_row,
        }
    }

    /// At a piece of the value's text, if it stands there literally.
    fn at_text(&mut self, pointer: &str, text: &str, found: Finding) {
        let whole = self.places.value(&self.written(pointer));
        let span = whole.map(|whole| {
            let rest = self.loaded.text.get(whole.start..).unwrap_or_default();
            // A block scalar's span may be its indicator only: look on, but not beyond the next blank line.
            let reach = rest.find("\n\n").unwrap_or(rest.len()).max(whole.len());
            let piece = rest.get(..reach).and_then(|reach| reach.find(text));
            piece.map_or(whole.clone(), |at| whole.start + at..whole.start + at + text.len())
        });
        self.at(span, found);
    }

    fn at(&mut self, span: Option<Range<usize>>, found: Finding) {
        let Finding { title, label, help } = found;
        let Loaded { file, text, .. } = self.loaded;
        let diagnostic = Diagnostic::at(file, text, span.unwrap_or_default(), title, label, help);
        // A list that several phases call, or several rows of a table, is walked several times.
        let is_same = |known: &Diagnostic| {
            (known.line, known.column, &known.title) == (diagnostic.line, diagnostic.column, &diagnostic.title)
        };
        if !self.found.iter().any(is_same) {
            self.found.push(diagnostic);
        }
    }

    fn finish(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        self.found
    }
}

/// What is wrong, without its place.
pub(crate) struct Finding {
    title: String,
    label: String,
    help: Option<String>,
}

impl Finding {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), label: String::new(), help: None }
    }

    /// Beside the caret.
    fn label(self, label: impl Into<String>) -> Self {
        Self { label: label.into(), ..self }
    }

    fn label_if(self, label: Option<String>) -> Self {
        Self { label: label.unwrap_or_default(), ..self }
    }

    fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}
