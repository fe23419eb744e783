//! Something wrong in a scenario file, with its place, as a compiler would say it.

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use std::{fmt, ops::Range, sync::Arc};

/// One mistake: where it is, what is wrong, what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// File, relative to the project's root.
    pub file: String,
    /// The file's text, so that the place can be shown.
    pub source: Arc<str>,
    /// Line, from 1; 0 if the mistake is no place in the text (the file cannot be read).
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// How many characters are meant, at least 1; never beyond the line.
    pub length: usize,
    /// What is wrong, in a line.
    pub title: String,
    /// At the caret: what was expected there. May be empty.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A mistake at these bytes of the source; an empty span means the word that starts there.
    pub fn at(
        file: &str,
        source: &Arc<str>,
        span: Range<usize>,
        title: String,
        label: String,
        help: Option<String>,
    ) -> Self {
        let start = span.start.min(source.len());
        let before = source.get(..start).unwrap_or_default();
        let rest = source.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let length = match source.get(start..span.end) {
            Some(meant) if !meant.is_empty() => meant.lines().next().unwrap_or_default().trim_end().chars().count(),
            _ => rest.chars().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '-')).count(),
        };
        Self {
            file: file.to_owned(),
            source: source.clone(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            length: length.max(1),
            title,
            label,
            help,
        }
    }

    /// The mistake with its line, a caret and the hint; several lines, without a line end.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let title = Level::ERROR.primary_title(self.title.as_str());
        let mut elements = match self.span() {
            Some(span) => {
                let annotation = AnnotationKind::Primary.span(span);
                let annotation = match self.label.as_str() {
                    "" => annotation,
                    label => annotation.label(label),
                };
                title.element(Snippet::source(self.source.as_ref()).path(self.file.as_str()).annotation(annotation))
            }
            None => title.element(Origin::path(self.file.as_str())),
        };
        if let Some(help) = &self.help {
            elements = elements.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[elements])
    }

    /// Bytes of the source that are meant; `None` without a place.
    fn span(&self) -> Option<Range<usize>> {
        let mut start = 0;
        let mut lines = self.source.split_inclusive('\n');
        for _ in 1..self.line {
            start += lines.next()?.len();
        }
        if self.line == 0 {
            return None;
        }
        let line = lines.next().unwrap_or_default().trim_end_matches(['\n', '\r']);
        let byte = |column: usize| line.char_indices().nth(column).map_or(line.len(), |(byte, _)| byte);
        let column = self.column.saturating_sub(1);
        Some(start + byte(column)..start + byte(column + self.length.max(1)))
    }
}

impl fmt::Display for Diagnostic {
    /// One line: `file:line:column: title`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.title)
    }
}
