//! What is wrong with a workload is told as it was agreed.

use fedproof_load::Workload;
use std::path::Path;

#[test]
fn expressions_that_say_nothing_are_told_with_file_and_line() {
    let error = Workload::read(Path::new("tests/lint/inert.yaml")).expect_err("much is wrong");
    assert_eq!(format!("{error}\n"), include_str!("lint/inert.txt"));
}
