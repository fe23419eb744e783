//! Headers that concern one connection only, and what is read of the others.

use fedproof_core::{ServerName, transcript::Authorization, xmatrix};
use http::{HeaderMap, HeaderName, header};

/// Hop-by-hop headers (RFC 9110, 7.6.1), and two that a recorder of whole, plain bodies must not pass on.
const NOT_PASSED: [HeaderName; 10] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
    header::ACCEPT_ENCODING,
];

/// Removes what must not be passed on, also the headers that `Connection` names.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in NOT_PASSED.iter().chain(&named) {
        headers.remove(name);
    }
}

/// The `origin` that an `X-Matrix` header claims. An adversary's header need not be well-formed to be read.
pub(crate) fn origin(headers: &HeaderMap) -> Option<ServerName> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    if let Ok((origin, _)) = xmatrix::read(Some(value)) {
        return Some(origin);
    }
    let (scheme, parameters) = value.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("X-Matrix") {
        return None;
    }
    let pairs = parameters.split(',').filter_map(|pair| pair.split_once('='));
    let (_, origin) = pairs.into_iter().find(|(key, _)| key.trim().eq_ignore_ascii_case("origin"))?;
    Some(ServerName::new(origin.trim().trim_matches('"')))
}

/// What a well-formed `X-Matrix` header says. Kept, since what it holds is public: whoever receives it can show it.
pub(crate) fn authorization(headers: &HeaderMap) -> Option<Authorization> {
    let (_, header) = xmatrix::read(headers.get(header::AUTHORIZATION)?.to_str().ok()).ok()?;
    Some(Authorization {
        origin: header.origin.to_string(),
        destination: header.destination.map(|name| name.to_string()),
        key: header.key.to_string(),
        sig: header.sig.encode(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn connection_headers_stay_behind() {
        let mut headers = HeaderMap::new();
        for (name, value) in
            [("connection", "close, X-One"), ("x-one", "1"), ("x-two", "2"), ("transfer-encoding", "chunked")]
        {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        strip(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["x-two"]);
    }

    #[test]
    fn the_origin_is_read_of_odd_headers_too() {
        for (value, origin) in [
            (r#"X-Matrix origin="A.example",destination="b",key="ed25519:1",sig="AAAA""#, Some("a.example")),
            (r#"X-Matrix key=1, origin=a b c"#, Some("a b c")),
            ("Bearer token", None),
            ("X-Matrix", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
            assert_eq!(self::origin(&headers), origin.map(ServerName::new), "{value}");
        }
        assert_eq!(origin(&HeaderMap::new()), None);
    }
}
