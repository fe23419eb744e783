//! Ctrl-C and SIGTERM: the first asks the run to stop and clean up, a second one ends it at once.

use crate::stdout;
use fedproof_results::exit;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// As [`watch`], where goose runs: it would take Ctrl-C for itself, end the load under us and, at the second one, the
/// process without cleaning up. A process can have only one handler of that kind: this one, which does nothing, is there
/// first, and the handler that [`watch`] sets calls it.
pub(crate) fn watch_beside_goose() -> watch::Receiver<bool> {
    // It can only be there already, which is as good.
    let _ = ctrlc::set_handler(|| {});
    watch()
}

/// Becomes true at the first signal.
pub(crate) fn watch() -> watch::Receiver<bool> {
    let (sender, receiver) = watch::channel(false);
    if let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        tokio::spawn(async move {
            for first in [true, false] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if !first {
                    // The homeservers' launchers see the closed pipes.
                    std::process::exit(i32::from(exit::INTERRUPTED));
                }
                stdout::complain("interrupted: stopping (once more to stop at once)");
                sender.send_replace(true);
            }
        });
    } else {
        // Without a handler the signals end the process; keep the channel open all the same.
        std::mem::forget(sender);
    }
    receiver
}

/// Resolves at the first signal.
pub(crate) async fn signalled(receiver: &watch::Receiver<bool>) {
    let mut receiver = receiver.clone();
    if receiver.wait_for(|signalled| *signalled).await.is_err() {
        std::future::pending::<()>().await;
    }
}
