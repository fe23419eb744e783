//! Paths of an Ingress and of an HTTPRoute, which can be patterns, and what they lead to.

const ADMIN: &str = "/_synapse/admin";
/// Characters that no path of Matrix has, by which a pattern is known; a dot is in `/.well-known`, too.
const OF_PATTERNS: &[char] = &['(', ')', '[', '{', '*', '+', '?', '^', '$', '|', '\\'];

/// Whether a path, or what is below it unless it is `exact`, is the admin API of a homeserver. What `/` leads to is one if it is
/// called like one.
pub(super) fn leads_to_admin(path: &str, exact: bool, backend: &str) -> bool {
    let is_homeserver = ["synapse", "homeserver"].iter().any(|name| backend.contains(name));
    alternatives(&path.to_ascii_lowercase()).iter().any(|path| {
        let begin = path.split(OF_PATTERNS).next().unwrap_or_default();
        let is_pattern = begin.len() < path.len();
        // `/_synapse/.*`: the dot is the pattern's.
        let begin = if is_pattern { begin.trim_end_matches('.') } else { begin };
        let whole = begin.trim_end_matches('/');
        let goes_on = ADMIN.strip_prefix(whole).is_some_and(|rest| rest.starts_with('/'));
        let is_around = if is_pattern { ADMIN.starts_with(begin) } else { !exact && goes_on };
        whole.starts_with(ADMIN) || (is_around && (!whole.is_empty() || is_homeserver))
    })
}

/// A pattern without its groups: `/(a|b)/c` is `/a/c` and `/b/c`.
fn alternatives(pattern: &str) -> Vec<String> {
    let group = pattern.find('(').and_then(|start| Some((start, start + pattern[start..].find(')')?)));
    let Some((start, end)) = group.filter(|(start, end)| !pattern[start + 1..*end].contains('(')) else {
        return pattern.split('|').map(str::to_owned).collect();
    };
    let (before, after) = (&pattern[..start], &pattern[end + 1..]);
    // What is repeated or left out is cut where that is said.
    let parts = pattern[start + 1..end].split('|');
    parts.flat_map(|part| alternatives(&format!("{before}{part}{after}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::leads_to_admin;

    #[test]
    fn a_pattern_leads_where_its_beginning_does() {
        for path in [
            "/_synapse/admin",
            "/_synapse/admin/v1/(.*)",
            "/_synapse",
            "/_synapse/",
            "/",
            "/*",
            "/.*",
            "/(.*)",
            "/_synapse(/|$)(.*)",
            "/_synapse/.*",
            "/_synapse/a[d]min",
            "/_SYNAPSE/Admin",
            "/(_matrix|_synapse/admin)/",
            "/_(matrix|synapse)",
            "^/_synapse",
            "/((_matrix|_synapse)/.*)",
            "/_matrix|/_synapse/admin",
        ] {
            assert!(leads_to_admin(path, false, "synapse"), "{path}");
        }
        for path in [
            "/_matrix",
            "/_matrix/(.*)",
            "/_matrix(/|$)(.*)",
            "/_synapse/client",
            "/_synapse/client/.*",
            "/(_matrix|_synapse/client)",
            "/_(matrix|synapse/client)/.*",
            "/_syn",
            "/.well-known/matrix",
        ] {
            assert!(!leads_to_admin(path, false, "synapse"), "{path}");
        }
        assert!(!leads_to_admin("/", true, "synapse") && !leads_to_admin("/_synapse", true, "synapse"));
        assert!(!leads_to_admin("/(.*)", false, "element"));
        assert!(leads_to_admin("/_synapse(/|$)(.*)", true, "element"));
    }
}
