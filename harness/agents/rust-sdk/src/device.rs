//! A logged-in device: the client, kept in sync.

use crate::{Refusal, reference::Reference, say, verification::Requests};
use fedproof_agent_protocol::Said;
use matrix_sdk::{
    Client,
    config::{RequestConfig, SyncSettings},
    encryption::{BackupDownloadStrategy, EncryptionSettings},
};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle};

/// How long the server may hold a `/sync` open.
const LONG_POLL: Duration = Duration::from_secs(20);

/// Each login is a device of its own, with a store of its own.
static STORES: AtomicU32 = AtomicU32::new(0);

/// One device of one user.
pub(crate) struct Device {
    pub(crate) client: Client,
    /// How it behaves beyond the SDK, if it does.
    pub(crate) reference: Option<Reference>,
    /// Who asked to verify.
    pub(crate) requests: Requests,
    /// Counts the syncs that were taken in.
    syncs: watch::Receiver<u64>,
    syncing: JoinHandle<()>,
}

impl Device {
    /// Logs in with a store in the current folder, and syncs from then on.
    pub(crate) async fn log_in(
        homeserver: &str,
        user: &str,
        password: &str,
        reference: Option<Reference>,
    ) -> Result<Self, Refusal> {
        let settings = EncryptionSettings {
            auto_enable_cross_signing: true,
            auto_enable_backups: false,
            backup_download_strategy: BackupDownloadStrategy::AfterDecryptionFailure,
        };
        let client = Client::builder()
            .homeserver_url(homeserver)
            .sqlite_store(format!("store-{}", STORES.fetch_add(1, Ordering::Relaxed)), None)
            .with_encryption_settings(settings)
            .request_config(RequestConfig::new().timeout(Duration::from_secs(60)))
            .build()
            .await?;
        client.matrix_auth().login_username(user, password).initial_device_display_name("fedproof").await?;
        client.encryption().wait_for_e2ee_initialization_tasks().await;
        let requests = Requests::of(&client);
        let (taken_in, mut syncs) = watch::channel(0);
        let syncing = tokio::spawn(sync(client.clone(), taken_in));
        // Whoever acts before the first sync acts on nothing.
        syncs.wait_for(|syncs| *syncs > 0).await?;
        Ok(Self { client, reference, requests, syncs, syncing })
    }

    /// How many syncs were taken in so far: to be asked before what may have come is looked at.
    pub(crate) fn syncs_so_far(&self) -> u64 {
        *self.syncs.borrow()
    }

    /// Waits until more syncs were taken in than `seen`.
    pub(crate) async fn sync_after(&self, seen: u64) -> Result<(), Refusal> {
        Ok(self.syncs.clone().wait_for(|syncs| *syncs > seen).await.map(drop)?)
    }

    /// Stops to sync.
    pub(crate) fn stop(&self) {
        self.syncing.abort();
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn sync(client: Client, taken_in: watch::Sender<u64>) {
    let mut settings = SyncSettings::new().timeout(Duration::ZERO);
    loop {
        match client.sync_once(settings.clone()).await {
            Ok(response) => {
                settings = SyncSettings::new().timeout(LONG_POLL).token(response.next_batch);
                taken_in.send_modify(|syncs| *syncs += 1);
                say(&Said::Synced {});
            }
            Err(error) => {
                eprintln!("sync: {error}");
                // A homeserver that is away answers at once.
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}
