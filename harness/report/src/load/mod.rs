//! Reports of load runs, from [`LoadRecord`](fedproof_results::load::LoadRecord) alone.

mod chart;
mod comparison;
mod formats;
mod html;
mod limit;
mod summary;

pub use formats::{bencher, github};
pub use html::html;
pub use summary::{summary, threshold_value};
