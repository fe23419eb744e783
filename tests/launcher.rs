//! The launcher has tests of its own, in Python, for it must work with the standard library alone.

use std::process::Command;

#[test]
fn the_launchers_own_tests_pass() {
    let output = Command::new("python3")
        .args(["-m", "unittest", "discover", "-s", "tests/launcher"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("python3 can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("OK"), "{said}");
    println!("{said}");
}
