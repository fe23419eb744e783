//! Links into the specification, from what a requirement says.

use crate::part::text;
use maud::{Markup, html};

const SPEC: &str = "https://spec.matrix.org";
/// How requirements call a page, and where it is.
const APIS: [(&str, &str); 4] = [
    ("Server-server API", "server-server-api"),
    ("Client-server API", "client-server-api"),
    ("Push gateway API", "push-gateway-api"),
    ("Room version", "rooms"),
];

/// The requirement as text, and behind it where to read on.
pub(crate) fn linked(requirement: &str) -> Markup {
    html! { (text(requirement)) " " (read_on(requirement)) }
}

/// Where to read on.
pub(crate) fn read_on(requirement: &str) -> Markup {
    html! { @for (name, url) in links(requirement) { a.spec href=(url) rel="noreferrer" { (name) " ↗" } " " } }
}

/// Pages of the specification, proposals and advisories that it names, each once.
fn links(requirement: &str) -> Vec<(String, String)> {
    let lower = requirement.to_lowercase();
    let mut links: Vec<(String, String)> = Vec::new();
    for (name, page) in APIS {
        let Some(at) = lower.find(&name.to_lowercase()) else { continue };
        let rest = &lower[at + name.len()..];
        let version = rest.trim_start().split([',', ' ', ':', ';', ')']).next().filter(|word| is_version(word));
        let anchor = anchor(rest.split(';').next().unwrap_or_default());
        let url = format!("{SPEC}/{}/{page}/{anchor}", version.unwrap_or("latest"));
        links.push((name.to_owned(), url));
    }
    for word in requirement.split(|char: char| !char.is_ascii_alphanumeric() && char != '-') {
        let url = match (word.strip_prefix("MSC"), word.strip_prefix("CVE-")) {
            (Some(number), _) if is_number(number) => {
                format!("https://github.com/matrix-org/matrix-spec-proposals/pull/{number}")
            }
            (_, Some(_)) => format!("https://nvd.nist.gov/vuln/detail/{word}"),
            _ => continue,
        };
        links.push((word.to_owned(), url));
    }
    links
}

/// Anchors that are known: of the section on server ACLs, and of events (`m.room.encryption` → `#mroomencryption`).
fn anchor(rest: &str) -> String {
    if rest.contains("server access control lists") {
        return "#server-access-control-lists-acls".to_owned();
    }
    let event = rest.split([',', ' ', ':', ';', ')']).find(|word| word.starts_with("m.") && word.len() > 3);
    event.map(|event| format!("#{}", event.replace('.', ""))).unwrap_or_default()
}

fn is_version(word: &str) -> bool {
    let number = word.strip_prefix('v').unwrap_or_default();
    number.split('.').count() == 2 && number.split('.').all(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requirements_lead_to_their_sections() {
        let urls = |text| links(text).into_iter().map(|(_, url)| url).collect::<Vec<_>>();
        assert_eq!(
            urls("Server-server API v1.19, Server Access Control Lists: m.receipt (MSC4163, since v1.13)"),
            [
                "https://spec.matrix.org/v1.19/server-server-api/#server-access-control-lists-acls",
                "https://github.com/matrix-org/matrix-spec-proposals/pull/4163"
            ]
        );
        assert_eq!(
            urls("Client-server API, m.room.encryption: stays"),
            ["https://spec.matrix.org/latest/client-server-api/#mroomencryption"]
        );
        assert_eq!(urls("Room versions 10, 11 and 12: rules"), ["https://spec.matrix.org/latest/rooms/"]);
        assert_eq!(urls("Profile: a rule of our own"), [""; 0]);
    }
}
