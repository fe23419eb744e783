//! How a connection file says who may do what on its homeservers. What is secret stands in the environment or in files,
//! never in the connection file, so that no message and no record can show it.

use crate::{Connected, ConnectionError};
use fedproof_client::{Accounts as Made, Endpoint, Way};
use fedproof_core::transcript::Transcript;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where a secret is: in a variable of the environment, or in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Name of the variable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<String>,
    /// The file, relative to the connection file. White space around what is in it is no part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
}

/// How users come to be on a homeserver.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Accounts {
    /// Anybody may register (`m.login.dummy`).
    #[default]
    Open,
    /// By Synapse's `registration_shared_secret`: who has it can make an administrator, so that all can be purged.
    SharedSecret(Secret),
    /// By the administrator, through Synapse's admin API.
    Administrator,
    /// These are there: lent to one scenario after the other, and never deactivated.
    Existing(Vec<Login>),
    /// By the Matrix Authentication Service in front of the homeserver.
    Mas(Mas),
}

/// An account that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Its user id or localpart.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// A Matrix Authentication Service, with a client that may use its admin API: `client_secret_basic`, listed in
/// `policy.data.admin_clients`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mas {
    /// Where it is, without a slash at the end.
    pub url: String,
    /// The client's id.
    pub client_id: String,
    /// The client's secret.
    pub client_secret: Secret,
}

impl Accounts {
    /// Whether they are what a file that says nothing means.
    pub fn are_open(&self) -> bool {
        *self == Self::Open
    }
}

impl Secret {
    /// Reads it. `what` is it, for the message.
    fn read(&self, what: &str, base: &Path) -> Result<String, ConnectionError> {
        let none = |problem: String| ConnectionError::NoSecret { what: what.to_owned(), problem };
        let text = match (&self.env, &self.file) {
            (Some(name), None) => std::env::var(name).map_err(|error| none(format!("variable {name}: {error}")))?,
            (None, Some(file)) => {
                let file = base.join(file);
                std::fs::read_to_string(&file).map_err(|error| none(format!("{}: {error}", file.display())))?
            }
            _ => return Err(none("say `env: NAME` or `file: PATH`, one of them".to_owned())),
        };
        match text.trim() {
            "" => Err(none("it is empty".to_owned())),
            text => Ok(text.to_owned()),
        }
    }
}

impl Connected {
    /// Its client API, with its way to accounts. Secrets in files are relative to `base`; `mark` and `salt` are
    /// what [`fedproof_client::Accounts::new`] wants.
    ///
    /// # Errors
    /// When a secret is not there.
    pub fn endpoint(
        &self,
        http: reqwest::Client,
        transcript: Transcript,
        base: &Path,
        (mark, salt): (&str, &str),
    ) -> Result<Endpoint, ConnectionError> {
        let of = |what: &str| format!("{what} of {}", self.name);
        let way = match &self.accounts {
            Accounts::Open => Way::Open,
            Accounts::SharedSecret(secret) => Way::SharedSecret(secret.read(&of("the shared secret"), base)?),
            Accounts::Administrator => Way::Administrator,
            Accounts::Existing(logins) => {
                let login = |login: &Login| {
                    let password = login.password.read(&of(&format!("the password of {}", login.user)), base)?;
                    Ok((login.user.clone(), password))
                };
                Way::Existing(logins.iter().map(login).collect::<Result<_, _>>()?)
            }
            Accounts::Mas(Mas { url, client_id, client_secret }) => {
                let client_secret =
                    client_secret.read(&of("the client's secret for the authentication service"), base)?;
                Way::Mas { url: url.clone(), client_id: client_id.clone(), client_secret }
            }
        };
        let administrator = self.administrator.as_ref();
        let administrator =
            administrator.map(|token| token.read(&of("the administrator's token"), base)).transpose()?;
        if administrator.is_none() && matches!(way, Way::Administrator) {
            let (what, problem) = (of("the administrator's token"), "say `administrator:`".to_owned());
            return Err(ConnectionError::NoSecret { what, problem });
        }
        let endpoint = Endpoint::new(http, &self.base_url, self.server_name.clone(), transcript);
        Ok(endpoint.with_accounts(Made::new(way, administrator, mark.to_owned(), salt.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_where_it_is_said_to_be() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("secret"), "hush\n").unwrap();
        let read = |secret: Secret| secret.read("the secret", folder.path()).map_err(|error| error.to_string());
        let file = |name: &str| Secret { file: Some(name.into()), ..Secret::default() };
        assert_eq!(read(file("secret")).as_deref(), Ok("hush"));
        assert!(read(file("nothing")).unwrap_err().contains("find the secret: "));
        let unset = Secret { env: Some("FEDPROOF_NO_SUCH_VARIABLE".into()), ..Secret::default() };
        assert!(read(unset).unwrap_err().contains("FEDPROOF_NO_SUCH_VARIABLE"));
        let both = Secret { env: Some("HOME".into()), ..file("secret") };
        assert!(read(both).unwrap_err().contains("one of them"));
        std::fs::write(folder.path().join("empty"), " \n").unwrap();
        assert!(read(file("empty")).unwrap_err().contains("empty"));
    }
}
