//! Reports of load runs, from [`LoadRecord`] alone.

mod summary;

pub use summary::summary;
