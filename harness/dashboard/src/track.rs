//! Which track a page is about.

use crate::{
    part::href,
    view::{View, Wrong},
    words::fill,
};
use fedproof_history::{Kind, Track};
use maud::{Markup, html};
use sha2::{Digest, Sha256};

/// Tracks that a form offers, beside the one it is about: those with the latest runs.
const OFFERED: usize = 100;

/// The tracks that there are, and the one that was asked for.
pub(crate) struct Choice {
    tracks: Vec<Track>,
    at: usize,
}

impl Choice {
    /// The track asked for, else the one with the latest run of those with more than one; `None` if there is none, of a
    /// kind if that is given.
    pub(crate) async fn of(view: &View, kind: Option<Kind>) -> Result<Option<Self>, Wrong> {
        let mut tracks = view.shared.store.tracks().await?;
        tracks.retain(|track| kind.is_none_or(|kind| track.kind == kind));
        let asked = view.asked("track");
        let at = tracks.iter().position(|track| asked == Some(key(&track.branch, &track.place).as_str()));
        // A run alone has no past to show.
        let at = at.or_else(|| tracks.iter().position(|track| track.runs > 1)).unwrap_or(0);
        Ok((!tracks.is_empty()).then_some(Self { tracks, at }))
    }

    pub(crate) fn track(&self) -> &Track {
        &self.tracks[self.at]
    }

    pub(crate) fn key(&self) -> String {
        key(&self.track().branch, &self.track().place)
    }

    /// A form that leads to the same page about another track; `more` is what else it asks for.
    pub(crate) fn form(&self, view: &View, path: &str, more: Markup) -> Markup {
        let words = view.words;
        let offered = self.tracks.iter().enumerate().filter(|(index, _)| *index < OFFERED || *index == self.at);
        let offered: Vec<(usize, &Track)> = offered.collect();
        html! {
            form.filter action=(path) {
                label.grow {
                    span { (words.track) }
                    select name="track" {
                        @for (index, track) in &offered {
                            option value=(key(&track.branch, &track.place)) selected[*index == self.at] {
                                (track.branch) ": " (track.place)
                            }
                        }
                        @if offered.len() < self.tracks.len() { option disabled { (fill(words.and_more, &[&(self.tracks.len() - offered.len())])) } }
                    }
                }
                (more)
                button { (words.show) }
            }
        }
    }
}

/// A short name of a track that is the same tomorrow.
pub(crate) fn key(branch: &str, place: &str) -> String {
    let hash = Sha256::digest(format!("{branch}\0{place}"));
    hash[..6].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A page about a track.
pub(crate) fn link(path: &str, branch: &str, place: &str) -> String {
    href(path, &[("track", &key(branch, place))])
}
