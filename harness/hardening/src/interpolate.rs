//! Variables of compose files, as far as the file itself says what they are.
//!
//! `${X:-default}` and `${X-default}` become the default, `$$` a dollar. What has no default stays as it is written, since
//! nobody can tell from the file what it will be: `user: ${USER_ID}` is not shown to be hardened.

/// A text with its defaults put in.
pub(crate) fn interpolate(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
        } else if let Some((inner, after)) = braced(rest) {
            match default(inner) {
                Some(default) => out.push_str(&interpolate(default)),
                None => out.push_str(&rest[..rest.len() - after.len()]),
            }
            rest = after;
        } else {
            out.push('$');
            rest = &rest[1..];
        }
    }
    out + rest
}

/// What stands in `${ }` at the start of a text, and what comes after it; braces may nest.
fn braced(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix("${")?;
    let mut depth = 1;
    for (at, char) in inner.char_indices() {
        depth += match char {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if depth == 0 {
            return Some((&inner[..at], &inner[at + 1..]));
        }
    }
    None
}

/// The default of `X:-default` or `X-default`.
fn default(inner: &str) -> Option<&str> {
    let name = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let operator = &inner[name..];
    operator.strip_prefix(":-").or_else(|| operator.strip_prefix('-'))
}

#[cfg(test)]
mod tests {
    use super::interpolate;

    #[test]
    fn defaults_are_put_in_and_what_has_none_stays() {
        for (text, becomes) in [
            ("plain", "plain"),
            ("${TAG:-1.2}", "1.2"),
            ("a:${TAG-1.2}-b", "a:1.2-b"),
            ("${A:-${B:-c}}d", "cd"),
            ("${A:-}", ""),
            ("${A}", "${A}"),
            ("$A", "$A"),
            ("${A:?say it}", "${A:?say it}"),
            ("${A:-${B}}", "${B}"),
            ("cost $$5 ${", "cost $5 ${"),
        ] {
            assert_eq!(interpolate(text), becomes, "{text}");
        }
    }
}
