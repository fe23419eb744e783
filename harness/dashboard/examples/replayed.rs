//! Serves the replayed history of the tests, to be looked at: `cargo run -p fedproof-dashboard --example replayed`.

#[path = "../tests/support/mod.rs"]
mod support;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    let at = support::serve(support::history(folder.path()).await, None, folder.path()).await;
    println!("http://{at}/ (Ctrl-C ends it)");
    tokio::signal::ctrl_c().await
}
