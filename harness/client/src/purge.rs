//! Taking away what a run made on homeservers that stay.

use crate::{
    ClientError, Endpoint,
    accounts::{Account, Way},
    administration::limits,
};
use fedproof_core::path::encode;
use futures::{StreamExt, stream};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Requests at once: others use the homeserver, too.
const AT_ONCE: usize = 4;
/// Rooms asked for at once.
const PAGE: usize = 500;

/// What was taken away, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Purged {
    /// Rooms that are gone from the homeserver.
    pub rooms: usize,
    /// Accounts that are deactivated and erased; their names stay taken.
    pub accounts: usize,
    /// What is left, in words, and why.
    pub left: Vec<String>,
}

impl Purged {
    fn leave(&mut self, what: impl Into<String>) {
        self.left.push(what.into());
    }
}

impl Endpoint {
    /// Takes away `rooms`, and what was made here: accounts, and what an administrator finds of others, of rooms and of
    /// registration tokens with `mark` in their names, which is part of every name that a run makes and of nothing else.
    /// Rooms take an administrator: one that is named, or one that is made by the shared secret, and taken away last.
    pub async fn purge(&self, rooms: &BTreeSet<String>, mark: &str) -> Purged {
        let mut purged = Purged::default();
        let mut made = self.accounts.made();
        let administrator = match self.administrator().await {
            Ok(administrator) => administrator,
            Err(error) => {
                purged.leave(format!("no administrator could be made: {error}"));
                None
            }
        };
        match administrator {
            Some(token) => {
                if let Err(error) = self.marked(token, mark, &mut made).await {
                    purged.leave(format!("accounts with {mark} in their names: {error}"));
                }
                if let Err(error) = self.purge_rooms(token, rooms, (&made, mark), &mut purged).await {
                    purged.leave(format!("rooms: {error}"));
                }
                if let Err(error) = self.purge_tokens(token, mark).await {
                    purged.leave(format!("registration tokens with {mark} in their names: {error}"));
                }
            }
            None => {
                self.leave_rooms(rooms, &mut purged).await;
                let mut empty = rooms.clone();
                for account in &made {
                    empty.extend(self.joined(account).await.unwrap_or_default());
                }
                if !empty.is_empty() {
                    let what = "up to {} rooms, with nobody of the run in them: only an administrator can purge them";
                    purged.leave(what.replace("{}", &empty.len().to_string()));
                }
            }
        }
        let accounts =
            stream::iter(&made).map(|account| async move { (account, self.deactivate(account, administrator).await) });
        let ended: Vec<_> = accounts.buffer_unordered(AT_ONCE).collect().await;
        let mut count = |account: &Account, result: Result<(), String>| match result {
            Ok(()) => purged.accounts += 1,
            Err(why) => purged.leave(format!("account {}: {why}", account.user_id)),
        };
        ended.into_iter().for_each(|(account, result)| count(account, result));
        if let Some(own) = self.accounts.own.get() {
            count(own, self.dismiss().await);
        }
        purged
    }

    /// Deactivates the administrator that was made here, if one was.
    ///
    /// # Errors
    /// Why it is still there, in words.
    pub async fn dismiss(&self) -> Result<(), String> {
        match self.accounts.own.get() {
            Some(own) => self.deactivate(own, Some(&own.token)).await,
            None => Ok(()),
        }
    }

    /// Looks whether the administrator that is named is one; makes nothing.
    ///
    /// # Errors
    /// When it is none.
    pub async fn may_purge(&self) -> Result<(), ClientError> {
        let Some(token) = &self.accounts.administrator else { return Ok(()) };
        let (status, body) = self.quietly(Method::GET, "/_synapse/admin/v1/rooms?limit=1", Some(token), None).await?;
        match status {
            200 => Ok(()),
            _ => Err(self.refused_to("list its rooms", status, body)),
        }
    }

    async fn purge_rooms(
        &self,
        token: &str,
        rooms: &BTreeSet<String>,
        (made, mark): (&[Account], &str),
        purged: &mut Purged,
    ) -> Result<(), ClientError> {
        let is_ours = |room: &Value| {
            let text = |key: &str| room[key].as_str().unwrap_or_default();
            let is_creator = |account: &Account| account.user_id == text("creator");
            rooms.contains(text("room_id")) || text("creator").contains(mark) || made.iter().any(is_creator)
        };
        let ids = |all: Vec<Value>| -> BTreeSet<String> {
            all.iter()
                .filter(|room| is_ours(room))
                .filter_map(|room| Some(room["room_id"].as_str()?.to_owned()))
                .collect()
        };
        // Of rooms that nobody is in yet, an invite that was never taken for one, the list says nothing.
        let there: BTreeSet<String> = ids(self.all_rooms(token).await?).union(rooms).cloned().collect();
        let gone = stream::iter(&there).map(|room| async move { (room, self.purge_room(token, room).await) });
        let gone: Vec<_> = gone.buffer_unordered(AT_ONCE).collect().await;
        for (room, result) in gone {
            match result {
                Ok(true) => purged.rooms += 1,
                Ok(false) => {}
                Err(why) => purged.leave(format!("room {room}: {why}")),
            }
        }
        for room in ids(self.all_rooms(token).await?) {
            purged.leave(format!("room {room}: it is still there after its purge"));
        }
        Ok(())
    }

    /// Every room that the homeserver knows.
    async fn all_rooms(&self, token: &str) -> Result<Vec<Value>, ClientError> {
        let path = |from: &str| format!("/_synapse/admin/v1/rooms?limit={PAGE}&from={from}");
        self.all(token, path, ("rooms", "next_batch"), "list its rooms").await
    }

    /// Adds accounts that have `mark` in their names, and are none of those that are known.
    async fn marked(&self, token: &str, mark: &str, made: &mut Vec<Account>) -> Result<(), ClientError> {
        let path = |from: &str| format!("/_synapse/admin/v2/users?name={mark}&limit={PAGE}&from={from}");
        let users = self.all(token, path, ("users", "next_token"), "list its users").await?;
        let own = self.accounts.own.get().map(|own| own.user_id.as_str());
        let names = users.iter().filter_map(|user| user["name"].as_str());
        for user in names.filter(|name| name.contains(mark) && Some(*name) != own) {
            if made.iter().all(|account| account.user_id != user) {
                let (user_id, password, token) = (user.to_owned(), String::new(), String::new());
                made.push(Account { user_id, password, token, id: None });
            }
        }
        Ok(())
    }

    /// Takes away registration tokens that have `mark` in their names.
    async fn purge_tokens(&self, token: &str, mark: &str) -> Result<(), ClientError> {
        let path = "/_synapse/admin/v1/registration_tokens";
        // 404: another service than this homeserver has them.
        let (_, body) = self.quietly(Method::GET, path, Some(token), None).await?;
        let names =
            body["registration_tokens"].as_array().into_iter().flatten().filter_map(|one| one["token"].as_str());
        for name in names.filter(|name| name.contains(mark)) {
            let path = format!("{path}/{}", encode(name));
            let (status, body) = self.quietly(Method::DELETE, &path, Some(token), None).await?;
            if status != 200 {
                return Err(self.refused_to("delete a registration token", status, body));
            }
        }
        Ok(())
    }

    /// What a list of the admin API has, page by page: `path` gives where the page from there on is, `keys` are those of the
    /// list and of where the next one begins.
    async fn all(
        &self,
        token: &str,
        path: impl Fn(&str) -> String,
        keys: (&str, &str),
        what: &'static str,
    ) -> Result<Vec<Value>, ClientError> {
        let (mut all, mut from) = (Vec::new(), Some("0".to_owned()));
        while let Some(start) = from {
            let (status, body) = self.quietly(Method::GET, &path(&start), Some(token), None).await?;
            if status != 200 {
                return Err(self.refused_to(what, status, body));
            }
            all.extend(body[keys.0].as_array().into_iter().flatten().cloned());
            from = match &body[keys.1] {
                Value::String(next) => Some(next.clone()),
                Value::Number(next) => Some(next.to_string()),
                _ => None,
            };
        }
        Ok(all)
    }

    fn refused_to(&self, what: &'static str, status: u16, body: Value) -> ClientError {
        ClientError::Refused { server: self.server().clone(), what, status, body }
    }

    /// Whether the room was there; it is not any longer.
    async fn purge_room(&self, token: &str, room: &str) -> Result<bool, String> {
        let path = format!("/_synapse/admin/v1/rooms/{}", encode(room));
        // To delete what is not there succeeds, too.
        match self.quietly(Method::GET, &path, Some(token), None).await {
            Ok((404, _)) => return Ok(false),
            Ok(_) => {}
            Err(error) => return Err(error.to_string()),
        }
        // Also if somebody is still in it: all of it is ours.
        let body = json!({"purge": true, "force_purge": true, "block": false});
        let answer = self.quietly(Method::DELETE, &path, Some(token), Some(&body)).await;
        match answer.map_err(|error| error.to_string())? {
            (200, _) => Ok(true),
            (status, body) => Err(format!("{status} {body}")),
        }
    }

    /// Deactivates and erases, by whoever can: the service that made it, an administrator, or the user.
    async fn deactivate(&self, account: &Account, administrator: Option<&str>) -> Result<(), String> {
        let user = encode(&account.user_id);
        // To erase a user leaves what it uploaded, and the word that no limits hold for it. Whatever becomes of that, the account goes.
        let mut left = Vec::new();
        if let Some(token) = administrator {
            for more in [format!("/_synapse/admin/v1/users/{user}/media"), limits(&account.user_id)] {
                match self.quietly(Method::DELETE, &more, Some(token), None).await {
                    Ok((200 | 404, _)) => {}
                    Ok((status, body)) => left.push(format!("DELETE {more}: {status} {body}")),
                    Err(error) => left.push(error.to_string()),
                }
            }
        }
        let answered = match (&self.accounts.way, &account.id, administrator) {
            (Way::Mas { url, client_id, client_secret }, Some(id), _) => {
                let path = format!("/api/admin/v1/users/{id}/deactivate");
                match self.mas_token(url, (client_id, client_secret)).await {
                    Ok(token) => self.ask_mas(url, &token, &path, &json!({"skip_erase": false})).await,
                    Err(error) => Err(error),
                }
            }
            (_, _, Some(token)) => {
                let path = format!("/_synapse/admin/v1/deactivate/{user}");
                self.quietly(Method::POST, &path, Some(token), Some(&json!({"erase": true}))).await
            }
            (_, _, None) => {
                let identifier = json!({"type": "m.id.user", "user": account.user_id});
                let auth = json!({"type": "m.login.password", "identifier": identifier, "password": account.password});
                let body = json!({"erase": true, "auth": auth});
                let path = "/_matrix/client/v3/account/deactivate";
                self.quietly(Method::POST, path, Some(&account.token), Some(&body)).await
            }
        };
        match answered {
            Ok((200..300, _)) => {}
            // A case of administration did it before.
            Ok((_, body)) if body["errcode"] == "M_USER_DEACTIVATED" => {}
            Ok((status, body)) => left.push(format!("{status} {body}")),
            Err(error) => left.push(error.to_string()),
        }
        if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
    }

    /// The rooms that a user is in.
    async fn joined(&self, account: &Account) -> Result<Vec<String>, ClientError> {
        let path = "/_matrix/client/v3/joined_rooms";
        let (_, body) = self.quietly(Method::GET, path, Some(&account.token), None).await?;
        let joined = body["joined_rooms"].as_array().into_iter().flatten();
        Ok(joined.filter_map(|room| room.as_str().map(str::to_owned)).collect())
    }

    /// Has lent accounts leave and forget `rooms`; those that were made leave theirs when they end.
    async fn leave_rooms(&self, rooms: &BTreeSet<String>, purged: &mut Purged) {
        let Way::Existing(logins) = &self.accounts.way else { return };
        for _ in logins {
            let left = async {
                let account = self.lent().await?;
                let token = Some(account.token.as_str());
                for room in self.joined(&account).await?.iter().filter(|room| rooms.contains(*room)) {
                    for verb in ["leave", "forget"] {
                        let path = format!("/_matrix/client/v3/rooms/{}/{verb}", encode(room));
                        self.quietly(Method::POST, &path, token, Some(&json!({}))).await?;
                    }
                }
                self.quietly(Method::POST, "/_matrix/client/v3/logout", token, None).await
            };
            if let Err(error) = left.await {
                purged.leave(format!("rooms of a lent account: {error}"));
            }
        }
    }
}
