//! The history of runs as web pages: is the latest build qualified, what got worse, since when, and what was on the wire.
//!
//! One process, no other host: style and script are in the binary, charts are drawn here. A page is a function from what
//! was asked ([`view::View`]) to markup, one file each in `page/`; it asks the store a few questions and shows the
//! answers. Nothing is decided here: verdicts are the runs', changes are `fedproof_history`'s, and words that reports
//! have too are the reports'. Every text that came from a homeserver is escaped, and a content security policy that
//! allows nothing but our own files is the second lock.
//!
//! To add a page: a file in `page/`, a line in [`server`]'s table of routes, its words in [`words`].

mod cached;
mod chart;
mod error;
mod guard;
mod live;
mod open_metrics;
mod page;
mod part;
mod server;
mod spec;
mod track;
mod view;
mod words;

pub use error::DashboardError;
pub use server::{Dashboard, Settings};
