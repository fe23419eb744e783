//! `fedproof`: the proving ground for private Matrix federations, as a command.
//!
//! One file per command in `command/`; what they share is the project's folder ([`project`]), a deployment that is up
//! with everything around it ([`ground`]), who a run is ([`identity`]), its stream of events ([`recorder`]), and how errors end
//! the process ([`error`]).

mod args;
mod client;
mod command;
mod error;
mod ground;
mod identity;
mod interrupt;
mod project;
mod recorder;
mod stdout;
mod verdicts;
mod work;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: failed to start the runtime: {error}");
            return ExitCode::from(fedproof_results::exit::INCONCLUSIVE);
        }
    };
    let code = runtime.block_on(command::dispatch(args)).unwrap_or_else(|error| {
        stdout::complain(&error.to_string());
        error.exit_code()
    });
    ExitCode::from(code)
}
