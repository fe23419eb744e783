//! Every page in a real browser: wide and narrow, light and dark, German and English. Pictures go to `target/tmp/dashboard`.

#![allow(clippy::unwrap_used)]

mod support;

use axum::{Router, response::Html, routing::get};
use std::{fs, io::Write, net::SocketAddr, path::PathBuf, time::Duration};
use support::{chrome::Chrome, history, pages, sample, serve};

/// What is wrong with the page that is open, beside what it complained of.
const LOOK: &str = r#"(() => {
  const wrong = [];
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((one) => one.getBoundingClientRect().right > page.clientWidth + 1 && !one.closest(".wide, nav, svg"));
    wrong.push(`scrolls sideways: ${page.scrollWidth} > ${page.clientWidth}, ${wide.slice(0, 3).map((one) => one.outerHTML.slice(0, 120))}`);
  }
  if (document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
  if (!document.title || !page.lang) wrong.push("no title or language");
  const named = (one) => one.textContent.trim() || one.ariaLabel || one.title || (one.labels && one.labels.length);
  for (const one of document.querySelectorAll("a, button, input, select, summary, progress")) {
    if (!named(one)) wrong.push("without a name: " + one.outerHTML.slice(0, 100));
  }
  for (const one of document.querySelectorAll("*")) {
    if (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX === "auto" && one.tabIndex < 0 && one.tagName !== "NAV") {
      wrong.push("scrolls, and no key reaches it: " + one.outerHTML.slice(0, 100));
    }
  }
  if (/\b(undefined|NaN|null)\b/.test(document.body.innerText)) wrong.push("says undefined, NaN or null");
  return wrong;
})()"#;

async fn wrong(chrome: &mut Chrome) -> Vec<String> {
    let found = chrome.evaluate(LOOK).await;
    let mut wrong = chrome.complaints();
    wrong.extend(found.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()));
    wrong
}

fn pictures() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("dashboard");
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_well_in_every_window() {
    let Some(mut chrome) = Chrome::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let at = serve(history(folder.path()).await, None, &folder.path().join("results")).await;
    let mut all = Vec::new();
    for (width, height, window) in [(1280, 900, "wide"), (390, 844, "narrow")] {
        for (scheme, language) in [("light", "en"), ("dark", "de")] {
            chrome.become_device(width, height, scheme, language).await;
            for (name, path) in pages() {
                chrome.open(&format!("http://{at}{path}")).await;
                let mut found = wrong(&mut chrome).await;
                if name == "missing" {
                    found.retain(|complaint| !complaint.contains("404"));
                }
                // Reports are as they were written.
                let language = if name.starts_with("report") { "en" } else { language };
                if chrome.evaluate("document.documentElement.lang").await != language {
                    found.push("another language than asked for".into());
                }
                all.extend(found.into_iter().map(|found| format!("{name}, {window}, {scheme}: {found}")));
                chrome.picture(&pictures().join(format!("{name}-{window}-{scheme}.png")), 2_400.0).await;
            }
        }
    }
    assert!(all.is_empty(), "{all:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_an_empty_history_and_the_way_in_are_well() {
    let Some(mut chrome) = Chrome::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let open =
        async |name: &str| fedproof_history::Store::create(folder.path().join(name).to_str().unwrap()).await.unwrap();
    let empty = serve(open("empty.db").await, None, folder.path()).await;
    let closed = serve(open("closed.db").await, Some("correct horse battery staple"), folder.path()).await;
    let mut pages = vec![("token", format!("http://{closed}/"))];
    for page in ["", "matrix", "requirements", "performance", "interop", "deviations", "compare", "search", "live"] {
        pages.push((page, format!("http://{empty}/{page}")));
    }
    let mut all = Vec::new();
    for (width, height, scheme, language) in [(1280, 900, "light", "en"), (390, 844, "dark", "de")] {
        chrome.become_device(width, height, scheme, language).await;
        for (name, url) in &pages {
            chrome.open(url).await;
            let found = wrong(&mut chrome).await;
            // The browser itself notes that the page came with 401.
            let found = found.into_iter().filter(|complaint| *name != "token" || !complaint.contains("401"));
            all.extend(found.map(|found| format!("empty {name}, {width}: {found}")));
            chrome.picture(&pictures().join(format!("empty-{name}-{width}.png")), 900.0).await;
        }
    }
    assert!(all.is_empty(), "{all:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_follow_the_user_and_keys_reach_everything() {
    let Some(mut chrome) = Chrome::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = fedproof_history::Store::create(folder.path().join("history.db").to_str().unwrap()).await.unwrap();
    store.import(&support::replayed(1)).await.unwrap();
    let at = serve(store, None, folder.path()).await;
    let ground = "getComputedStyle(document.body).backgroundColor";
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        chrome.become_device(1280, 900, scheme, "en").await;
        chrome.open(&format!("http://{at}/")).await;
        grounds.push(chrome.evaluate(ground).await);
    }
    assert_ne!(grounds[0], grounds[1]);
    // The first stop jumps over the head; every stop can be seen.
    chrome.press("Tab", 9).await;
    assert_eq!(chrome.evaluate("document.activeElement.getAttribute('href')").await, "#main");
    let seen = "(() => { const one = document.activeElement; const box = one.getBoundingClientRect(); \
                return [one.tagName, one.textContent || one.name || one.ariaLabel, \
                getComputedStyle(one).outlineStyle !== 'none' && box.width > 0 && box.right > 0]; })()";
    let mut stops = Vec::new();
    loop {
        let stop = chrome.evaluate(seen).await;
        if stop[0] == "BODY" {
            break;
        }
        assert_eq!(stop[2], true, "{stop} is not seen");
        stops.push(stop[1].to_string());
        chrome.press("Tab", 9).await;
    }
    assert!(stops.len() > 15, "{stops:?}");
    assert!(stops.iter().any(|stop| stop.contains("Performance")), "{stops:?}");
    assert!(stops.iter().any(|stop| stop.contains("QUALIFIED")), "{stops:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_progress_moves_on_by_itself() {
    let Some(mut chrome) = Chrome::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results");
    fs::create_dir_all(results.join("now")).unwrap();
    let store = fedproof_history::Store::create(folder.path().join("history.db").to_str().unwrap()).await.unwrap();
    let at = serve(store, None, &results).await;
    let events: Vec<String> =
        sample::mixed().iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
    let (begun, rest) = events.split_at(events.len() / 2);
    let mut file = fs::File::create(results.join("now/events.jsonl")).unwrap();
    file.write_all(begun.concat().as_bytes()).unwrap();
    chrome.become_device(390, 844, "light", "en").await;
    chrome.open(&format!("http://{at}/live")).await;
    let progress = "document.querySelector('progress').value";
    let before = chrome.evaluate(progress).await.as_f64().unwrap();
    assert!(before > 0.0);
    assert!(chrome.evaluate("document.body.innerText").await.as_str().unwrap().contains("running"));
    file.write_all(rest.concat().as_bytes()).unwrap();
    let mut text = String::new();
    for _ in 0..100 {
        text = chrome.evaluate("document.body.innerText").await.as_str().unwrap().to_owned();
        if text.contains("finished") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(text.contains("finished"), "{text}");
    assert!(chrome.evaluate(progress).await.as_f64().unwrap() > before);
    assert_eq!(wrong(&mut chrome).await, [""; 0]);
    chrome.picture(&pictures().join("live-running-narrow-light.png"), 2_400.0).await;
}

/// A page with everything that the other tests look for.
async fn bad_page() -> SocketAddr {
    let bad = "<!doctype html><title>bad</title><h1>a</h1><h1>b</h1><a href='/x'></a><p style='width: 3000px'>NaN</p>\
              <script>console.log('never')</script><img src='http://other.example/x.png'>\
               <script src=/error.js></script><link rel=stylesheet href=/wide.css>";
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'";
    let page = ([("content-security-policy", policy)], Html(bad));
    let router = Router::new()
        .route("/", get(async move || page))
        .route("/error.js", get(async || ([("content-type", "text/javascript")], "console.error('oh'); nothing.there")))
        .route("/wide.css", get(async || ([("content-type", "text/css")], "p { width: 3000px }")));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    at
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_would_be_noticed() {
    let Some(mut chrome) = Chrome::start().await else { return };
    let at = bad_page().await;
    chrome.become_device(390, 844, "light", "en").await;
    chrome.open(&format!("http://{at}/")).await;
    let found = wrong(&mut chrome).await;
    for expected in [
        "Content Security Policy",
        "oh",
        "ReferenceError",
        "scrolls sideways",
        "not one h1",
        "without a name",
        "NaN",
        "language",
    ] {
        assert!(found.iter().any(|one| one.contains(expected)), "{expected} is not noticed: {found:#?}");
    }
}
