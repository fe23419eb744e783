//! The pages, one file each.

pub(crate) mod case;
pub(crate) mod compare;
pub(crate) mod deviations;
mod exchange;
pub(crate) mod interop;
pub(crate) mod live;
pub(crate) mod login;
pub(crate) mod matrix;
pub(crate) mod overview;
pub(crate) mod performance;
pub(crate) mod report;
pub(crate) mod requirements;
pub(crate) mod run;
pub(crate) mod search;
pub(crate) mod series;
mod trouble;

use crate::view::{Body, View};
use maud::html;

/// A page about nothing: the history holds no run of that kind yet.
fn empty(view: &View, title: &str) -> Body {
    let markup =
        html! { h1 { (title) } p { (view.words.empty_history) } pre { "fedproof history import fedproof-results/*" } };
    Body { title: title.to_owned(), markup }
}
