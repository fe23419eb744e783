//! Attachments. The reference opens none that the deployment's content scanner has not called clean, and has it from there
//! (matrix-content-scanner-python, docs/api.md).

use crate::{Refusal, device::Device, mutant};
use aws_lc_rs::{
    cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey},
    digest::{SHA256, digest},
    iv::FixedLength,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use matrix_sdk::{
    media::{MediaFormat, MediaRequestParameters},
    reqwest::{Response, header::CONTENT_TYPE},
    ruma::{EventId, events::room::MediaSource},
};
use serde_json::{Value, json};

/// What a content scanner says of a file.
#[derive(Clone, Copy, Debug)]
enum State {
    Trusted,
    Infected,
    MimeTypeNotAllowed,
    NotFound,
    /// It says nothing that can be understood.
    Error,
}

impl Device {
    /// Gives the text in a message's attachment.
    pub(crate) async fn open_file(&self, room: &str, event: &str, scanner: &str) -> Result<Value, Refusal> {
        let event = self.room(room)?.event(&EventId::parse(event)?, None).await?;
        let content: Value = event.raw().get_field("content")?.unwrap_or_default();
        let file = content.get("file").ok_or("there is no attachment that this device could open")?;
        let opened = match &self.reference {
            Some(_) => self.by_way_of(scanner, file).await?,
            None => self.ask_homeserver(file).await?,
        };
        Ok(json!({"text": String::from_utf8_lossy(&opened)}))
    }

    async fn by_way_of(&self, scanner: &str, file: &Value) -> Result<Vec<u8>, Refusal> {
        if mutant::is("downloads-before-scan") {
            self.ask_scanner(scanner, "download_encrypted", file).await?;
        }
        let state = if mutant::is("no-scan") { State::Trusted } else { self.scanned(scanner, file).await };
        if !state.is_clean() {
            return Err(format!("the content scanner says of this file: {state:?}").into());
        }
        if mutant::is("past-the-scanner") {
            return self.ask_homeserver(file).await;
        }
        let answer = self.ask_scanner(scanner, "download_encrypted", file).await?.error_for_status()?;
        unsealed(answer.bytes().await?.to_vec(), file)
    }

    async fn scanned(&self, scanner: &str, file: &Value) -> State {
        let Ok(answer) = self.ask_scanner(scanner, "scan_encrypted", file).await else { return State::Error };
        let status = answer.status().as_u16();
        let body = answer.bytes().await.unwrap_or_default();
        State::of(status, &serde_json::from_slice(&body).unwrap_or_default())
    }

    /// Asks the scanner at this address, or at the homeserver's if there is none.
    async fn ask_scanner(&self, scanner: &str, what: &str, file: &Value) -> Result<Response, Refusal> {
        let homeserver = self.client.homeserver();
        let base = if scanner.is_empty() { homeserver.as_str() } else { scanner };
        let url = format!("{}/_matrix/media_proxy/unstable/{what}", base.trim_end_matches('/'));
        let token = self.client.access_token().ok_or("not logged in")?;
        let request = self.client.http_client().post(url).bearer_auth(token).header(CONTENT_TYPE, "application/json");
        Ok(request.body(json!({"file": file}).to_string()).send().await?)
    }

    async fn ask_homeserver(&self, file: &Value) -> Result<Vec<u8>, Refusal> {
        let source = MediaSource::Encrypted(Box::new(serde_json::from_value(file.clone())?));
        let request = MediaRequestParameters { source, format: MediaFormat::File };
        Ok(self.client.media().get_media_content(&request, false).await?)
    }
}

impl State {
    fn of(status: u16, body: &Value) -> Self {
        match (status, body["clean"].as_bool(), body["reason"].as_str()) {
            (200, Some(true), _) => Self::Trusted,
            (200, Some(false), _) | (403, _, Some("MCS_MEDIA_NOT_CLEAN")) => Self::Infected,
            (403, _, Some("MCS_MIME_TYPE_FORBIDDEN")) => Self::MimeTypeNotAllowed,
            (404, ..) => Self::NotFound,
            _ => Self::Error,
        }
    }

    /// Whether a file may be opened: where no defect is seeded, if it is trusted.
    fn is_clean(self) -> bool {
        match self {
            Self::Trusted => true,
            Self::Infected => mutant::is("opens-infected"),
            Self::MimeTypeNotAllowed => mutant::is("opens-every-type"),
            Self::NotFound => mutant::is("opens-unknown"),
            Self::Error => mutant::is("failed-scan-is-clean"),
        }
    }
}

/// The file in the ciphertext, if that is the one of which the message speaks.
fn unsealed(mut sealed: Vec<u8>, file: &Value) -> Result<Vec<u8>, Refusal> {
    let text = |pointer: &str| {
        let text = file.pointer(pointer).and_then(Value::as_str);
        text.ok_or_else(|| format!("the message does not say {pointer} of its attachment"))
    };
    if digest(&SHA256, &sealed).as_ref() != STANDARD_NO_PAD.decode(text("/hashes/sha256")?)? {
        return Err("this is another file than the one that was sent".into());
    }
    let key = UnboundCipherKey::new(&AES_256, &URL_SAFE_NO_PAD.decode(text("/key/k")?)?)?;
    let iv: [u8; 16] = STANDARD_NO_PAD.decode(text("/iv")?)?.try_into().map_err(|_| "an IV has 16 bytes")?;
    let context = DecryptionContext::Iv128(FixedLength::from(iv));
    DecryptingKey::ctr(key)?.decrypt(&mut sealed, context)?;
    Ok(sealed)
}
