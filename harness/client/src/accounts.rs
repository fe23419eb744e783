//! How users come to be on a homeserver, and which did.

use crate::{Client, ClientError, Endpoint, quiet};
use fedproof_core::{path::encode, transcript::redact};
use reqwest::{Method, header};
use ring::hmac;
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::OnceCell;

const REGISTER: &str = "/_synapse/admin/v1/register";
/// Beginning of the admin API of the Matrix Authentication Service.
const MAS: &str = "/api/admin/v1/users";

/// How a homeserver's users come to be.
#[derive(Default)]
pub enum Way {
    /// Anybody may register (`m.login.dummy`).
    #[default]
    Open,
    /// By the secret that the homeserver shares with those who register users (Synapse: `registration_shared_secret`).
    SharedSecret(String),
    /// By an administrator, through Synapse's admin API.
    Administrator,
    /// There are some, with these passwords: they are lent and given back.
    Existing(Vec<(String, String)>),
    /// By the Matrix Authentication Service in front of it, as a client with the scope `urn:mas:admin`.
    Mas {
        /// Where it is, without a slash at the end.
        url: String,
        /// The client's id.
        client_id: String,
        /// The client's secret.
        client_secret: String,
    },
}

/// How a homeserver's users come to be, and which did so far. It holds secrets, and shows itself to nobody.
#[derive(Default)]
pub struct Accounts {
    pub(crate) way: Way,
    /// Access token of an administrator, if there is one.
    pub(crate) administrator: Option<String>,
    /// Who is made to administer, where the shared secret allows it.
    pub(crate) own: OnceCell<Account>,
    /// Part of that one's name, and of no other.
    pub(crate) mark: String,
    /// Part of every password.
    salt: String,
    made: Mutex<Vec<Account>>,
    free: Mutex<Vec<(String, String)>>,
}

/// A user that is logged in.
#[derive(Clone)]
pub(crate) struct Account {
    pub(crate) user_id: String,
    pub(crate) password: String,
    pub(crate) token: String,
    /// What the Matrix Authentication Service calls it, if that made it.
    pub(crate) id: Option<String>,
}

impl Accounts {
    /// Accounts by `way`. `administrator` is the access token of one; `mark` is part of every name that the run makes, and
    /// of nothing else; `salt` a text that nobody can guess, since passwords are made of it.
    pub fn new(way: Way, administrator: Option<String>, mark: String, salt: String) -> Self {
        let free = match &way {
            Way::Existing(logins) => logins.clone(),
            _ => Vec::new(),
        };
        Self { way, administrator, own: OnceCell::new(), mark, salt, made: Mutex::default(), free: free.into() }
    }

    /// How many there are at once; `None` if they are made as they are needed.
    pub fn count(&self) -> Option<usize> {
        match &self.way {
            Way::Existing(logins) => Some(logins.len()),
            _ => None,
        }
    }

    /// Whether there is an administrator, or one can be made.
    pub fn may_administer(&self) -> bool {
        self.administrator.is_some() || matches!(self.way, Way::SharedSecret(_))
    }

    /// Those that were made so far; none of those that were lent.
    pub(crate) fn made(&self) -> Vec<Account> {
        held(&self.made).clone()
    }

    pub(crate) fn password(&self, localpart: &str) -> String {
        format!("pw-{localpart}{}", self.salt)
    }
}

impl Endpoint {
    /// How users come to be here.
    pub fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    pub(crate) async fn obtain(&self, localpart: &str) -> Result<Account, ClientError> {
        let password = self.accounts.password(localpart);
        let account = match &self.accounts.way {
            Way::Open => self.openly(localpart, password).await?,
            Way::SharedSecret(secret) => self.by_secret(secret, localpart, password, administers(localpart)).await?,
            Way::Administrator => self.by_administrator(localpart, password).await?,
            Way::Existing(_) => return self.lent().await,
            Way::Mas { url, client_id, client_secret } => {
                self.by_mas(url, (client_id, client_secret), localpart, password).await?
            }
        };
        held(&self.accounts.made).push(account.clone());
        self.free_of_limits(&account).await;
        Ok(account)
    }

    /// Recorded, as what anybody may do is no secret.
    async fn openly(&self, localpart: &str, password: String) -> Result<Account, ClientError> {
        let body = json!({
            "username": localpart, "password": password,
            "auth": {"type": "m.login.dummy"}, "initial_device_display_name": "fedproof",
        });
        let mut tries = 1;
        loop {
            let reply = self.request(localpart, None, Method::POST, "/_matrix/client/v3/register", Some(&body)).await?;
            match quiet::pause(reply.status, &reply.body).filter(|_| tries < quiet::TRIES) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => {
                    let refused = || self.refused(localpart, reply.status, &reply.body);
                    return account(&reply.body, password, None).ok_or_else(refused);
                }
            }
            tries += 1;
        }
    }

    pub(crate) async fn by_secret(
        &self,
        secret: &str,
        localpart: &str,
        password: String,
        admin: bool,
    ) -> Result<Account, ClientError> {
        let (status, body) = self.quietly(Method::GET, REGISTER, None, None).await?;
        let nonce = body["nonce"].as_str().ok_or_else(|| self.refused(localpart, status, &body))?;
        let kind = if admin { "admin" } else { "notadmin" };
        // What Synapse asks for; its key is no longer than needed for one registration.
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
        let mac = hmac::sign(&key, [nonce, localpart, &password, kind].join("\0").as_bytes());
        let mac: String = mac.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let body = json!({"nonce": nonce, "username": localpart, "password": password, "admin": admin, "mac": mac});
        let (status, body) = self.quietly(Method::POST, REGISTER, None, Some(&body)).await?;
        account(&body, password, None).ok_or_else(|| self.refused(localpart, status, &body))
    }

    async fn by_administrator(&self, localpart: &str, password: String) -> Result<Account, ClientError> {
        let user = format!("@{localpart}:{}", self.server);
        let path = format!("/_synapse/admin/v2/users/{}", encode(&user));
        let token = self.accounts.administrator.as_deref();
        let body = json!({"password": password, "admin": administers(localpart)});
        let (status, body) = self.quietly(Method::PUT, &path, token, Some(&body)).await?;
        match status {
            201 => self.log_in(&user, password, None).await,
            // 200 is one that was there before: it is none of ours.
            _ => Err(self.refused(localpart, status, &body)),
        }
    }

    pub(crate) async fn lent(&self) -> Result<Account, ClientError> {
        let free = held(&self.accounts.free).pop();
        let (user, password) = free.ok_or_else(|| ClientError::NoAccount { server: self.server.clone() })?;
        self.log_in(&user, password, None).await
    }

    async fn by_mas(
        &self,
        url: &str,
        client: (&str, &str),
        localpart: &str,
        password: String,
    ) -> Result<Account, ClientError> {
        let token = self.mas_token(url, client).await?;
        let (status, body) = self.ask_mas(url, &token, MAS, &json!({"username": localpart})).await?;
        let id = body["data"]["id"].as_str().ok_or_else(|| self.refused(localpart, status, &body))?;
        let set = json!({"password": password, "skip_password_check": true});
        let (status, body) = self.ask_mas(url, &token, &format!("{MAS}/{id}/set-password"), &set).await?;
        if status >= 300 {
            return Err(self.refused(localpart, status, &body));
        }
        // By the service's compatibility layer, which takes the place of the homeserver's own login.
        self.log_in(&format!("@{localpart}:{}", self.server), password, Some(id.to_owned())).await
    }

    /// A token of the service's admin API.
    pub(crate) async fn mas_token(&self, url: &str, (id, secret): (&str, &str)) -> Result<String, ClientError> {
        let path = "/oauth2/token";
        let request = || {
            let request = self.http.post(format!("{url}{path}")).basic_auth(id, Some(secret));
            let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            request.body("grant_type=client_credentials&scope=urn:mas:admin")
        };
        let (status, body) = self.again("POST", path, request).await?;
        body["access_token"].as_str().map(str::to_owned).ok_or_else(|| self.refused(id, status, &body))
    }

    pub(crate) async fn ask_mas(
        &self,
        url: &str,
        token: &str,
        path: &str,
        body: &Value,
    ) -> Result<(u16, Value), ClientError> {
        let request = || self.http.post(format!("{url}{path}")).bearer_auth(token).json(body);
        self.again("POST", path, request).await
    }

    async fn log_in(&self, user: &str, password: String, id: Option<String>) -> Result<Account, ClientError> {
        let body = json!({
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": user},
            "password": password, "initial_device_display_name": "fedproof",
        });
        let (status, body) = self.quietly(Method::POST, "/_matrix/client/v3/login", None, Some(&body)).await?;
        account(&body, password, id).ok_or_else(|| self.refused(user, status, &body))
    }

    fn refused(&self, localpart: &str, status: u16, body: &Value) -> ClientError {
        let (localpart, mut body) = (localpart.to_owned(), body.clone());
        redact(&mut body);
        ClientError::NotRegistered { server: self.server.clone(), localpart, status, body }
    }
}

impl Client {
    /// Logs the account out, if it is lent.
    pub async fn release(&self) {
        let Endpoint { accounts, server, .. } = &self.endpoint;
        if accounts.count().is_none() {
            return;
        }
        let out = self.endpoint.quietly(Method::POST, "/_matrix/client/v3/logout", Some(self.token()), None).await;
        if let Err(error) = out {
            tracing::warn!(%server, user = self.user_id(), %error, "log a lent account out");
        }
    }
}

impl Drop for Client {
    /// Gives the account back, if it is lent.
    fn drop(&mut self) {
        let accounts = &self.endpoint.accounts;
        if accounts.count().is_some() {
            held(&accounts.free).push((self.account.user_id.clone(), self.account.password.clone()));
        }
    }
}

/// Whether a user is to administer: by its name, as homeservers of fedproof's own have it (`modules/admins.py`).
fn administers(localpart: &str) -> bool {
    localpart.starts_with("admin-")
}

/// The account that an answer tells of.
fn account(answer: &Value, password: String, id: Option<String>) -> Option<Account> {
    let text = |key: &str| Some(answer.get(key)?.as_str()?.to_owned());
    Some(Account { user_id: text("user_id")?, token: text("access_token")?, password, id })
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
