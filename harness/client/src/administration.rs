//! What an administrator does for a run on homeservers that stay: through Synapse's admin API, and for nobody but the run.

use crate::{
    ClientError, Endpoint,
    accounts::{Account, Accounts, Way},
};
use fedproof_core::{ServerName, path::encode};
use reqwest::Method;
use serde_json::json;

/// Where Synapse keeps what limits of rates hold for one user.
pub(crate) fn limits(user_id: &str) -> String {
    format!("/_synapse/admin/v1/users/{}/override_ratelimit", encode(user_id))
}

impl Endpoint {
    /// The access token of an administrator: of one that is named, or of one that is made by the shared secret.
    pub(crate) async fn administrator(&self) -> Result<Option<&str>, ClientError> {
        let Accounts { way, administrator, own, mark, .. } = &*self.accounts;
        if let Some(token) = administrator {
            return Ok(Some(token));
        }
        let Way::SharedSecret(secret) = way else { return Ok(None) };
        let name = format!("fedproof-admin-{mark}");
        let made = own.get_or_try_init(|| self.by_secret(secret, &name, self.accounts.password(&name), true)).await?;
        Ok(Some(&made.token))
    }

    /// A scenario asks more in seconds than a person does in an hour. Where there is no administrator, or this is not
    /// Synapse, limits hold for the run as for everybody.
    pub(crate) async fn free_of_limits(&self, account: &Account) {
        let none = json!({"messages_per_second": 0, "burst_count": 0});
        let server = self.server();
        match self.administrator().await {
            Ok(None) => {}
            Ok(Some(token)) => {
                match self.quietly(Method::POST, &limits(&account.user_id), Some(token), Some(&none)).await {
                    Ok((200, _)) => {}
                    Ok((status, body)) => tracing::warn!(%server, status, %body, "free an account of limits"),
                    Err(error) => tracing::warn!(%server, %error, "free an account of limits"),
                }
            }
            Err(error) => tracing::warn!(%server, %error, "make an administrator"),
        }
    }

    /// Has the homeserver try another one again at once, which it may have found out of reach while nothing was in the
    /// gateway's place; without an administrator it does in its own time, ten minutes at first.
    ///
    /// # Errors
    /// When it does not answer, or no administrator can be made.
    pub async fn try_again(&self, other: &ServerName) -> Result<(), ClientError> {
        let Some(token) = self.administrator().await? else { return Ok(()) };
        let path = format!("/_synapse/admin/v1/federation/destinations/{}/reset_connection", encode(other.as_str()));
        // 404: it never spoke to it. 400: it waits for nothing.
        self.quietly(Method::POST, &path, Some(token), Some(&json!({}))).await.map(drop)
    }
}
