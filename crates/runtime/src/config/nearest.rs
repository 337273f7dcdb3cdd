//! "Did you mean …": the nearest of some known names. Knows nothing of what the names stand for.

/// The known name that `word` was most likely meant to be; `None` if nothing is near. Near is one slip of the fingers for every
/// three letters (a swap, a missing, a wrong or an extra letter), or a common beginning (Jaro-Winkler above 0.85).
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase().replace('-', "_");
    let slips_max = (folded.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|k| (strsim::osa_distance(&folded, &k.to_lowercase()), strsim::jaro_winkler(&folded, &k.to_lowercase()), k))
        .filter(|(slips, likeness, _)| *slips <= slips_max || *likeness > 0.85)
        .min_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)))
        .map(|(_, _, k)| k)
}
