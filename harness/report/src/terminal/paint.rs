//! Colour, where it is wanted. It only ever repeats what marks and words say.

use console::Style;
use fedproof_results::{RunVerdict, Verdict};

/// Styles text, or leaves it as it is.
pub(super) struct Paint {
    /// Whether colour is wanted.
    pub(super) colour: bool,
}

impl Paint {
    fn apply(&self, style: Style, text: &str) -> String {
        style.force_styling(self.colour).apply_to(text).to_string()
    }

    /// In the colour of a verdict.
    pub(super) fn verdict(&self, verdict: Verdict, text: &str) -> String {
        let style = match verdict {
            Verdict::Pass => Style::new().green(),
            Verdict::Fail => Style::new().red().bold(),
            Verdict::Inconclusive => Style::new().yellow().bold(),
            Verdict::Observed => Style::new().cyan(),
            Verdict::Skipped | Verdict::NotApplicable => Style::new().dim(),
        };
        self.apply(style, text)
    }

    /// In the colour of the run's word.
    pub(super) fn word(&self, verdict: RunVerdict, text: &str) -> String {
        let style = match verdict {
            RunVerdict::Qualified => Style::new().green(),
            RunVerdict::NotQualified => Style::new().red(),
            RunVerdict::Inconclusive => Style::new().yellow(),
        };
        self.apply(style.bold(), text)
    }

    /// Something to be known.
    pub(super) fn warning(&self, text: &str) -> String {
        self.apply(Style::new().yellow().bold(), text)
    }

    /// A label, a heading: there, but not in the way.
    pub(super) fn quiet(&self, text: &str) -> String {
        self.apply(Style::new().dim(), text)
    }

    /// What the eye should find first.
    pub(super) fn strong(&self, text: &str) -> String {
        self.apply(Style::new().bold(), text)
    }
}
