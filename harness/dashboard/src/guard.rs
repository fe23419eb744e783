//! Who may read, and what a browser may do with what it got.

use crate::{page::login, server::Shared, view::View};
use axum::{
    extract::{Form, FromRequestParts, Request, State},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::sync::Arc;
use subtle::ConstantTimeEq;

/// Fewest characters of a token: nothing else stands between a guess and the runs.
pub(crate) const LEAST: usize = 16;

const COOKIE: &str = "fedproof_session";

/// What is allowed: our own style and script, and nothing inline.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The secret that opens the pages, as what is compared: its hash, and that of the session that it opens.
pub(crate) struct Token {
    secret: [u8; 32],
    session: String,
}

impl Token {
    pub(crate) fn new(token: &str) -> Self {
        // Who has the session cannot tell the token; a new token ends all sessions.
        let session: [u8; 32] = Sha256::digest(format!("fedproof dashboard session\0{token}")).into();
        let session = session.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { secret: Sha256::digest(token).into(), session }
    }

    /// Takes as long for a wrong token as for the right one.
    fn opens(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        self.secret.ct_eq(&given).into()
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let cookies = text(header::COOKIE).unwrap_or_default().split(';');
        let session = cookies.filter_map(|cookie| cookie.trim().split_once('=')).find(|(name, _)| *name == COOKIE);
        bearer.is_some_and(|token| self.opens(token))
            || session.is_some_and(|(_, session)| session.as_bytes().ct_eq(self.session.as_bytes()).into())
    }
}

/// Stands before every page: lets in who may come, and locks what goes out.
pub(crate) async fn guard(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_free = ["/style.css", "/script.js", "/login"].contains(&path);
    let mut response = if shared.token.is_none() && !is_local(request.headers()) {
        // A page of another site whose name was made to point here would otherwise read everything.
        (StatusCode::MISDIRECTED_REQUEST, "only as localhost, 127.0.0.1 or [::1]\n").into_response()
    } else if is_free || shared.token.as_ref().is_none_or(|token| token.admits(request.headers())) {
        next.run(request).await
    } else {
        refuse(request, &shared).await
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // A page may have a policy of its own.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(POLICY));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The form for people, a plain answer for programs.
async fn refuse(request: Request, shared: &Arc<Shared>) -> Response {
    let (mut parts, _) = request.into_parts();
    let wants_page =
        parts.headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"text/html"));
    match View::from_request_parts(&mut parts, shared).await {
        Ok(view) if wants_page => (StatusCode::UNAUTHORIZED, login::form(&view, false)).into_response(),
        _ => (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], "a token is needed\n").into_response(),
    }
}

/// Whether the request names this machine, with any port or none.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let port = |rest: &str| rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    ["localhost", "127.0.0.1", "[::1]"].iter().any(|name| host.strip_prefix(name).is_some_and(port))
}

#[derive(Deserialize)]
pub(crate) struct Login {
    token: String,
}

/// A token from the form: a session in return.
pub(crate) async fn log_in(view: View, Form(login): Form<Login>) -> Response {
    let Some(token) = view.shared.token.as_ref().filter(|token| token.opens(login.token.trim())) else {
        return (StatusCode::UNAUTHORIZED, login::form(&view, true)).into_response();
    };
    // Told by whoever ends TLS before us; a lie only costs the liar its session.
    let secure = if view.is_behind_tls { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={}; HttpOnly; SameSite=Strict; Path=/; Max-Age=2592000{secure}", token.session);
    ([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("a header"))])
    }

    #[test]
    fn only_this_machine_s_own_names_are_local() {
        for (host, is) in [
            ("localhost", true),
            ("localhost:8080", true),
            ("127.0.0.1:1", true),
            ("[::1]:8080", true),
            ("localhost.evil.example", false),
            ("127.0.0.1.evil.example", false),
            ("evil.example", false),
            ("localhost:80x", false),
            ("", false),
        ] {
            assert_eq!(is_local(&headers(header::HOST, host)), is, "{host}");
        }
        assert!(!is_local(&HeaderMap::new()));
    }

    #[test]
    fn a_token_admits_itself_and_its_session() {
        let token = Token::new("correct horse battery staple");
        let session = format!("lang=de; {COOKIE}={}", token.session);
        assert!(token.admits(&headers(header::AUTHORIZATION, "Bearer correct horse battery staple")));
        assert!(token.admits(&headers(header::COOKIE, &session)));
        for wrong in ["Bearer correct horse battery stapl", "Bearer ", "correct horse battery staple"] {
            assert!(!token.admits(&headers(header::AUTHORIZATION, wrong)), "{wrong}");
        }
        let other = format!("{COOKIE}={}", Token::new("another").session);
        for wrong in [other.as_str(), COOKIE, ""] {
            assert!(!token.admits(&headers(header::COOKIE, wrong)), "{wrong}");
        }
        assert!(!token.session.contains("horse"));
    }
}
