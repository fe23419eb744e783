//! Variables of compose files, as far as the files say what they are.
//!
//! A variable is what `.env` says; `${X:-default}` and `${X-default}` become the default where it says nothing, `${X:+other}` and
//! `${X+other}` the other where it does; `$$` is a dollar. What has no value stays as it is written, since nobody can tell from
//! the files what it will be: `user: ${USER_ID}` is not shown to be hardened.

use std::collections::BTreeMap;

/// A text with its variables put in, as far as they are known.
pub(crate) fn interpolate(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            out.push('$');
            rest = after;
            continue;
        }
        let (variable, after) = braced(rest).or_else(|| bare(rest)).unwrap_or(("", &rest[1..]));
        let value = value(variable, known);
        out.push_str(value.as_deref().unwrap_or(&rest[..rest.len() - after.len()]));
        rest = after;
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

/// The name in `$NAME` at the start of a text, and what comes after it.
fn bare(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix('$')?;
    let end = rest.find(is_no_name).unwrap_or(rest.len());
    (end > 0).then(|| rest.split_at(end))
}

fn is_no_name(c: char) -> bool {
    !c.is_ascii_alphanumeric() && c != '_'
}

/// What `X`, `X:-default` and the like become; a colon takes an empty value for none.
fn value(variable: &str, known: &BTreeMap<String, String>) -> Option<String> {
    let (name, operator) = variable.split_at(variable.find(is_no_name).unwrap_or(variable.len()));
    let strict = operator.strip_prefix(':');
    let set = known.get(name).filter(|value| strict.is_none() || !value.is_empty());
    let operator = strict.unwrap_or(operator);
    let put_in = |text: &str| interpolate(text, known);
    match (operator.strip_prefix('+'), operator.strip_prefix('-')) {
        (Some(other), _) => set.map(|_| put_in(other)),
        (_, default) => set.cloned().or_else(|| default.map(put_in)),
    }
}

#[cfg(test)]
mod tests {
    use super::interpolate;
    use std::collections::BTreeMap;

    #[test]
    fn values_and_defaults_are_put_in_and_what_has_none_stays() {
        let known = [("TAG", "latest"), ("EMPTY", "")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let known = BTreeMap::from(known);
        for (text, becomes) in [
            ("plain", "plain"),
            ("${TOG:-1.2}", "1.2"),
            ("a:${TOG-1.2}-b", "a:1.2-b"),
            ("${A:-${B:-c}}d", "cd"),
            ("${A:-}", ""),
            ("${A}", "${A}"),
            ("$A", "$A"),
            ("${A:?say it}", "${A:?say it}"),
            ("${A:-${B}}", "${B}"),
            ("${A:+b}", "${A:+b}"),
            ("cost $$5 ${ $", "cost $5 ${ $"),
            ("x:$TAG", "x:latest"),
            ("x:${TAG:-1.2}", "x:latest"),
            ("${TAG:?say it} ${TAG+b}", "latest b"),
            ("${EMPTY:-a}${EMPTY-a}", "a"),
            ("$$TAG", "$TAG"),
        ] {
            assert_eq!(interpolate(text, &known), becomes, "{text}");
        }
    }
}
