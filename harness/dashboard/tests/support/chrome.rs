//! Chromium without a window, driven over its DevTools protocol.

use base64::{Engine, engine::general_purpose::STANDARD};
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::{path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// A browser with one page. It ends with this value.
pub(crate) struct Chrome {
    socket: WebSocketStream<TcpStream>,
    session: Option<String>,
    next: u64,
    events: Vec<Value>,
    _browser: Child,
    _profile: tempfile::TempDir,
}

const PATIENCE: Duration = Duration::from_secs(60);

impl Chrome {
    /// `None` where Chromium is not installed, except in CI (`CI=true`), where that fails.
    pub(crate) async fn start() -> Option<Self> {
        let programs = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
        let Some(program) = programs.into_iter().find(|program| Path::new(program).exists()) else {
            assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "Chromium is not installed");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut browser = Command::new(program)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
            .args(["--hide-scrollbars", "--disable-background-networking", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(browser.stderr.take().unwrap()).lines();
        let url = timeout(PATIENCE, async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, url)) = line.split_once("DevTools listening on ") {
                    return url.trim().to_owned();
                }
            }
            panic!("Chromium ended before it listened");
        });
        let url = url.await.expect("Chromium does not listen");
        // Who nobody listens to blocks at last.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let address = url.trim_start_matches("ws://").split('/').next().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(&url, stream).await.unwrap();
        let mut chrome =
            Self { socket, session: None, next: 0, events: Vec::new(), _browser: browser, _profile: profile };
        let target = chrome.call("Target.createTarget", json!({"url": "about:blank"})).await;
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = chrome.call("Target.attachToTarget", attach).await;
        chrome.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log"] {
            chrome.call(&format!("{domain}.enable"), json!({})).await;
        }
        Some(chrome)
    }

    pub(crate) async fn call(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = self.next;
        let mut order = json!({"id": id, "method": method, "params": params});
        if let Some(session) = &self.session {
            order["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(order.to_string())).await.unwrap();
        loop {
            let message = self.receive().await;
            if message["id"] == json!(id) {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    async fn receive(&mut self) -> Value {
        loop {
            let message = timeout(PATIENCE, self.socket.next()).await.expect("Chromium is silent").unwrap().unwrap();
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }

    /// Size of the window, and whether its user wants it dark and in which language.
    pub(crate) async fn become_device(&mut self, width: u32, height: u32, scheme: &str, language: &str) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        self.call("Emulation.setDeviceMetricsOverride", size).await;
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.call("Emulation.setEmulatedMedia", media).await;
        let agent = self.evaluate("navigator.userAgent").await;
        let user = json!({"userAgent": agent, "acceptLanguage": language});
        self.call("Emulation.setUserAgentOverride", user).await;
    }

    /// Opens a page and waits until it is loaded; what the page before complained of is forgotten.
    pub(crate) async fn open(&mut self, url: &str) {
        self.events.clear();
        let opened = self.call("Page.navigate", json!({"url": url})).await;
        assert!(opened.get("errorText").is_none(), "{url}: {opened}");
        while !self.events.iter().any(|event| event["method"] == "Page.loadEventFired") {
            let event = self.receive().await;
            self.events.push(event);
        }
        // What the page had to say before this answer has arrived with it.
        self.evaluate("new Promise(done => requestAnimationFrame(() => setTimeout(done, 20)))").await;
    }

    pub(crate) async fn evaluate(&mut self, script: &str) -> Value {
        let order = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let result = self.call("Runtime.evaluate", order).await;
        assert!(result.get("exceptionDetails").is_none(), "{script}: {result}");
        result["result"]["value"].clone()
    }

    /// Errors and warnings of the console, exceptions, breaches of the policy, since the page was opened.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let complaint = |event: &Value| match event["method"].as_str()? {
            "Runtime.exceptionThrown" => Some(event["params"]["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" => {
                let kind = event["params"]["type"].as_str()?;
                ["error", "warning", "assert"].contains(&kind).then(|| event["params"]["args"].to_string())
            }
            "Log.entryAdded" => {
                let entry = &event["params"]["entry"];
                let level = entry["level"].as_str()?;
                ["error", "warning"].contains(&level).then(|| entry["text"].to_string())
            }
            _ => None,
        };
        self.events.iter().filter_map(complaint).collect()
    }

    /// Presses a key that has no letter.
    pub(crate) async fn press(&mut self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.call("Input.dispatchKeyEvent", event).await;
        }
    }

    /// The whole page as a picture, up to so many pixels of height.
    pub(crate) async fn picture(&mut self, file: &Path, most: f64) {
        let metrics = self.call("Page.getLayoutMetrics", json!({})).await;
        let size = &metrics["cssContentSize"];
        let height = size["height"].as_f64().unwrap().min(most);
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1});
        let order = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.call("Page.captureScreenshot", order).await;
        std::fs::write(file, STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()).unwrap();
    }
}
