//! Writes the reports of the hand-made runs that the tests use, to be looked at:
//! `cargo run -p fedproof-report --example sample` prints where they are.

#[path = "../tests/sample/mod.rs"]
mod sample;

use fedproof_report::{Terminal, render};
use fedproof_results::RunRecord;
use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    for (name, events) in [
        ("mixed", sample::mixed()),
        ("chapters", sample::chapters()),
        ("stopped", sample::stopped()),
        ("clean", sample::clean()),
        ("unbooted", sample::unbooted()),
    ] {
        let folder = target.join("report-sample").join(name);
        fs::create_dir_all(&folder)?;
        let record = RunRecord::from_events(&events).ok_or("the sample does not begin with the start of a run")?;
        render(&folder, &record)?;
        let mut terminal = Terminal::stderr();
        events.iter().for_each(|event| terminal.handle(event));
        terminal.finish(&record, Some(&folder.join(fedproof_report::PAGE)));
    }
    Ok(())
}
