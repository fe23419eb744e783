//! What somebody may have meant.

/// The known texts nearest to `wanted`, best first, at most `count` of them.
pub(crate) fn nearest<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>, count: usize) -> Vec<&'a str> {
    let lower = wanted.to_lowercase();
    let mut scored: Vec<(f64, &str)> = known
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(score, candidate)| *score > 0.6 || is_part(wanted, candidate))
        .collect();
    scored.sort_by(|(a, x), (b, y)| b.total_cmp(a).then(x.cmp(y)));
    scored.dedup_by(|(_, a), (_, b)| a == b);
    scored.into_iter().take(count).map(|(_, candidate)| candidate).collect()
}

/// The nearest as a question, or `None` if nothing comes near.
pub fn did_you_mean<'a>(wanted: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wanted, known, 1).first().map(|nearest| format!("did you mean `{nearest}`?"))
}

/// A whole part of a longer name, such as `backfill` of `acl/endpoint/backfill`.
fn is_part(wanted: &str, candidate: &str) -> bool {
    wanted.len() >= 3 && candidate.split(['/', '_', '-']).any(|part| part == wanted)
}
